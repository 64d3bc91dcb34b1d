"""The overview: what works, what needs a person, and how far today's files are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.access.keeper import AccessKeeper
from ingestd.console.door.rights import Visit
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.service.files.uploads import (
    STATES,
    Sought,
    count_failed,
    count_states_of_accounts,
    days_in,
)
from ingestd.service.http.health import Health
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.roles import RoleKind
from ingestd.service.people.users import User
from ingestd.values.clock import day_in
from ingestd.values.errors import DatabaseError
from ingestd.values.identifiers import AccountId

WEEK = timedelta(days=6)
"""With today, seven days."""

NEEDING = ("processed_with_findings", "rejected", "interrupted")
"""States in which a file's district has something to do, or to look at."""

Counts = dict[AccountId, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account: its files that failed, those of the week that need somebody, and today's."""

    account: Account
    today: date
    since: date
    failed: int
    week: list[tuple[str, int]]
    of_today: list[tuple[str, int]]

    @property
    def needs_somebody(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.failed or any(count for _, count in self.week))


class Overview:
    """The first page of whoever signed in: the accounts that are theirs to see."""

    def __init__(self, health: Health, keeper: AccessKeeper, installation: Installation) -> None:
        self._health = health
        self._keeper = keeper
        self._installation = installation
        self._clock = installation.clock

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show it."""
        standing = await self._health.standing()
        accounts = self._accounts_of(visit.user)
        lines = await read(self._count, accounts) if accounts else []
        counted = {line.account.account_id for line in lines}
        return page(
            request,
            "overview.html",
            parts=standing.parts,
            works=not any(standing.parts.values()),
            pending=standing.pending,
            states=STATES,
            lines=lines,
            away=[one.account_id for one in accounts if one.account_id not in counted],
            needing=[line for line in lines if line.needs_somebody],
            sees_uploads=visit.user.has(RoleKind.OPERATOR) or bool(visit.user.accounts),
        )

    def _accounts_of(self, user: User) -> list[Account]:
        known = self._keeper.current.accounts
        return [
            known[account]
            for account in sorted(known)
            if user.has(RoleKind.OPERATOR) or account in user.accounts
        ]

    def _count(self, accounts: Sequence[Account]) -> list[Line]:
        now = self._clock.now()
        failed: dict[AccountId, int] = {}
        week: Counts = {}
        of_today: Counts = {}
        away: set[AccountId] = set()  # what works says so above; the others' lines still stand
        for shard in self._installation.shards:
            by_zone: defaultdict[str, list[Account]] = defaultdict(list)
            kept = [account for account in accounts if shard.keeps(account.account_id)]
            for account in kept:
                by_zone[account.timezone.key].append(account)
            if not kept:
                continue
            try:
                with shard.database.reading() as connection:
                    failed |= count_failed(connection, [account.account_id for account in kept])
                    for members in by_zone.values():
                        today = day_in(members[0].timezone, now)
                        week |= _count_since(connection, members, today - WEEK)
                        of_today |= _count_since(connection, members, today)
            except DatabaseError:
                if shard.database is self._installation.database:
                    raise
                away.update(account.account_id for account in kept)
        return [
            self._line(account, failed, week, of_today)
            for account in accounts
            if account.account_id not in away
        ]

    def _line(
        self, account: Account, failed: dict[AccountId, int], week: Counts, of_today: Counts
    ) -> Line:
        one = account.account_id
        today = day_in(account.timezone, self._clock.now())
        return Line(
            account=account,
            today=today,
            since=today - WEEK,
            failed=failed.get(one, 0),
            week=[(state, week.get(one, {}).get(state, 0)) for state in NEEDING],
            of_today=[(state, of_today.get(one, {}).get(state, 0)) for state in STATES],
        )


def _count_since(connection: Connection, accounts: Sequence[Account], first: date) -> Counts:
    """Count the uploads of accounts of one time zone from a day on."""
    since, _ = days_in(accounts[0].timezone, first, None)
    ids = tuple(account.account_id for account in accounts)
    return count_states_of_accounts(connection, Sought(accounts=ids, since=since))
