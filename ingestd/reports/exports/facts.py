"""What is told beside figures: who entered a batch and why, and what a file said of a payment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount

_SQL = Statements(__file__)

Facts = Mapping[str, str | int]
"""What leads back from a line of the books, by the names that reports give it."""

T = TypeVar("T")

NOTHING: Facts = {}
_ASKED_MAX = 5_000
_AMOUNTS = ("nett", "tax")


def read_authors(
    connection: Connection, account: AccountId, batches: Collection[int]
) -> dict[int, Facts]:
    """Return who made which batch by hand: `by`, `command`, and, where they are told, others.

    These are the `reason` and the `location` of a sale. A file's batch is not among them.
    """
    authors: dict[int, Facts] = {}
    for some in _portions(sorted(set(batches))):
        values = {"account": account, "batches": some}
        for row in _SQL.run(connection, "find_authors", values):
            told = {
                "by": row.entered_by,
                "reason": row.reason,
                "command": row.command,
                "location": row.source,
            }
            authors[row.batch_no] = _without_nothing(told)
    return authors


def read_details(
    connection: Connection, account: AccountId, payment_ids: Collection[str], *, decimals: int
) -> dict[str, Facts]:
    """Return what files said of payments beside what is theirs, as far as they said anything.

    `decimals` are those of the account's currency.
    """
    details: dict[str, Facts] = {}
    for some in _portions(sorted(set(payment_ids))):
        values = {"account": account, "payments": some}
        for row in _SQL.run(connection, "find_details", values).mappings():
            told = dict(row)
            payment_id = str(told.pop("payment_id"))
            for name in _AMOUNTS:
                amount = told[name]
                told[name] = None if amount is None else format_amount(amount, decimals)
            details[payment_id] = _without_nothing(told)
    return details


def _portions(asked: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield what is asked for in portions that a statement can bind."""
    for start in range(0, len(asked), _ASKED_MAX):
        yield asked[start : start + _ASKED_MAX]


def _without_nothing(told: Mapping[str, str | int | None]) -> Facts:
    return {name: value for name, value in told.items() if value is not None}
