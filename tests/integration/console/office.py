"""The office's spring in a console, and what its pages say, read as somebody reads them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from ingestd.access.accounts import Account
from ingestd.service.people.roles import Role, RoleKind
from tests.integration.console.conftest import SPRINGFIELD, Answer, Console, Visitor
from tests.integration.office.conftest import TODAY
from tests.integration.reports.office_story import Spring, open_spring, tell_the_second_example

OFFICE = frozenset({Role(RoleKind.OFFICE, SPRINGFIELD), Role(RoleKind.CONTACTS, SPRINGFIELD)})
READER = frozenset({Role(RoleKind.READER, SPRINGFIELD)})


def furnish_spring(console: Console, folder: Path, *, told: bool = True) -> Spring:
    """Give a console the books of the second worked example; their clock is a day behind its."""
    office = open_spring(console.database, folder)
    if told:
        tell_the_second_example(office)
    console.clock.instant = TODAY + timedelta(days=1)
    return office


def account_of(console: Console) -> Account:
    """Return the account that the pages are about."""
    return console.installation.account(SPRINGFIELD)


def tables_of(page: str) -> dict[str, list[dict[str, str]]]:
    """Return the tables of a page by their labels, each row by its columns, as text."""
    found = {}
    for label, table in re.findall(
        r'<div class="wide"[^>]*aria-label="([^"]*)">\s*<table>(.*?)</table>', page, re.DOTALL
    ):
        rows = [
            [_text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        ]
        columns = [name.replace(" ", "_") for name in rows[0]]
        found[html.unescape(label)] = [dict(zip(columns, row, strict=True)) for row in rows[1:]]
    return found


def facts_of(page: str) -> dict[str, str]:
    """Return the facts of a page by their names."""
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {_text(name).replace(" ", "_"): _text(value) for name, value in pairs}


def ways_of(page: str) -> set[str]:
    """Return the addresses that the main part of a page leads to."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return {html.unescape(way) for way in re.findall(r'href="([^"]+)"', main)}


def form_of(page: str) -> dict[str, str]:
    """Return what the fields of a page's main form hold."""
    main = page.partition("<main")[2]
    return {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', main)
    }


async def foretell(visitor: Visitor, deed: str, **fields: str) -> tuple[Answer, dict[str, str]]:
    """Fill a deed's form in and send it; return the page that says what will happen, its form."""
    shown = await visitor.get(f"/deeds/{deed}")
    assert shown.status == 200, deed
    given = {name: value for name, value in form_of(shown.text).items() if value}
    given.pop("across_families", None)
    for flag in ("across_families", "enforce", "count_pending"):
        given.pop(flag, None)
    page = await visitor.post(f"/deeds/{deed}", {**given, **fields})
    return page, form_of(page.text)


async def do(visitor: Visitor, deed: str, **fields: str) -> Answer:
    """Do a deed as somebody does: its form, what it says, the button; return the page behind it."""
    page, form = await foretell(visitor, deed, **fields)
    assert page.status == 200, (deed, page.text)
    done = await visitor.post(f"/deeds/{deed}/do", form)
    assert done.status == 303, (deed, done.text)
    behind = await visitor.get(done.way)
    assert behind.status == 200, done.way
    return behind


def texts(row: Mapping[str, object]) -> dict[str, str]:
    """Return a row's values as a page shows them."""
    return {name: "" if value is None else str(value) for name, value in row.items()}


def _text(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup)).strip()
