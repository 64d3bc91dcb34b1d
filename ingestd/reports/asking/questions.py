"""What reports are asked, as it is typed: two times, days, and whom or what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.reports.asking.known import known_instant
from ingestd.reports.figures.report import Question
from ingestd.values.clock import day_in
from ingestd.values.errors import UsageError
from ingestd.values.money import decimals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed; None where nothing was."""

    since: date | None = None
    until: date | None = None
    as_of: date | None = None
    as_known: str | None = None
    party: str | None = None
    family: str | None = None
    status: str | None = None
    product: str | None = None
    source: str | None = None
    by: str | None = None
    known_since: str | None = None
    after: str | None = None

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
        since, until = self.since, self.until
        if since and until and since > until:
            raise UsageError(f"--from {since} lies after --to {until}. Swap them.")
        for option, typed in (("--product", self.product), ("--source", self.source)):
            if typed == "":
                raise UsageError(f"{option} is empty. Name one, or leave the option out.")
        return Question(
            account=account.account_id,
            as_of=self.as_of or day_in(account.timezone, now),
            as_known=known_instant(connection, account, self.as_known, now=now),
            decimals=decimals_of(account.currency),
            zone=account.timezone,
            since=since,
            # The last day of the calendar is how programs write that there is no end.
            until=None if until == date.max else until,
            party=self.party,
            family=self.family,
            status=self.status,
            product=self.product,
            source=self.source,
            by=self.by,
            after=self.after,
        )
