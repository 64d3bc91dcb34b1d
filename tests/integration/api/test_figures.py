"""Figures by program: those of the commands, the same for as long as the books are the same."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from ingestd.cli.app import build_app
from ingestd.console.api.figures import WITHHELD
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.reports.asking.kinds import REPORTS
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.scopes import TokenScope
from ingestd.service.people.tokens import TokenKeeper
from ingestd.values.identifiers import AccountId
from tests.integration.api.test_same_books import asked
from tests.integration.api.typed import TypedProgram
from tests.integration.office.desk import Desk, desk, empty_database

__all__ = ["asked", "desk", "empty_database"]

DEEDS = [
    "payments add --payer KIM001 --amount 80.00 --method check --id P1",
    "payments add --payer KIM001 --amount 5.00 --method cash --id P2",
    "payments add --payer LEE001 --amount 7.00 --method card --id P3",
    "sales add --party K1 --billing-code BAND --id S1",
    "payments settle --payment P1",
    "payments add --payer LEE001 --amount 9.00 --method cash --id P4",
    "payouts add --party LEE001 --from LIABILITY --method check --payee Kim",
]


@pytest.fixture
def books(asked: tuple[Desk, TypedProgram]) -> tuple[Desk, TypedProgram]:
    """A district with a few payments, whose families have names."""
    office, program = asked
    office.office.books.load(
        CatalogKind.PARENTS,
        [{"parent_code": "KIM001", "name": "Kim <b>", "email": "=kim@example.org"}],
    )
    for deed in DEEDS:
        office.ask(deed)
    return office, program


def with_scopes(books: tuple[Desk, TypedProgram], *scopes: TokenScope) -> TypedProgram:
    office, program = books
    database, clock = office.office.books.database, office.office.books.clock
    by = Doer(name="test", via=Via.COMMAND)
    made = TokenKeeper(database, clock).add("narrow", scopes, [AccountId("A")], by=by)
    return TypedProgram(program.app, made.written)


def as_typed(command: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what a command prints, typed in a process of its own kind."""
    words = [*command.split(), "--account", "A", "--output", "json"]
    config = Path(os.environ["INGESTD_CONFIG"])
    answer = CliRunner().invoke(build_app(), [*words, "--config", str(config)])
    assert answer.exit_code == 0, answer.output
    capsys.readouterr()
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_every_report_is_that_of_the_command(
    books: tuple[Desk, TypedProgram], capsys: pytest.CaptureFixture[str]
) -> None:
    """Field by field, whoever may know who people are."""
    _, program = books
    for name, kind in REPORTS.items():
        more = " --party KIM001" if name == "statement" else ""
        if kind.by:
            more += f" --by {kind.by[-1]}"
        typed = as_typed(f"report {name}{more}", capsys)
        assert program.run(f"report {name}{more}") == (0, typed), name


def test_who_people_are_is_told_to_who_may_know_it(books: tuple[Desk, TypedProgram]) -> None:
    """Figures alone are the same without it."""
    reading = with_scopes(books, TokenScope.READ)
    knowing = with_scopes(books, TokenScope.READ, TokenScope.CONTACTS)
    for report in ("arrears", "statement?party=KIM001", "payouts"):
        told, kept = (one.ask("GET", f"/reports/{report}") for one in (knowing, reading))
        assert told.headers["etag"] != kept.headers["etag"]
        rows = [
            {name: None if name in WITHHELD else value for name, value in row.items()}
            for row in told.fields["rows"]
        ]
        assert kept.fields["rows"] == rows
        assert b"Kim" not in kept.content
    shown = knowing.ask("GET", "/parties/parent%3AKIM001").fields
    assert (shown["name"], shown["email"]) == ("Kim <b>", "=kim@example.org")
    assert reading.ask("GET", "/parties").code == "scope_missing"


def test_an_answer_is_known_by_its_mark_until_the_books_change(
    books: tuple[Desk, TypedProgram],
) -> None:
    """A dashboard asks each minute, and the books are read when something came."""
    office, program = books
    first = program.ask("GET", "/reports/balances")
    mark = first.headers["etag"]
    for known in (mark, f"W/{mark}", f'"x", {mark}'):
        again = program.ask("GET", "/reports/balances", if_none_match=known)
        assert (again.status, again.content, again.headers["etag"]) == (304, b"", mark)
    for other in ("/reports/balances?as_of=2026-01-01", "/reports/aging"):
        assert program.ask("GET", other, if_none_match=mark).status == 200
    office.ask("payments add --payer KIM001 --amount 1.00 --method cash")
    changed = program.ask("GET", "/reports/balances", if_none_match=mark)
    assert changed.status == 200
    head = program.ask("GET", "/ledger/head").fields
    assert head["ledger_head"] == changed.fields["ledger_head"]
    earlier = program.ask("GET", f"/reports/balances?as_known={quote(first.fields['as_known'])}")
    assert earlier.fields == first.fields


def test_a_report_is_asked_nothing_that_it_passes_over(books: tuple[Desk, TypedProgram]) -> None:
    """Whoever narrows an answer is not given everything."""
    _, program = books
    for senseless in (
        *("sales?party=K1", "sales?status=paid", "items?status=done", "sales?by=month"),
        *("arrears?from=2026-01-01", "sales?since=2026-01-01", "sales?family=KIM001"),
        *("items?from=2026-02-01&to=2026-01-01", "items?from=2026-13-01", "items?product="),
        *("items?from=1767225600", "statement", "sales?as_known=x", "items?as_of=x"),
    ):
        assert program.ask("GET", f"/reports/{senseless}").status == 422, senseless
    for strange in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01"):
        reply = program.ask("GET", f"/reports/sales?as_known={quote(strange)}")
        assert reply.status in {200, 422}, strange
    assert program.ask("GET", "/reports/items?from=0001-01-01&to=9999-12-31").status == 200


def test_lists_go_on_where_they_ended(books: tuple[Desk, TypedProgram]) -> None:
    """Each payment and each party once; a status or a payer narrows them."""
    _, program = books
    for name, key in (("payments", "payment_id"), ("parties", "party")):
        path = f"/{name}"
        whole = [row[key] for row in program.ask("GET", path).fields[name]]
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={quote(cursor)}" if cursor else ""
            page = program.ask("GET", f"{path}?limit=2{more}").fields
            found += [row[key] for row in page[name]]
            cursor = page["next"]
        assert found == whole
        assert len(set(whole)) == len(whole) > 2

    def ids(query: str) -> list[str]:
        page = program.ask("GET", f"/payments?{query}").fields
        return [row["payment_id"] for row in page["payments"]]

    assert ids("") == ["P4", "P3", "P2", "P1"]
    assert (ids("status=pending"), ids("payer=KIM001")) == (["P3"], ["P2", "P1"])
    assert (ids("payer=parent%3ALEE001&status=settled"), ids("payer=L1")) == (["P4"], [])
    assert program.ask("GET", "/payments?payer=nobody").code == "unknown"


def test_what_is_signed_is_handed_out(books: tuple[Desk, TypedProgram]) -> None:
    """A witness fetches it by program; a proof continues what it kept."""
    _, program = books
    note = program.ask("GET", "/ledger/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.content.decode().splitlines()[0].endswith("/A")
    proof = program.ask("GET", "/ledger/checkpoint?since=1")
    assert note.content in proof.content
    assert program.ask("GET", "/ledger/checkpoint?since=999").status == 409
    assert program.ask("GET", "/ledger/checkpoint?since=-1").status == 422
