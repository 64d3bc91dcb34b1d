"""What every report has in common: the question's two times, the answer's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ingestd.ledger.head import read_head_hash
from ingestd.values.clock import format_instant, to_microseconds
from ingestd.values.identifiers import AccountId

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a report is asked: for which account, up to which day, as known at which instant.

    `as_of` counts days in the account's time zone, both ends included; `decimals` are those of
    the account's currency. `since` and `until` narrow a report to what occurred in between.
    """

    account: AccountId
    as_of: date
    as_known: datetime
    decimals: int
    since: date | None = None
    until: date | None = None

    def bound(self) -> dict[str, str | int]:
        """Return what every report's statement binds: `account`, `as_of` and `known_at`."""
        return {
            "account": self.account,
            "as_of": self.as_of.isoformat(),
            "known_at": to_microseconds(self.as_known),
        }


Rows = Callable[[Connection, Question, dict[str, object]], Iterator[Row]]
"""Reads a report's rows one by one, and fills its totals in after the last one."""


@dataclass(slots=True, kw_only=True)
class Report:
    """An answer: its rows come one by one, and its totals are complete after the last one."""

    name: str
    question: Question
    ledger_head: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    totals: dict[str, object] = field(default_factory=dict)

    def heading(self) -> dict[str, object]:
        """Return what stands above the rows of the JSON answer."""
        return {
            "report": self.name,
            "account": self.question.account,
            "as_of": self.question.as_of.isoformat(),
            "as_known": format_instant(self.question.as_known),
            "ledger_head": self.ledger_head,
        }


def answer(
    connection: Connection, question: Question, *, name: str, columns: tuple[str, ...], rows: Rows
) -> Report:
    """Put a report together. Its rows are read as they are asked for: keep the connection open."""
    known_at = to_microseconds(question.as_known)
    totals: dict[str, object] = {}
    return Report(
        name=name,
        question=question,
        ledger_head=read_head_hash(connection, question.account, known_at=known_at),
        columns=columns,
        rows=rows(connection, question, totals),
        totals=totals,
    )
