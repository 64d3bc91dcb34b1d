"""Reports: each question to the books that a command answers, as a page and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.cells import cells_of, is_number, within
from ingestd.console.office.desk import Desk, said
from ingestd.console.office.downloads import download
from ingestd.console.office.reports.answers import (
    LONG,
    Answered,
    add_up,
    read_page,
    version_of,
    without_contacts,
    write_csv,
)
from ingestd.console.office.reports.ways import way_of_total, ways_of
from ingestd.console.office.reports.year import read_year
from ingestd.console.office.written import AGAIN, ENTRY, find_written
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, read_long
from ingestd.console.page.time_words import read_day, read_span
from ingestd.reports.asking.kinds import REPORTS, Kind
from ingestd.reports.asking.questions import Asked
from ingestd.reports.figures.items import OPEN
from ingestd.values.errors import UsageError

_FIELDS = ("period", "as_of", "as_known", "known_since")


class Reports:
    """The page of each report, and the list of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request, visit: Visit) -> Response:
        """Show which reports there are, and the year as a picture."""
        year = await read(read_year, self._desk, visit.books)
        return page(request, "office/reports.html", reports=REPORTS, year=year)

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show one report; `as=csv` sends all that is filtered, `totals=all` adds it up."""
        name = request.path_params["name"]
        kind = REPORTS.get(name)
        if kind is None:
            return refuse(request, 404)
        params = request.query_params
        desk, account = self._desk, visit.books
        answered: Answered | None = None
        trouble: str | None = None
        try:
            asked = read_asked(name, kind, params, today=desk.today(account))
            start = _start(params)
            if params.get("as") == "csv":
                return await self._send(request, visit, name, asked)
            if name != "statement" or asked.party or asked.family:
                if params.get("totals") == "all" and name in LONG:
                    await read_long(add_up, desk, account, name, asked)
                answered = await read(read_page, desk, account, name, asked, start=start)
        except UsageError as error:
            trouble = _for_pages(error.message)
        return page(
            request,
            "office/report.html",
            status=200 if trouble is None else 422,
            name=name,
            kind=kind,
            statuses=(*kind.statuses, *((OPEN,) if name == "items" else ())),
            asked={
                key: params.get(key, "") for key in (*_FIELDS, *kind.narrows_to, "status", "by")
            },
            trouble=trouble,
            is_page=bool(params.get("after") or params.get("start")),
            answered=answered,
            here=_here(params),
            written=await read(find_written, desk, account, params),
            **({} if answered is None else _shown(name, answered, visit, params)),
        )

    async def _send(self, request: Request, visit: Visit, name: str, asked: Asked) -> Response:
        desk, account = self._desk, visit.books
        write = partial(write_csv, desk, account, name, asked, with_contacts=visit.sees_contacts)
        version = await read(version_of, desk, account, name, asked)
        return await download(
            request,
            desk,
            write,
            name=f"{account.account_id}-{name}.csv",
            media_type="text/csv",
            version=(version, visit.sees_contacts),
        )


def read_asked(name: str, kind: Kind, params: Mapping[str, str], *, today: date) -> Asked:
    """Return what an address asks of a report. Raises UsageError for what cannot be asked."""
    span = read_span(params.get("period", "") if kind.has_days else "", today=today)
    statuses = (*kind.statuses, *((OPEN,) if name == "items" else ()))
    return Asked(
        since=span.first,
        until=span.last,
        as_of=read_day(params.get("as_of", ""), today=today),
        as_known=_instant(params, "as_known", today=today),
        known_since=_instant(params, "known_since", today=today) if kind.has_since else None,
        status=_one_of(params, "status", statuses),
        by=_one_of(params, "by", kind.by),
        after=said(params, "after") if name in LONG else None,
        **{each: said(params, each) for each in kind.narrows_to},
    )


def _instant(params: Mapping[str, str], name: str, *, today: date) -> str | None:
    """Return an instant as it is written, or the last day that words mean."""
    text = said(params, name)
    if text is None or "T" in text or ":" in text:
        return text
    day = read_day(text, today=today)
    return None if day is None else str(day)


def _one_of(params: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    text = said(params, name)
    if text is None or not choices:
        return None
    if text not in choices:
        raise UsageError(f"{text} is none of {', '.join(choices)}.")
    return text


def _start(params: Mapping[str, str]) -> int:
    text = params.get("start", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _here(params: Mapping[str, str]) -> dict[str, str]:
    """Return what is asked for, for addresses of other pages of the same answer."""
    left_out = {"account", "start", "after", "as", "totals", ENTRY, AGAIN}
    return {name: value for name, value in params.items() if name not in left_out and value}


def _for_pages(message: str) -> str:
    """Return an error in words that make sense where there are fields and no options."""
    return message.replace("--party", "Party").replace("--", "")


def _shown(
    name: str, answered: Answered, visit: Visit, params: Mapping[str, str]
) -> dict[str, object]:
    account = visit.books.account_id
    rows = (
        answered.rows if visit.sees_contacts else [without_contacts(row) for row in answered.rows]
    )
    found = answered.totals
    totals = {} if found is None else found.totals
    return {
        "columns": [(column, is_number(column)) for column in answered.columns],
        "rows": cells_of(rows, answered.columns, ways_of(name, answered.question), account=account),
        "totals": [
            (key, value, _way_of_total(name, key, answered, account))
            for key, value in totals.items()
            if value is not None and not isinstance(value, list)
        ],
        "identities": answered.identities,
        "more": answered.more,
        "more_by": "after" if name in LONG else "start",
    }


def _way_of_total(name: str, key: str, answered: Answered, account: str) -> str | None:
    way = way_of_total(name, key, answered.question)
    return None if way is None else within(way, account)
