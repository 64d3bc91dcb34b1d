"""The audit: what people did that moves no money, filtered in the address, and as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.keeper import AccessKeeper
from ingestd.console.door.rights import Asked, Right, Visit
from ingestd.console.page.pages import page
from ingestd.console.page.spreadsheets import as_csv
from ingestd.console.page.threads import read
from ingestd.console.page.times import shown_time
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.audit import LAST, AuditEvent, Deed, list_audit
from ingestd.values.identifiers import AccountId

LINES = 100
CSV_LINES = 10_000
_ULID_CHARACTERS = 26
_COLUMNS = ("when", "by", "via", "deed", "account", "about", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filters:
    """What is asked for; None: whatever there is."""

    by: str | None
    about: str | None
    deed: str | None
    account: str | None

    def asked(self) -> dict[str, str | None]:
        """Return them as they stand in an address."""
        return {
            "by": self.by,
            "about": self.about,
            "deed": self.deed,
            "of": self.account,
        }


class AuditPage:
    """The page of what people did."""

    def __init__(self, installation: Installation, keeper: AccessKeeper) -> None:
        self._installation = installation
        self._keeper = keeper

    def asked(self) -> Iterable[Asked]:
        """Return these pages, each with its right."""
        govern = Right.GOVERN
        yield Asked(
            path="/audit", right=govern, answer=self.show, entry="Audit", section="Installation"
        )
        yield Asked(path="/audit.csv", right=govern, answer=self.as_csv)

    async def show(self, request: Request, _visit: Visit) -> Response:
        """Show a hundred deeds, the newest first."""
        filters = _filters(request)
        before = request.query_params.get("before") or LAST
        events = await read(self._list, filters, limit=LINES + 1, before=before)
        shown = events[:LINES]
        return page(
            request,
            "people/audit.html",
            lines=[(event, shown_time(event.occurred_at), _detail(event)) for event in shown],
            filters=filters,
            asked=filters.asked(),
            deeds=sorted(deed.value for deed in Deed),
            accounts=sorted(self._keeper.current.accounts),
            earlier=shown[-1].audit_id if len(events) > LINES else None,
            is_first=before == LAST,
        )

    async def as_csv(self, request: Request, _visit: Visit) -> Response:
        """Return what is filtered as a file, the newest first, up to a bound."""
        before = request.query_params.get("before") or LAST
        events = await read(self._list, _filters(request), limit=CSV_LINES, before=before)
        rows = (
            {
                "when": f"{event.occurred_at:%Y-%m-%dT%H:%M:%SZ}",
                "by": event.by,
                "via": event.via.value,
                "deed": event.deed,
                "account": event.account,
                "about": event.subject,
                "detail": _detail(event),
            }
            for event in events
        )
        return as_csv("audit.csv", _COLUMNS, rows)

    def _list(self, filters: _Filters, *, limit: int, before: str) -> list[AuditEvent]:
        # A deed stands in the database in which something was done.
        events: list[AuditEvent] = []
        for shard in self._installation.shards:
            with shard.database.reading() as connection:
                events += list_audit(
                    connection,
                    limit=limit,
                    before=before[:_ULID_CHARACTERS],
                    by=filters.by,
                    about=filters.about,
                    deed=filters.deed,
                    account=None if filters.account is None else AccountId(filters.account),
                )
        return sorted(events, key=lambda event: event.audit_id, reverse=True)[:limit]


def _filters(request: Request) -> _Filters:
    asked = {
        name: request.query_params.get(name, "").strip().replace("\0", "") or None
        for name in ("by", "about", "deed", "of")
    }
    return _Filters(by=asked["by"], about=asked["about"], deed=asked["deed"], account=asked["of"])


def _detail(event: AuditEvent) -> str:
    return "; ".join(
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in event.detail.items()
    )
