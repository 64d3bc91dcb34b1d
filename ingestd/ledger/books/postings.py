"""Postings: how lines of the books are written, numbered within their account."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from ingestd.database.bulk import ordered
from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import CHARGED
from ingestd.ledger.books.head import Head

RECEIVABLE_OF_CHARGE = (
    f"CASE c.account_type WHEN '{AccountType.LIABILITY}'"
    f" THEN {CHARGED[AccountType.LIABILITY].debit:d}"
    f" ELSE {CHARGED[AccountType.WALLET].debit:d} END"
)
"""SQL for the receivable that a charge `c` stands on."""


def post(
    connection: Connection,
    head: Head,
    batch: Batch,
    statements: Statements,
    name: str,
    values: Mapping[str, object],
) -> int:
    """Write lines of the books by an INSERT of `statements`; return how many there were.

    It numbers them above `:postings`, and binds `:account` and `:batch_no`, too. Amounts are
    above zero.
    """
    result = statements.run(
        connection,
        name,
        {
            "account": head.account,
            "postings": head.postings,
            "batch_no": batch.batch_no,
            **values,
        },
    )
    head.postings += result.rowcount
    return result.rowcount


def post_lines(
    connection: Connection,
    head: Head,
    batch: Batch,
    *,
    event: str,
    lines: str,
    values: Mapping[str, object],
) -> int:
    """Write one posting for each row of the SELECT `lines`; return how many there were.

    `lines` gives `position` and `side`, by which postings are ordered, and the columns
    `effective_on, debit_account, credit_account, amount, debit_party_no, credit_party_no,
    charge_no, payment_no, billing_code, reverses_posting_no`. Amounts are above zero.
    """
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO posting (account, posting_no, batch_no, event, effective_on,"
            " debit_account, credit_account, amount, debit_party_no, credit_party_no, charge_no,"
            " payment_no, billing_code, reverses_posting_no)"
            " SELECT CAST(:account AS TEXT),"
            " :postings + ROW_NUMBER() OVER (ORDER BY l.position, l.side), :batch_no,"
            " CAST(:event AS TEXT), l.effective_on, l.debit_account, l.credit_account, l.amount,"
            " l.debit_party_no, l.credit_party_no, l.charge_no, l.payment_no, l.billing_code,"
            f" l.reverses_posting_no FROM ({lines}) l",
        ),
        {
            "account": head.account,
            "postings": head.postings,
            "batch_no": batch.batch_no,
            "event": event,
            **values,
        },
    )
    head.postings += result.rowcount
    return result.rowcount
