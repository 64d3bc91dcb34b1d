"""Families: who there is, what each owes and has, and the letters that go to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.cells import Cell, Row, pairs_of, path_of, table_of, within
from ingestd.console.office.desk import ROWS_MAX, Desk
from ingestd.console.office.reports.answers import without_contacts
from ingestd.console.office.reports.ways import ways_of
from ingestd.console.office.written import find_written
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, read_long
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import look_up_party
from ingestd.reports.asking.questions import Asked
from ingestd.reports.families.household import day_asked, read_household, small_extent
from ingestd.reports.families.people import list_open, show_person
from ingestd.reports.families.people_search import Found, search_people
from ingestd.reports.families.statement import report_statement
from ingestd.reports.figures.report import Question
from ingestd.reports.invoices.page import render_page
from ingestd.reports.invoices.pdf import render_pdf
from ingestd.reports.letters.arrears_letter import write_arrears_letter
from ingestd.reports.letters.letter import Issuer
from ingestd.reports.letters.statement_letter import write_statement
from ingestd.service.office.invoices import invoice_of
from ingestd.values.errors import LibraryMissingError, UsageError

_LINES_MAX = 50
_STATEMENT_COLUMNS = ("day", "event", "party", "text", "amount", "balance")
_OPEN_COLUMNS = (
    *("tracking_id", "party", "account_type", "billing_code", "occurred_on", "amount", "paid"),
    "open",
)
_PAYMENT_COLUMNS = ("payment_id", "kind", "received_on", "amount", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a party's page tells. `lines` are the last ones of its statement."""

    person: dict[str, Any]
    open_items: list[dict[str, object]]
    lines: tuple[Row, ...]
    more_lines: int
    closing: dict[str, object]
    question: Question


class Parties:
    """The pages of families, students and guests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request, visit: Visit) -> Response:
        """Show whom a text finds, or everybody, a page at a time."""
        text = request.query_params.get("q", "").strip()
        after = request.query_params.get("after", "")
        sees = visit.sees_contacts
        found = await read(_search, self._desk, visit.books, text, by_name=sees, after=after)
        shown = found[:ROWS_MAX]
        account = visit.books.account_id
        rows = [
            [
                Cell(one.code, within(_path(one.kind, one.code), account), is_number=False),
                Cell(one.kind, None, is_number=False),
                *([Cell(one.name, None, is_number=False)] if sees else ()),
                Cell(
                    one.family or "",
                    within(_path("parent", one.family), account) if one.family else None,
                    is_number=False,
                ),
            ]
            for one in shown
        ]
        return page(
            request,
            "office/parties.html",
            q=text,
            rows=rows,
            columns=[
                (name, False) for name in ("party", "kind", *(("name",) if sees else ()), "family")
            ],
            more=shown[-1].place if len(found) > ROWS_MAX else None,
            is_page=bool(after),
        )

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show one party: how it is reached, what is open, its statement, its payments."""
        desk, account = self._desk, visit.books
        try:
            family = await read(_read_family, desk, account, request.path_params["party"])
        except UsageError as error:
            if error.message.startswith("More than one"):
                return page(request, "office/wrong.html", status=422, trouble=error.message)
            return refuse(request, 404)
        whose, person = account.account_id, family.person
        told = {
            name: value
            for name, value in person.items()
            if not isinstance(value, list)
            and (visit.sees_contacts or name not in {"name", "email", "phone", "address"})
        }
        lines = [line if visit.sees_contacts else without_contacts(line) for line in family.lines]
        return page(
            request,
            "office/party.html",
            party=person["party"],
            kind=person["kind"],
            named=f"{person['kind']}:{person['party']}",
            name=person["name"] if visit.sees_contacts else None,
            facts=pairs_of(told, whose),
            balances=person["balances"],
            open_items=table_of(family.open_items, whose, _OPEN_COLUMNS, _open_way),
            lines=table_of(lines, whose, _STATEMENT_COLUMNS, ways_of("statement", family.question)),
            more_lines=family.more_lines,
            closing=family.closing,
            payments=table_of(
                person["payments"][:ROWS_MAX],
                whose,
                _PAYMENT_COLUMNS,
                ways_of("payments", family.question),
            ),
            has_more_payments=len(person["payments"]) > ROWS_MAX,
            written=await read(find_written, desk, account, request.query_params),
        )

    async def letter(self, request: Request, visit: Visit) -> Response:
        """Send a statement, a reminder or an invoice as a page or a PDF to take away."""
        params = request.query_params
        kind, party = request.path_params["kind"], params.get("party", "")
        if kind not in {"statement", "arrears", "invoice"}:
            return refuse(request, 404)
        if not visit.sees_contacts:
            return refuse(request, 403)
        is_pdf = params.get("as") == "pdf"
        try:
            body = await read_long(_letter, self._desk, visit.books, kind, party, is_pdf=is_pdf)
        except (UsageError, LibraryMissingError) as error:
            return page(request, "office/wrong.html", status=422, trouble=error.message)
        ending, media_type = ("pdf", "application/pdf") if is_pdf else ("html", "text/html")
        name = f"{visit.books.account_id}-{kind}.{ending}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=media_type, headers=headers)


def _path(kind: str, code: str | None) -> str:
    # Two may have one code: a kind says who is meant.
    return path_of("/parties", code if kind == "anonymous" else f"{kind}:{code}")


def _open_way(row: Row, column: str) -> str | None:
    if column in {"amount", "paid", "open", "tracking_id"}:
        return path_of("/trace", row["tracking_id"])
    return path_of("/parties", row["party"]) if column == "party" else None


def _search(desk: Desk, account: Account, text: str, *, by_name: bool, after: str) -> list[Found]:
    with desk.reading() as connection:
        return desk.answers.get(
            connection,
            account.account_id,
            ("people", text, by_name, after),
            lambda: search_people(
                connection,
                account.account_id,
                text,
                by_name=by_name,
                after=after,
                rows=ROWS_MAX + 1,
            ),
        )


def _read_family(desk: Desk, account: Account, name: str) -> Family:
    with desk.reading() as connection:
        question = desk.question(connection, account, Asked())
        named = look_up_party(connection, account.account_id, name, with_past=True)
        if named.kind is PartyKind.ANONYMOUS:
            # It has every cash sale there is: they stand in the reports.
            return Family(
                person={
                    "party": named.code,
                    "kind": named.kind.value,
                    "name": None,
                    "balances": [],
                    "payments": [],
                },
                open_items=[],
                lines=(),
                more_lines=0,
                closing={},
                question=question,
            )
        whose = f"{named.kind.value}:{named.code}"
        person = show_person(connection, question, whose)
        extent = small_extent(connection, question)
        household = read_household(
            connection, extent, whose, day=day_asked(question), with_family=False
        )
        statement = report_statement(connection, replace(question, party=whose))
        lines = tuple(statement.rows)
        return Family(
            person=person,
            open_items=list_open(question, household),
            lines=lines[-_LINES_MAX:],
            more_lines=max(len(lines) - _LINES_MAX, 0),
            closing=dict(statement.totals),
            question=question,
        )


def _letter(desk: Desk, account: Account, kind: str, party: str, *, is_pdf: bool) -> bytes:
    if kind == "invoice":
        text = render_page(invoice_of(desk.database, desk.installation.clock, account, party))
    else:
        issuer = Issuer(account=account.account_id, name=account.name, currency=account.currency)
        write = {"statement": write_statement, "arrears": write_arrears_letter}[kind]
        with desk.reading() as connection:
            asked = Asked(party=party)
            text = write(connection, desk.question(connection, account, asked), issuer).page
    return render_pdf(text) if is_pdf else text.encode()
