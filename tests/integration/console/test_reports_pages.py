"""Reports as pages: the same figures as the commands', each leading to what it is made of."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.reports.asking.kinds import REPORTS, ask
from ingestd.reports.asking.questions import Asked
from tests.integration.console.conftest import Console, Visitor
from tests.integration.console.office import (
    OFFICE,
    READER,
    account_of,
    facts_of,
    furnish_spring,
    tables_of,
    texts,
    ways_of,
)

MAY = "period=2026-05"
QUESTIONS = {
    **{name: ["", *([MAY] if kind.has_days else [])] for name, kind in REPORTS.items()},
    "statement": ["party=KIM001", "party=K1&period=2026-06"],
    "arrears": ["", "family=KIM001", "as_of=2026-05-31"],
    "sales": ["", *(f"{MAY}&by={by}" for by in REPORTS["sales"].by)],
    "revenue": ["", f"{MAY}&by=gl_account"],
    "collections": [*(f"by={by}" for by in REPORTS["collections"].by)],
    "held": ["", "by=party"],
    "items": ["", "status=paid&party=K1", "as_known=2026-03-01"],
    "changes": ["", "known_since=2026-11-20"],
}


def asked_in(query: str) -> Asked:
    """Return the question that an address asks, put together by hand."""
    pairs: dict[str, Any] = dict(pair.split("=") for pair in query.split("&") if pair)
    months = {
        "2026-05": (date(2026, 5, 1), date(2026, 5, 31)),
        "2026-06": (date(2026, 6, 1), date(2026, 6, 30)),
    }
    since, until = months.get(pairs.pop("period", ""), (None, None))
    as_of = pairs.pop("as_of", None)
    day = None if as_of is None else date.fromisoformat(as_of)
    return Asked(since=since, until=until, as_of=day, **pairs)


async def test_every_figure_of_a_page_is_the_commands(console: Console, tmp_path: Path) -> None:
    """Rows, totals and what is sent as CSV: a page has no figures of its own."""
    furnish_spring(console, tmp_path)
    visitor = await console.let_in("ada", OFFICE)
    for name, queries in QUESTIONS.items():
        for query in queries:
            await _compare(console, visitor, name, query)


async def _compare(console: Console, visitor: Visitor, name: str, query: str) -> None:
    now, account = console.clock.now(), account_of(console)
    asked = asked_in(query)
    with console.database.reading_twice() as (connection, _):
        question = asked.question(connection, account, now=now)
        more = asked.known_before(connection, account, now=now)
        report = ask(name, connection, question, **more)
        rows = [texts(row) for row in report.rows]
        totals = report.totals
    page = await visitor.get(f"/reports/{name}?{query}")
    assert page.status == 200, query
    assert tables_of(page.text).get(f"{name}, rows", []) == rows, query
    shown = facts_of(page.text)
    for key, value in totals.items():
        if value is not None and not isinstance(value, list):
            assert shown[key] == str(value), (query, key)
    assert "These books are not right" not in page.text
    sent = await visitor.get(f"/reports/{name}?{query}&as=csv")
    assert sent.headers["content-type"].startswith("text/csv")
    assert list(csv.DictReader(io.StringIO(sent.text))) == rows


async def test_every_figure_leads_to_what_it_is_made_of(console: Console, tmp_path: Path) -> None:
    """No way ends nowhere, and the lines behind a figure come to that figure."""
    furnish_spring(console, tmp_path)
    visitor = await console.let_in("ada", OFFICE)
    seen: set[str] = set()
    rows_reached = set()
    for name, queries in QUESTIONS.items():
        for query in queries:
            page = await visitor.get(f"/reports/{name}?{query}")
            for row in tables_of(page.text).get(f"{name}, rows", []):
                assert row
            for way in ways_of(page.text) - seen:
                seen.add(way)
                if way.startswith("/uploads/"):
                    rows_reached.add(way)
                    continue
                answer = await visitor.get(way)
                assert answer.status == 200, (name, way)
    assert rows_reached
    for product, figure, amount in (
        ("MEAL", "charged", "14.00"),
        ("MEAL", "realised", "10.50"),
        ("TRIP", "voided", "60.00"),
        ("YEARBOOK", "written_off", "45.00"),
        ("4-2100-01", "sales_tax", "5.00"),
    ):
        lines = await visitor.get(f"/ledger/lines?figure={figure}&product={product}")
        assert f'<span class="number">{amount}</span>' in lines.text, figure


async def test_each_figure_of_sales_revenue_held_and_tax_is_the_sum_of_its_lines(
    either: Console, tmp_path: Path
) -> None:
    """Whatever the rows are sums of; on either database."""
    furnish_spring(either, tmp_path)
    visitor = await either.let_in("ada", OFFICE)
    checked = 0
    for query in (
        *(f"sales?{MAY}&by={by}" for by in REPORTS["sales"].by),
        *(f"revenue?{MAY}&by={by}" for by in REPORTS["revenue"].by),
        *("held?as_of=2026-05-31", "held?by=gl_account", f"tax?{MAY}"),
    ):
        page = (await visitor.get(f"/reports/{query}")).text
        for way, amount in _figures(page):
            if way.startswith("/ledger/lines"):
                lines = (await visitor.get(way)).text
                [total] = _big(lines)
                if query.startswith("tax") and "held_2200" in way:
                    # What is undone and made anew in one batch is no tax that was given back:
                    # each of the three leads to what is due.
                    assert total == {"10.00": "5.00"}.get(amount, amount), way
                else:
                    assert total == amount, (query, way)
                checked += 1
    assert checked > 100


def _figures(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<td class="number"><a href="([^"]+)"><bdi>([^<]+)</bdi>', page)
    return [(html.unescape(way), amount) for way, amount in found]


def _big(page: str) -> list[str]:
    return re.findall(r'<p class="big"><span class="number">([^<]+)</span>', page)


async def test_who_sees_no_contacts_sees_no_names(console: Console, tmp_path: Path) -> None:
    """Neither on a page nor in what is sent; a payee is a name, too."""
    office = furnish_spring(console, tmp_path)
    office.refer("parent", {"parent_code": "LEE002", "name": "Zenobia", "email": "z@example.org"})
    visitor, reader = await console.let_in("ada", OFFICE), await console.let_in("rita", READER)
    for path in ("/reports/pledges", "/reports/pledges?as=csv", "/catalog/donors"):
        assert "Dora" in (await visitor.get(path)).text, path
        assert "Dora" not in (await reader.get(path)).text, path
    assert "Zenobia" in (await visitor.get("/parties?q=zenob")).text
    assert "LEE002" not in (await reader.get("/parties?q=zenob")).text
    for path in ("/parties?q=LEE002", "/parties/LEE002", "/catalog/parents"):
        found = await reader.get(path)
        assert found.status == 200
        assert "Zenobia" not in found.text, path
    assert (await reader.get("/letters/invoice?party=KIM001&as=html")).status == 403
    assert (await visitor.get("/letters/invoice?party=KIM001&as=html")).status == 200


async def test_long_reports_come_in_pages_with_the_totals_of_all(
    console: Console, tmp_path: Path
) -> None:
    """Each row stands on one page, and on one only."""
    office = furnish_spring(console, tmp_path, told=False)
    rows = [f"LIABILITY,C{number:04},K1,BAND,1.00,2026-05-01" for number in range(450)]
    office.charge(*rows)
    visitor = await console.let_in("ada", OFFICE)
    way, found = "/reports/items", []
    while way:
        page = await visitor.get(way)
        found += [row["tracking_id"] for row in tables_of(page.text)["items, rows"]]
        assert facts_of(page.text)["amount"] == "450.00"
        more = [one for one in ways_of(page.text) if "after=" in one]
        way = more[0] if more else ""
    assert found == [f"C{number:04}" for number in range(450)]


async def test_what_is_asked_again_is_answered_from_the_same_books_only(
    console: Console, tmp_path: Path
) -> None:
    """A page is remembered until a batch comes; a file that somebody has is not sent again."""
    office = furnish_spring(console, tmp_path)
    visitor = await console.let_in("ada", OFFICE)
    path = "/reports/sales"
    first = await visitor.get(path)
    assert (await visitor.get(path)).text == first.text
    sent = await visitor.get(f"{path}?as=csv")
    again = await visitor.get(f"{path}?as=csv", if_none_match=sent.headers["etag"])
    assert (again.status, again.text) == (304, "")
    office.charge("LIABILITY,NEW,K1,BAND,7.00,2026-05-30")
    assert (await visitor.get(path)).text != first.text
    assert (await visitor.get(f"{path}?as=csv", if_none_match=sent.headers["etag"])).status == 200


@pytest.mark.parametrize(
    "query",
    [
        *("period=never", "period=2026-06+to+2026-05", "as_of=x", "as_known=12:xx", "by=x"),
        *("product=%ED%A0%80", "source=nowhere", "start=99999999999999999999", "start=-1"),
    ],
)
async def test_what_cannot_be_asked_is_told_where_it_is_asked(
    console: Console, tmp_path: Path, query: str
) -> None:
    """The form stays as it was filled in."""
    furnish_spring(console, tmp_path, told=False)
    visitor = await console.let_in("ada", OFFICE)
    page = await visitor.get(f"/reports/sales?{query}")
    assert page.status in {200, 422}
    assert '<form method="get" class="filters"' in page.text


async def test_what_families_and_files_say_is_no_markup_and_no_formula(
    console: Console, tmp_path: Path
) -> None:
    """Codes, notes, names and places are written by others."""
    office = furnish_spring(console, tmp_path, told=False)
    evil = "<script>alert(1)</script>"
    office.books.load(CatalogKind.PRODUCTS, [{"billing_code": "=1+1", "price": 100, "name": evil}])
    office.charge("LIABILITY,+C1,K1,=1+1,,2026-05-01")
    office.refer("parent", {"parent_code": "@EVIL", "name": evil, "email": evil})
    visitor = await console.let_in("ada", OFFICE)
    for path in (
        *("/reports/items", "/reports/sales", "/reports/statement?party=K1", "/trace/+C1"),
        *("/parties?q=evil", "/parties/@EVIL", "/catalog/products", "/catalog/parents"),
        *(f"/reports/sales?product={evil}", f"/payments?payer={evil}", f"/parties?q={evil}"),
        f"/deeds/take-payment?payer={evil}&id=%22%3E{evil}",
    ):
        page = await visitor.get(path)
        assert page.status == 200, path
        assert "<script>alert" not in page.text, path
    sent = await visitor.get("/reports/items?as=csv")
    [row] = list(csv.DictReader(io.StringIO(sent.text)))
    assert (row["tracking_id"], row["billing_code"]) == ("'+C1", "'=1+1")


async def test_an_amount_of_twelve_digits_is_shown_whole(console: Console, tmp_path: Path) -> None:
    """No figure is shortened, on no page."""
    office = furnish_spring(console, tmp_path, told=False)
    office.charge("LIABILITY,C1,K1,BAND,9999999999.99,2026-05-01")
    visitor = await console.let_in("ada", OFFICE)
    for path in ("/reports/sales", "/reports/items", "/parties/K1", "/trace/C1", "/reports"):
        page = await visitor.get(path)
        assert "9999999999.99" in page.text, path


async def test_a_page_says_whether_the_books_balance_once_that_is_added_up(
    console: Console, tmp_path: Path
) -> None:
    """It has its rows at once however long that takes, and never says what is not known."""
    furnish_spring(console, tmp_path)
    ada = await console.let_in("ada", OFFICE)
    told = ""
    while "The books balance" not in told:
        told = (await ada.get("/reports/revenue")).text
        assert ("The books balance" in told) != ("is being added up" in told)
        assert "not right" not in told
        assert "<h2>Together</h2>" in told
