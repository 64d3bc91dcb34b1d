"""Agreement: what the books' facts hold twice has to be the same. Each check is one statement.

Most are differences of two sides: one side is added, the other one taken away, and whatever is
left over differs. That costs one sort, however many rows agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import BALANCE, CHARGED, LedgerAccount
from ingestd.ledger.books.postings import RECEIVABLE_OF_CHARGE
from ingestd.values.identifiers import AccountId

_RECEIVABLE = f"({', '.join(f'{move.debit:d}' for move in CHARGED.values())})"
_CREDITS = f"({', '.join(f'{accounts.credit:d}' for accounts in BALANCE.values())})"
_DEFERRED = f"{LedgerAccount.DEFERRED_REVENUE:d}"
_REALISED = f"{LedgerAccount.REALISED_REVENUE:d}"
ALLOCATED_AMOUNT = "CASE WHEN a.reverses_allocation_no IS NULL THEN a.amount ELSE -a.amount END"
"""SQL for what an allocation `a` adds to what its charge was paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two places that should say the same, and the batch that they belong to."""

    batch_no: int | None
    message: str


Find = Callable[[Connection, AccountId], Iterator[Disagreement]]


_CHARGES = (
    "SELECT c.batch_no, c.charge_no, c.party_no, c.billing_code, c.amount, c.effective_on,"
    f" {RECEIVABLE_OF_CHARGE} AS receivable FROM charge c"
    " WHERE c.account = :account AND c.amount > 0"
)
_CHARGE_POSTINGS = (
    "SELECT p.batch_no, p.charge_no, p.debit_party_no, p.billing_code, p.amount, p.effective_on,"
    " p.debit_account FROM posting p WHERE p.account = :account"
    f" AND p.credit_account = {_DEFERRED} AND p.debit_account IN {_RECEIVABLE}"
)


def find_charges_and_postings(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find charges without exactly their posting, and postings of a charge that say otherwise."""
    values = {"account": account}
    for row in connection.execute(sa.text(f"{_CHARGES} EXCEPT {_CHARGE_POSTINGS}"), values):
        yield Disagreement(
            batch_no=row.batch_no, message=f"charge {row.charge_no} has no posting that fits it"
        )
    for row in connection.execute(sa.text(f"{_CHARGE_POSTINGS} EXCEPT {_CHARGES}"), values):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"a posting of charge {row.charge_no} fits no charge",
        )
    # EXCEPT does not see that a charge was posted twice; only then is it worth looking for.
    count = "SELECT (SELECT COUNT(*) FROM ({}) x) - (SELECT COUNT(*) FROM ({}) y)"
    if connection.execute(sa.text(count.format(_CHARGE_POSTINGS, _CHARGES)), values).scalar_one():
        for row in connection.execute(
            sa.text(
                f"SELECT x.charge_no, MAX(x.batch_no) AS batch_no FROM ({_CHARGE_POSTINGS}) x"
                " GROUP BY x.charge_no HAVING COUNT(*) > 1"
            ),
            values,
        ):
            yield Disagreement(
                batch_no=row.batch_no, message=f"charge {row.charge_no} is posted more than once"
            )


_ALLOCATION_POSTINGS = f"""
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, a.credit_account, a.party_no,
    {ALLOCATED_AMOUNT} AS amount FROM allocation a WHERE a.account = :account
  UNION ALL SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.debit_account,
    p.debit_party_no, -p.amount FROM posting p WHERE p.account = :account
    AND p.debit_account IN {_CREDITS} AND p.credit_account IN {_RECEIVABLE}
  UNION ALL SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.credit_account,
    p.credit_party_no, p.amount FROM posting p WHERE p.account = :account
    AND p.credit_account IN {_CREDITS} AND p.debit_account IN {_RECEIVABLE}
) x GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on, x.credit_account, x.party_no
HAVING SUM(x.amount) <> 0
"""
_REALISED_POSTINGS = f"""
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, {ALLOCATED_AMOUNT} AS amount
    FROM allocation a WHERE a.account = :account
  UNION ALL SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no,
    CASE WHEN p.credit_account = {_REALISED} THEN -p.amount ELSE p.amount END
    FROM posting p WHERE p.account = :account
    AND ((p.debit_account = {_DEFERRED} AND p.credit_account = {_REALISED})
      OR (p.debit_account = {_REALISED} AND p.credit_account = {_DEFERRED}))
) x GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on HAVING SUM(x.amount) <> 0
"""


def find_allocations_and_postings(
    connection: Connection, account: AccountId
) -> Iterator[Disagreement]:
    """Find where allocations and what was posted for them differ: the credit or the revenue."""
    for statement, posted in (
        (_ALLOCATION_POSTINGS, "paid"),
        (_REALISED_POSTINGS, "realised"),
    ):
        for row in connection.execute(sa.text(statement), {"account": account}):
            yield Disagreement(
                batch_no=row.batch_no,
                message=f"payment {row.payment_no} and charge {row.charge_no}: allocations and"
                f" what was posted as {posted} differ by {row.amount} minor units",
            )


# A LEFT JOIN keeps the order: each reversal looks its posting up.
_REVERSALS = """
SELECT r.batch_no, r.posting_no FROM posting r
LEFT JOIN posting o ON o.account = r.account AND o.posting_no = r.reverses_posting_no
  AND o.debit_account = r.credit_account AND o.credit_account = r.debit_account
  AND o.amount = r.amount AND o.posting_no < r.posting_no
WHERE r.account = :account AND r.reverses_posting_no IS NOT NULL AND o.posting_no IS NULL
"""
_REVERSED_TWICE = """
SELECT MAX(r.batch_no) AS batch_no, r.reverses_posting_no AS posting_no FROM posting r
WHERE r.account = :account AND r.reverses_posting_no IS NOT NULL
GROUP BY r.reverses_posting_no HAVING COUNT(*) > 1
"""


def find_reversals(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find postings that do not undo exactly what they say, or what was undone before."""
    for row in connection.execute(sa.text(_REVERSALS), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"posting {row.posting_no} is not the mirror of the one that it reverses",
        )
    for row in connection.execute(sa.text(_REVERSED_TWICE), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no, message=f"posting {row.posting_no} is reversed more than once"
        )


# A batch is read by the numbers of its payments and parties: what hangs on them has to be there.
_PARTS = """
SELECT t.batch_no, 'payment_part' AS part FROM payment_part t
LEFT JOIN payment y ON y.account = t.account AND y.payment_no = t.payment_no
  AND y.batch_no = t.batch_no
WHERE t.account = :account AND y.payment_no IS NULL
UNION ALL SELECT g.batch_no, 'guest' FROM guest g
LEFT JOIN party q ON q.account = g.account AND q.party_no = g.party_no AND q.batch_no = g.batch_no
WHERE g.account = :account AND q.party_no IS NULL
"""


def find_stray_parts(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find parts of payments, and guests, that are in another batch than what they belong to."""
    for row in connection.execute(sa.text(_PARTS), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no, message=f"a row of {row.part} belongs to nothing in its batch"
        )


AGREEMENTS_OF_FACTS: Mapping[str, Find] = MappingProxyType(
    {
        "charge_postings": find_charges_and_postings,
        "allocation_postings": find_allocations_and_postings,
        "reversals": find_reversals,
        "parts": find_stray_parts,
    }
)
"""Every check of facts with each other, by its public name."""
