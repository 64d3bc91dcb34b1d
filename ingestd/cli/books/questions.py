"""What reports are asked, as it is typed: two times, days, and whom or what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.books.known import known_instant
from ingestd.values.clock import day_in
from ingestd.values.errors import UsageError
from ingestd.values.money import decimals_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.access.accounts import Account
    from ingestd.reports.figures.report import Question

_DAY = ["%Y-%m-%d"]

AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=_DAY, help="The last day that counts. Default: today."),
]
SinceOption = Annotated[
    datetime | None, typer.Option("--from", formats=_DAY, help="Only from this day on.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--to", formats=_DAY, help="Only up to this day, included.")
]
PartyOption = Annotated[
    str | None, typer.Option("--party", help="Only of this student, parent or guest.")
]
FamilyOption = Annotated[
    str | None, typer.Option("--family", help="Only of this parent and the family's students.")
]
ProductOption = Annotated[str | None, typer.Option("--product", help="Only of this billing code.")]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Only what came from this place of sale.")
]
KnownSinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="What was not known by then, such as 2026-03-02T12:00:00Z; a day: by its end.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed; None where nothing was."""

    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None
    as_known: str | None = None
    party: str | None = None
    family: str | None = None
    status: str | None = None
    product: str | None = None
    source: str | None = None
    by: str | None = None
    known_since: str | None = None

    def known_before(
        self, connection: Connection, account: Account, *, now: datetime
    ) -> dict[str, datetime]:
        """Return `known_since` as an instant, where it was typed. Raises UsageError for no such."""
        if self.known_since is None:
            return {}
        since = known_instant(connection, account, self.known_since, now=now, option="--since")
        return {"known_since": since}

    def question(self, connection: Connection, account: Account, *, now: datetime) -> Question:
        """Return it as a question to the books of an account.

        Raises UsageError for days in the wrong order, for an instant that is none, and for an empty
        product or place: whoever narrows to nothing is not given everything.
        """
        from ingestd.reports.figures.report import Question

        since, until = self.since, self.until
        if since and until and since > until:
            raise UsageError(f"--from {since.date()} lies after --to {until.date()}. Swap them.")
        for option, typed in (("--product", self.product), ("--source", self.source)):
            if typed == "":
                raise UsageError(f"{option} is empty. Name one, or leave the option out.")
        return Question(
            account=account.account_id,
            as_of=self.as_of.date() if self.as_of else day_in(account.timezone, now),
            as_known=known_instant(connection, account, self.as_known, now=now),
            decimals=decimals_of(account.currency),
            zone=account.timezone,
            since=since.date() if since else None,
            # The last day of the calendar is how programs write that there is no end.
            until=until.date() if until and until.date() != date.max else None,
            party=self.party,
            family=self.family,
            status=self.status,
            product=self.product,
            source=self.source,
            by=self.by,
        )
