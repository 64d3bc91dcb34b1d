"""The desk: what every page about an account's books works with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.console.office.answers import Answers
from ingestd.console.office.checks import Checks
from ingestd.database.engine import Database
from ingestd.reports.asking.known import known_instant
from ingestd.reports.asking.questions import Asked
from ingestd.reports.figures.report import Question
from ingestd.reports.trails.drill import Inquiry
from ingestd.service.installation.bootstrap import Installation
from ingestd.values.clock import day_in
from ingestd.values.money import decimals_of

ROWS_MAX = 200
"""So many rows of a list stand on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An installation's books, what was read of them lately, and what that is checked with."""

    installation: Installation
    answers: Answers
    checks: Checks

    @classmethod
    def of(cls, installation: Installation) -> Desk:
        """Return a desk that nothing was read at."""
        checks = Checks(installation.database)
        return cls(installation=installation, answers=Answers(), checks=checks)

    @property
    def database(self) -> Database:
        """Where the books are kept."""
        return self.installation.database

    def now(self) -> datetime:
        """Return the present instant."""
        return self.installation.clock.now()

    def today(self, account: Account) -> date:
        """Return the day that it is where an account is."""
        return day_in(account.timezone, self.now())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection that reads of one moment."""
        with self.database.reading() as connection:
            yield connection

    def question(self, connection: Connection, account: Account, asked: Asked) -> Question:
        """Return what was asked as a question to an account's books. Raises UsageError."""
        return asked.question(connection, account, now=self.now())

    def inquiry(
        self, connection: Connection, account: Account, as_known: str | None = None
    ) -> Inquiry:
        """Return how something is followed through an account's books. Raises UsageError."""
        return Inquiry(
            account=account.account_id,
            as_known=known_instant(connection, account, as_known, now=self.now()),
            decimals=decimals_of(account.currency),
        )


def said(params: Mapping[str, str], name: str) -> str | None:
    """Return what an address or a form says under a name; None for nothing, or blanks."""
    return params.get(name, "").strip() or None
