"""A payment file's good rows as payments: received, and settled where the merchant says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy
from ingestd.database.bulk import Temporary, analyse, create_temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.payments import CHOSEN, post_received
from ingestd.ledger.money.settlement import settle_chosen
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.ledger.paying.terms import Terms, read_terms
from ingestd.ledger.taking.payment_files.payment_rows import (
    Rule,
    judge_staged_payments,
    weigh_staged_payments,
)
from ingestd.ledger.taking.payment_files.payment_stage import PaymentStager
from ingestd.ledger.taking.taking import Taking
from ingestd.ledger.taking.verdicts import Posted, counted

_SQL = Statements(__file__)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSteps:
    """What a payment format does on its own way, each step for all of its staged rows.

    `kind` is what the books call its payments. Its rows keep the `rules`; `warnings` reject none.
    `add_parties` gives everybody a number who pays or is charged for the first time, and fills
    `stage_numbered`; `insert_sales` charges what was sold with the payments,
    None where nothing ever is; `insert_parts` says what each payment is for. Where a row
    `has_details`, all that it says beside that is kept.
    """

    kind: str
    rules: Sequence[Rule]
    warnings: Sequence[Rule] = ()
    add_parties: Callable[[Entry], None]
    insert_sales: Callable[[Entry, Terms], None] | None = None
    insert_parts: Callable[[Entry], None]
    has_details: bool = False


def payment_taking(steps: PaymentSteps) -> Taking:
    """Return how the ledger takes the payment files of a format."""

    def judge(connection: Connection, head: Head, account: Account) -> bool:
        return judge_staged_payments(
            connection,
            head,
            rules=steps.rules,
            warnings=steps.warnings,
            all_or_nothing=account.policy.file is FilePolicy.ALL_OR_NOTHING,
        )

    def post_payments(entry: Entry, _folders: Sequence[Path]) -> Posted:
        return _post_staged_payments(entry, steps)

    return Taking(stager=_stager, judge=judge, weigh=weigh_staged_payments, post=post_payments)


def _stager(account: Account, *_: object) -> PaymentStager:
    return PaymentStager(zone=account.timezone)


def _post_staged_payments(entry: Entry, steps: PaymentSteps) -> Posted:
    """Write the payments that the stage still holds, and all that they bring; count every verdict.

    Batches of merchants that settle on import settle at once.
    """
    head = entry.head
    payments_before = head.payments
    terms = read_terms(entry.connection, head)
    create_temporary(entry.connection, NUMBERED)
    steps.add_parties(entry)
    if steps.insert_sales is not None:
        steps.insert_sales(entry, terms)
    head.payments += run(entry, _SQL, "insert_payments", kind=steps.kind, open_from=terms.open_from)
    if steps.has_details:
        run(entry, _SQL, "insert_details")
    steps.insert_parts(entry)
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


def add_parents(entry: Entry) -> None:
    """Give each parent a number who pays for the first time."""
    entry.head.parties += run(entry, _SQL, "insert_parents")


def number_rows_of_parents(entry: Entry) -> None:
    """Number the rows that are to be applied, once all whom they name have numbers."""
    run(entry, _SQL, "number_rows_of_parents")
    analyse(entry.connection, NUMBERED)


def insert_sales(entry: Entry, terms: Terms) -> None:
    """Charge what was sold with the payment; its ledger account stands for the product."""
    connection, head = entry.connection, entry.head
    charges_before = head.charges
    head.codes += run(entry, _SQL, "insert_codes")
    head.charges += run(entry, _SQL, "insert_sales", open_from=terms.open_from)
    run(entry, _SQL, "insert_taxes")
    take_keys(connection, head, charges_before=charges_before)
    post(connection, head, entry.batch, _SQL, "post_sales", {"charges_before": charges_before})
    open_new_charges(connection, head, charges_before=charges_before, has_sorts=terms.has_sorts)


def insert_parts_of_sales(entry: Entry) -> None:
    """Say what each payment is for: what was sold with it, a deposit or an advance."""
    run(entry, _SQL, "insert_parts_of_sales")


def run(entry: Entry, statements: Statements, name: str, **values: object) -> int:
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
    return statements.run(entry.connection, name, bound).rowcount
