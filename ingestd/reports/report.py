"""What every report has in common: the question's two times, the answer's shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

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

    @property
    def known_at(self) -> int:
        """The instant up to which batches are known, in microseconds since 1970."""
        return to_microseconds(self.as_known)


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
