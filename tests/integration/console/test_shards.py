"""Several databases behind one console and one API: each account's own answers for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingestd.config.judging.values import parse_database_url
from ingestd.database.engine import open_database
from ingestd.service.people.audit import Deed, list_audit
from ingestd.service.people.roles import Role, RoleKind
from tests.integration.api.conftest import program
from tests.integration.console.conftest import (
    ADMIN,
    SHELBYVILLE,
    SPRINGFIELD,
    Console,
    Visitor,
    console_on,
)
from tests.integration.console.pipeline import charges, drop, process, take_catalog
from tests.integration.database.conftest import MakeDatabase

BOTH = (SPRINGFIELD, SHELBYVILLE)
OFFICE = frozenset(Role(RoleKind.OFFICE, account) for account in BOTH)
OPERATOR = frozenset({Role(RoleKind.OPERATOR)})
COUNTER = "/billing/queued-charges"


@pytest.fixture(params=["sqlite", "postgresql"])
async def two(
    request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path: Path
) -> AsyncIterator[Console]:
    """A console whose second district has a database of its own, of either kind."""
    north = make_database(request.param)
    async with console_on(make_database("sqlite"), tmp_path, north=north) as console:
        for account in BOTH:
            take_catalog(console, tmp_path, account)
        yield console


async def queue(visitor: Visitor, account: str, *rows: str) -> None:
    """Queue a file at the counter, as an office does."""
    way = f"{COUNTER}?account={account}"
    kept = await drop(visitor, way, charges(*rows), f"{account}.csv", format="student_billing")
    assert kept.status == 303, kept.text
    path, _, query = kept.way.partition("?")
    queued = await visitor.post(f"{path}/queue?{query}")
    assert queued.status == 303, queued.text


async def furnished(console: Console) -> Visitor:
    """Return an office of both districts, each of which has sent a file."""
    office = await console.let_in("olga", OFFICE)
    for account in BOTH:
        await queue(office, account, f"LIABILITY,{account}-1,S1,MEAL,,2.50")
        process(console, account)
    return office


async def test_what_one_district_sends_is_in_its_own_database_alone(two: Console) -> None:
    """Its charges, its audit, and every page about it."""
    office = await furnished(two)
    for account in BOTH:
        shown = (await office.get(f"/reports/items?account={account}")).text
        assert [other for other in BOTH if f"{other}-1" in shown] == [account]
        with two.installation.shard_of(account).database.reading() as connection:
            queued = list_audit(connection, limit=9, deed=Deed.FILE_QUEUED.value)
        assert [event.account for event in queued] == [account]


async def test_an_operator_sees_the_uploads_of_all_newest_first(two: Console) -> None:
    office = await furnished(two)
    await queue(office, SPRINGFIELD, "LIABILITY,LATER,S1,MEAL,,1.00")
    process(two)
    operator = await two.let_in("otto", OPERATOR)
    shown = (await operator.get("/uploads")).text
    body = shown.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [row for row in body.split("<tr>") if "/uploads/" in row]
    assert [next(one for one in BOTH if one in row) for row in rows] == [
        SPRINGFIELD,
        SHELBYVILLE,
        SPRINGFIELD,
    ]
    written = (await operator.get("/uploads.csv")).text.splitlines()
    assert [line.partition(",")[0] for line in written[1:]] == [
        SPRINGFIELD,
        SHELBYVILLE,
        SPRINGFIELD,
    ]
    [way] = re.findall(r'href="(/uploads/[0-9A-Z]{26})', rows[1])
    story = await operator.get(way)
    assert story.status == 200
    assert f"{SHELBYVILLE}" in story.text
    assert (await operator.get(f"{way}/receipt.json")).status == 403  # rows are not an operator's


async def test_what_people_did_is_listed_from_all_databases(two: Console) -> None:
    await furnished(two)
    admin = await two.let_in("root", ADMIN)
    shown = (await admin.get("/audit?deed=file_queued")).text
    assert all(f"{account}.csv" in shown for account in BOTH)


async def test_the_overview_stands_where_one_database_is_away(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """The others' lines are shown; which part does not work is told above them."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nowhere?connect_timeout=1"
    away = open_database(parse_database_url(nowhere, base=tmp_path))
    async with console_on(make_database("sqlite"), tmp_path, north=away) as console:
        take_catalog(console, tmp_path)
        office = await console.let_in("olga", OFFICE)
        await queue(office, SPRINGFIELD, "LIABILITY,K1,S1,MEAL,,2.50")
        process(console)
        page = await office.get("/")
        assert page.status == 200
        main = page.text.partition("<main")[2]
        assert f"books of {SHELBYVILLE} cannot be reached" in main
        assert [f"account={account}" in main for account in BOTH] == [True, False]
        assert (await office.get(f"/reports/items?account={SPRINGFIELD}")).status == 200
        refused = await office.get(f"/reports/items?account={SHELBYVILLE}")
        assert (refused.status, refused.headers["retry-after"]) == (503, "60")
        assert "Try again in a minute" in refused.text
        assert "whether what you sent was done" not in refused.text
        queued = await office.post(f"/uploads/retry?account={SHELBYVILLE}", {"sure": "yes"})
        assert queued.status == 503
        assert "whether what you sent was done" in queued.text


async def test_a_program_reads_and_writes_each_account_where_it_is(two: Console) -> None:
    await furnished(two)
    erp = program(two, accounts=BOTH)
    for account in BOTH:
        sent = await erp.send(
            "PUT",
            f"/incoming/student_billing.csv?account={account}",
            charges(f"LIABILITY,{account}-2,S1,MEAL,,1.00"),
        )
        assert sent.status == 201, sent
        process(two, account)
        told = await erp.get(f"/reports/items?account={account}")
        keys = {row["tracking_id"] for row in told.fields["rows"]}
        assert keys == {f"{account}-1", f"{account}-2"}
    sole = program(two, accounts=[SHELBYVILLE], name="sole")
    assert len((await sole.get("/reports/items")).fields["rows"]) == 2
