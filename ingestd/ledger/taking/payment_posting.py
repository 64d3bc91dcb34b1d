"""A payment file's good rows as payments: received, and settled where the merchant says so."""

from __future__ import annotations

from ingestd.database.bulk import Temporary, analyse, create_temporary
from ingestd.database.statements import Statements
from ingestd.formats.names import FormatName
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.postings import post
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.money.payments import CHOSEN, post_received
from ingestd.ledger.money.settlement import settle_chosen
from ingestd.ledger.paying.allocations import SUNDRY_SALE
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.ledger.paying.terms import Terms, read_terms
from ingestd.ledger.taking.verdicts import Posted, counted

_SQL = Statements(__file__)

_KINDS = {
    FormatName.FEE_PAYMENTS: "fee_account",
    FormatName.SUNDRY_PAYMENTS: SUNDRY_SALE,
    FormatName.ENROLMENT_PAYMENTS: "enrolment",
}
# What each row that is to be applied becomes: who pays, who is charged where that is somebody
# else, and by which numbers. A row without a charge is no sale.
NUMBERED = Temporary(
    "stage_numbered",
    {
        "row": "whole",
        "payment_no": "whole",
        "payer_no": "whole",
        "customer_no": "whole?",
        "charge_no": "whole?",
    },
    key=("row",),
)


def post_staged_payments(entry: Entry, format_name: FormatName) -> Posted:
    """Write the payments that the stage still holds, and all that they bring; count every verdict.

    A sundry payment, and an enrolment payment that is income, are a sale and its payment
    together. Batches of merchants that settle on import settle at once.
    """
    head = entry.head
    payments_before = head.payments
    terms = read_terms(entry.connection, head)
    has_sales = format_name is not FormatName.FEE_PAYMENTS
    _add_parties(entry, format_name)
    if has_sales:
        _insert_sales(entry, terms)
    head.payments += _run(
        entry, "insert_payments", kind=_KINDS[format_name], open_from=terms.open_from
    )
    _run(entry, "insert_parts_of_sales" if has_sales else "insert_parts_of_fees")
    post_received(entry, payments_before=payments_before)
    newest = {"account": head.account, "payments_before": payments_before}
    create_temporary(entry.connection, CHOSEN)
    _SQL.run(entry.connection, "stage_settled", newest)
    analyse(entry.connection, CHOSEN)
    settle_chosen(entry)
    amount = _SQL.run(entry.connection, "sum_payments", newest).scalar_one()
    return counted(
        entry.connection, applied=head.payments - payments_before, applied_amount=int(amount)
    )


def _add_parties(entry: Entry, format_name: FormatName) -> None:
    """Give everybody a number who pays or is charged for the first time, and number the rows."""
    create_temporary(entry.connection, NUMBERED)
    if format_name is FormatName.SUNDRY_PAYMENTS:
        _run(entry, "number_rows_of_guests")
        analyse(entry.connection, NUMBERED)
        entry.head.parties += _run(entry, "insert_guests")
        _run(entry, "insert_names_of_guests")
        return
    entry.head.parties += _run(entry, "insert_parents")
    if format_name is FormatName.ENROLMENT_PAYMENTS:
        entry.head.parties += _run(entry, "insert_students")
    _run(entry, "number_rows_of_parents")
    analyse(entry.connection, NUMBERED)


def _insert_sales(entry: Entry, terms: Terms) -> None:
    """Charge what was sold with the payment; its ledger account stands for the product."""
    connection, head = entry.connection, entry.head
    charges_before = head.charges
    head.codes += _run(entry, "insert_codes")
    head.charges += _run(entry, "insert_sales", open_from=terms.open_from)
    take_keys(connection, head, charges_before=charges_before)
    post(connection, head, entry.batch, _SQL, "post_sales", {"charges_before": charges_before})
    open_new_charges(connection, head, charges_before=charges_before, has_sorts=terms.has_sorts)


def _run(entry: Entry, statement: str, **values: object) -> int:
    """Run a statement, which may bind what the head and the batch say; return how many rows."""
    head, batch = entry.head, entry.batch
    bound = {
        "account": head.account,
        "parties": head.parties,
        "charges": head.charges,
        "codes": head.codes,
        "payments": head.payments,
        "batch_no": batch.batch_no,
        "upload_id": batch.upload_id,
        **values,
    }
    return _SQL.run(entry.connection, statement, bound).rowcount
