"""The overview: what works, and how many files of each account are how far."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from ingestd.console.door.rights import Visit
from ingestd.console.page.pages import page
from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.service.http.health import Health
from ingestd.service.people.roles import RoleKind
from ingestd.service.people.users import User
from ingestd.spool.queue import UploadCount

STATES = ("waiting", "working", "failed", *(status.value for status in FileStatus))


class Overview:
    """The first page of whoever signed in: counts of the accounts that are theirs to see."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show it."""
        standing = await self._health.standing()
        user = visit.user
        counts = None if standing.counts is None else _counts_for(user, standing.counts)
        return page(
            request,
            "overview.html",
            parts=standing.parts,
            works=not any(standing.parts.values()),
            pending=standing.pending,
            states=[state.replace("_", " ") for state in STATES],
            lines=None if counts is None else _lines(counts),
            sees_uploads=_sees_all(user) or bool(user.accounts),
        )


def _sees_all(user: User) -> bool:
    return user.has(RoleKind.OPERATOR)


def _counts_for(user: User, counts: Sequence[UploadCount]) -> list[UploadCount]:
    return [count for count in counts if _sees_all(user) or count.account in user.accounts]


def _lines(counts: Sequence[UploadCount]) -> list[tuple[str, list[int]]]:
    found = {(count.account, count.state): count.uploads for count in counts}
    return [
        (account, [found.get((account, state), 0) for state in STATES])
        for account in sorted({count.account for count in counts})
    ]
