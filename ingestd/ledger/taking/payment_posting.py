"""A payment file's good rows as payments: received, and settled where the merchant says so."""

from __future__ import annotations

import sqlalchemy as sa

from ingestd.database.bulk import Temporary, analyse, create_temporary, latest, ordered
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.formats.names import FormatName
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.chart import CHARGED, PartyKind
from ingestd.ledger.books.periods import open_from
from ingestd.ledger.books.postings import post_lines
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.money.payments import CHOSEN, PartKind, post_received
from ingestd.ledger.money.settlement import settle_chosen
from ingestd.ledger.paying.allocations import SUNDRY_SALE
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.ledger.taking.payment_stage import PAYMENTS
from ingestd.ledger.taking.verdicts import Posted, counted

_STAGE = PAYMENTS.name
_SALE = "sale"
_APPLIED = "NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
_KINDS = {
    FormatName.FEE_PAYMENTS: "fee_account",
    FormatName.SUNDRY_PAYMENTS: SUNDRY_SALE,
    FormatName.ENROLMENT_PAYMENTS: "enrolment",
}
# A row that is a sale and its payment together: its own charge, which its own money pays.
_IS_SALE = "(s.payer_name IS NOT NULL AND COALESCE(s.receipt_type, 'G') = 'G')"
# What each row that is to be applied becomes: who pays, who is charged where that is somebody
# else, and by which numbers.
_NUMBERED = Temporary(
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
_ROWS = f"{_NUMBERED.name} n JOIN {_STAGE} s ON s.row = n.row"


def post_staged_payments(entry: Entry, format_name: FormatName) -> Posted:
    """Write the payments that the stage still holds, and all that they bring; count every verdict.

    A sundry payment, and an enrolment payment that is income, are a sale and its payment
    together. Batches of merchants that settle on import settle at once.
    """
    head = entry.head
    payments_before = head.payments
    _add_parties(entry, format_name)
    if format_name is not FormatName.FEE_PAYMENTS:
        _insert_sales(entry)
    _insert_payments(entry, format_name)
    _insert_parts(entry, format_name)
    post_received(entry, payments_before=payments_before)
    create_temporary(entry.connection, CHOSEN)
    entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO stage_chosen (payment_no)"
            " SELECT p.payment_no FROM payment p JOIN merchant m"
            "  ON m.account = p.account AND m.merchant_id = p.merchant_id"
            " WHERE p.account = :account AND p.payment_no > :payments_before"
            " AND m.settle = 'on_import'",
        ),
        {"account": head.account, "payments_before": payments_before},
    )
    analyse(entry.connection, CHOSEN)
    settle_chosen(entry)
    amount = entry.connection.execute(
        sa.text(
            "SELECT COALESCE(SUM(amount), 0) FROM payment"
            " WHERE account = :account AND payment_no > :payments_before"
        ),
        {"account": head.account, "payments_before": payments_before},
    ).scalar_one()
    return counted(
        entry.connection, applied=head.payments - payments_before, applied_amount=int(amount)
    )


def _add_parties(entry: Entry, format_name: FormatName) -> None:
    """Give everybody a number who pays or is charged for the first time, and number the rows."""
    if format_name is FormatName.SUNDRY_PAYMENTS:
        _number_rows(entry, payer=":parties + ROW_NUMBER() OVER (ORDER BY s.row)")
        _add_guests(entry)
        return
    _add_kind(entry, PartyKind.PARENT, "s.parent_code")
    payer = _party(PartyKind.PARENT, "s.parent_code")
    customer = None
    if format_name is FormatName.ENROLMENT_PAYMENTS:
        _add_kind(entry, PartyKind.STUDENT, "s.student_id")
        customer = _party(PartyKind.STUDENT, "s.student_id")
    _number_rows(entry, payer=payer, customer=customer)


def _party(kind: PartyKind, code: str) -> str:
    return (
        "(SELECT y.party_no FROM party y WHERE y.account = :account"
        f" AND y.kind = '{kind}' AND y.party_code = {code})"
    )


def _add_kind(entry: Entry, kind: PartyKind, code: str) -> None:
    result = entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO party (account, party_no, kind, party_code, batch_no)"
            " SELECT CAST(:account AS TEXT), :parties + ROW_NUMBER() OVER (ORDER BY n.code),"
            " CAST(:kind AS TEXT), n.code, :batch_no"
            f" FROM (SELECT DISTINCT {code} AS code FROM {_STAGE} s WHERE {_APPLIED}) n"
            " WHERE NOT EXISTS (SELECT 1 FROM party y WHERE y.account = :account"
            "  AND y.kind = :kind AND y.party_code = n.code)",
        ),
        {
            "account": entry.head.account,
            "parties": entry.head.parties,
            "kind": kind.value,
            "batch_no": entry.batch.batch_no,
        },
    )
    entry.head.parties += result.rowcount


def _number_rows(entry: Entry, *, payer: str, customer: str | None = None) -> None:
    """Number the rows that are to be applied, in the order of the file.

    `payer` and `customer` are the SQL of who pays a staged row `s`, and who is charged by it:
    the payer, unless somebody else is named.
    """
    connection, head = entry.connection, entry.head
    numbers = {"payments": head.payments, "charges": head.charges}
    if ":parties" in payer:
        numbers["parties"] = head.parties
    create_temporary(connection, _NUMBERED)
    connection.execute(
        sa.text(
            "INSERT INTO stage_numbered (row, payment_no, payer_no, customer_no, charge_no)"
            f" SELECT s.row, :payments + ROW_NUMBER() OVER (ORDER BY s.row), {payer},"
            f" {customer or 'CAST(NULL AS BIGINT)'}, CASE WHEN {_IS_SALE} THEN :charges"
            f"  + SUM(CASE WHEN {_IS_SALE} THEN 1 ELSE 0 END) OVER (ORDER BY s.row) END"
            f" FROM {_STAGE} s WHERE {_APPLIED}"
        ),
        {"account": head.account, **numbers},
    )
    analyse(connection, _NUMBERED)


def _add_guests(entry: Entry) -> None:
    """Make each row's payer a guest; guests are never merged by name."""
    values = {"account": entry.head.account, "batch_no": entry.batch.batch_no}
    result = entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO party (account, party_no, kind, party_code, batch_no)"
            f" SELECT CAST(:account AS TEXT), n.payer_no, '{PartyKind.GUEST}',"
            " 'GUEST-' || CAST(:upload_id AS TEXT) || '-' || CAST(n.row AS TEXT), :batch_no"
            f" FROM {_NUMBERED.name} n ORDER BY n.row",
        ),
        {**values, "upload_id": entry.batch.upload_id},
    )
    entry.head.parties += result.rowcount
    entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO guest (account, party_no, name, address, batch_no)"
            " SELECT CAST(:account AS TEXT), n.payer_no, s.payer_name, s.address, :batch_no"
            f" FROM {_ROWS} ORDER BY n.row",
        ),
        values,
    )


def _insert_sales(entry: Entry) -> None:
    """Charge what was sold with the payment; its ledger account stands for the product."""
    connection, head = entry.connection, entry.head
    charges_before = head.charges
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no,"
            " account_type, billing_code, amount, note, occurred_at, effective_on, batch_no,"
            " upload_id, row)"
            " SELECT CAST(:account AS TEXT), n.charge_no, s.row_key, s.content_hash,"
            f" COALESCE(n.customer_no, n.payer_no), '{AccountType.LIABILITY}', s.gl_account,"
            f" s.fee, s.comment, s.submitted_at, {_day(entry)}, :batch_no,"
            f" CAST(:upload_id AS TEXT), s.row FROM {_ROWS}"
            " WHERE n.charge_no IS NOT NULL ORDER BY n.row",
        ),
        _bound(entry),
    )
    head.charges += result.rowcount
    take_keys(connection, head, charges_before=charges_before)
    movement = CHARGED[AccountType.LIABILITY]
    post_lines(
        connection,
        head,
        entry.batch,
        event=_SALE,
        values={"charges_before": charges_before},
        lines=(
            "SELECT c.charge_no AS position, 1 AS side, c.effective_on AS effective_on,"
            f" {movement.debit:d} AS debit_account, {movement.credit:d} AS credit_account,"
            " c.amount AS amount, c.party_no AS debit_party_no,"
            " CAST(NULL AS BIGINT) AS credit_party_no, c.charge_no AS charge_no,"
            " CAST(NULL AS BIGINT) AS payment_no, c.billing_code AS billing_code,"
            " CAST(NULL AS BIGINT) AS reverses_posting_no FROM charge c"
            " WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0"
        ),
    )
    open_new_charges(connection, head, charges_before=charges_before)


def _insert_payments(entry: Entry, format_name: FormatName) -> None:
    result = entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO payment (account, payment_no, payment_id, content_hash, kind, party_no,"
            " amount, submitted_at, received_on, merchant_id, batch_num, receipt_num,"
            " for_charge_no, comment, batch_no, upload_id, row)"
            " SELECT CAST(:account AS TEXT), n.payment_no, s.row_key, s.content_hash,"
            " CAST(:kind AS TEXT), n.payer_no, s.amount, s.submitted_at,"
            f" {_day(entry)}, s.merchant_id, s.batch_num, s.receipt_num, n.charge_no, s.comment,"
            f" :batch_no, CAST(:upload_id AS TEXT), s.row FROM {_ROWS} ORDER BY n.row",
        ),
        {**_bound(entry), "kind": _KINDS[format_name]},
    )
    entry.head.payments += result.rowcount


def _insert_parts(entry: Entry, format_name: FormatName) -> None:
    """Write down what each payment is for; parts of nothing are left out."""
    parts = _FEE_PARTS if format_name is FormatName.FEE_PAYMENTS else _NETT_PARTS
    kinds, amounts, gl_accounts = (
        f"CASE k.part_no {' '.join(f'WHEN {part[0]} THEN {part[place]}' for part in parts)} END"
        for place in (1, 2, 3)
    )
    numbers = " UNION ALL ".join(f"SELECT {part[0]} AS part_no" for part in parts)
    # Payment by payment, all its parts: the table is appended to.
    entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no,"
            " gl_account, tax_code, batch_no)"
            f" SELECT CAST(:account AS TEXT), n.payment_no, k.part_no, {kinds}, {amounts},"
            f" n.payer_no, {gl_accounts}, s.tax_code, :batch_no"
            f" FROM {_ROWS} JOIN ({numbers}) k ON TRUE WHERE {amounts} > 0"
            " ORDER BY n.row",
        ),
        {"account": entry.head.account, "batch_no": entry.batch.batch_no},
    )


_OTHER_ACCOUNT = (
    "(SELECT m.other_gl_account FROM merchant m"
    " WHERE m.account = :account AND m.merchant_id = s.merchant_id)"
)
_NETT_KIND = (
    f"CASE s.receipt_type WHEN 'D' THEN '{PartKind.DEPOSIT}'"
    f" WHEN 'A' THEN '{PartKind.ADVANCE}' ELSE '{PartKind.FEE}' END"
)
# The parts of a payment: their number, kind, amount and account of the general ledger.
_FEE_PARTS = (
    (1, f"'{PartKind.FEE}'", "s.fee - s.discount", "CAST(NULL AS TEXT)"),
    (2, f"'{PartKind.DISCOUNT}'", "s.discount", "NULL"),
    (3, f"'{PartKind.BUILDING}'", "s.building", "NULL"),
    (4, f"'{PartKind.OTHER}'", "s.other", _OTHER_ACCOUNT),
)
_NETT_PARTS = (
    (1, _NETT_KIND, "s.fee", "s.gl_account"),
    (5, f"'{PartKind.TAX}'", "s.tax", "s.gl_account"),
)


def _day(entry: Entry) -> str:
    """Return the SQL of the day that a row is posted on: its own, or the first open one."""
    return latest(entry.connection, "s.received_on", "CAST(:open_from AS TEXT)")


def _bound(entry: Entry) -> dict[str, object]:
    return {
        "account": entry.head.account,
        "batch_no": entry.batch.batch_no,
        "upload_id": entry.batch.upload_id,
        "open_from": open_from(entry.connection, entry.head.account),
    }
