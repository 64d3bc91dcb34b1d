"""The catalog's pages: what is imported is looked at first, and every change says who made it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qs

from ingestd.ledger.books.head import lock_head
from tests.integration.console.conftest import SPRINGFIELD, Console
from tests.integration.console.office import (
    OFFICE,
    READER,
    facts_of,
    furnish_spring,
    tables_of,
    ways_of,
)
from tests.integration.console.pipeline import drop

PRODUCTS = "billing_code,name,price\nBAND,Band uniform,125.00\nCHOIR,Choir gown,30.00\nBAD,Bad,x\n"


async def test_an_import_says_what_it_would_change_and_what_is_wrong(
    either: Console, tmp_path: Path
) -> None:
    """Line by line; nothing is kept until somebody says so, and then it has a name and a reason."""
    office = furnish_spring(either, tmp_path, told=False)
    visitor = await either.let_in("ada", OFFICE)
    way = "/catalog/products/import"
    assert "billing_code,name,price" in (await visitor.get(way)).text
    fields = {"content": PRODUCTS, "reason": "New prices"}
    looked = await visitor.post(way, fields)
    assert facts_of(looked.text) == {
        "rows": "3",
        "rejected": "1",
        "added": "1",
        "changed": "1",
        "unchanged": "0",
    }
    [finding] = tables_of(looked.text)["What is wrong"]
    assert (finding["line"], finding["column"], finding["value"]) == ("4", "price", "x")
    batches = "SELECT 1 AS found FROM seal WHERE account = :account"
    before = len(office.rows(batches))
    assert "CHOIR" not in (await visitor.get("/catalog/products")).text
    taken = await visitor.post(f"{way}/take", fields)
    assert taken.status == 303
    assert len(office.rows(batches)) == before + 1
    rows = {
        row["billing_code"]: row["price"]
        for row in tables_of((await visitor.get("/catalog/products")).text)["products"]
    }
    assert (rows["BAND"], rows["CHOIR"]) == ("125.00", "30.00")
    history = tables_of((await visitor.get("/catalog/products/CHOIR")).text)["Changes"]
    assert {(row["by"], row["reason"]) for row in history} == {("ada", "New prices")}
    again = await visitor.post(f"{way}/take", fields)
    assert again.status == 303
    assert len(office.rows(batches)) == before + 1


async def test_a_roster_of_any_length_comes_as_a_file(console: Console, tmp_path: Path) -> None:
    """It is seen first, as rows that were typed are; it is taken once, and is its account's own."""
    office = furnish_spring(console, tmp_path, told=False)
    visitor = await console.let_in("ada", OFFICE)
    way = "/catalog/students/import"
    lines = [f"N{number:05},Ada {number},,enrolled" for number in range(3000)]
    roster = "\n".join(["student_id,name,parent_code,status", *lines, ",nobody,,enrolled"]) + "\n"
    kept = await drop(visitor, f"{way}/file", roster.encode(), "roster <b>.csv")
    assert kept.status == 303
    looked = await visitor.get(kept.way)
    assert "roster &lt;b&gt;.csv" in looked.text
    assert facts_of(looked.text)["added"] == "3000"
    assert [row["line"] for row in tables_of(looked.text)["What is wrong"]] == ["3002"]
    students = "SELECT 1 AS found FROM student WHERE account = :account AND name LIKE 'Ada %'"
    assert not office.rows(students)
    fields = {"file": parse_qs(kept.way.partition("?")[2])["file"][0], "reason": "September"}
    assert (await visitor.post(f"{way}/take", fields)).status == 303
    assert len(office.rows(students)) == 3000
    for path, sent in (
        ("/catalog/students/import/take", {"file": "01J0000000000000000000000Z"}),
        ("/catalog/students/import/take", {"file": "../../../ledger.db"}),
        ("/catalog/students/import/take?account=SHELBYVILLE", fields),
    ):
        refused = await visitor.post(path, sent)
        assert refused.status in {404, 422}
        assert "3000" not in refused.text
    for name, content in (("", b""), ("zeros.csv", bytes(70_000))):
        assert (await drop(visitor, f"{way}/file", content, name)).status in {303, 422}


async def test_a_look_at_a_roster_waits_for_nobody_who_writes(
    either: Console, tmp_path: Path
) -> None:
    """A file that is being posted may take minutes; and a long roster must not stop the next."""
    furnish_spring(either, tmp_path, told=False)
    visitor = await either.let_in("ada", OFFICE)
    roster = b"student_id,name,parent_code,status\nN1,Ada,,enrolled\n"
    kept = await drop(visitor, "/catalog/students/import/file", roster, "roster.csv")
    with either.database.writing() as connection:
        lock_head(connection, SPRINGFIELD)
        looked = await asyncio.wait_for(visitor.get(kept.way), timeout=20)
        connection.rollback()
    assert facts_of(looked.text)["added"] == "1"


async def test_what_is_no_catalog_is_refused_whole(console: Console, tmp_path: Path) -> None:
    """What was typed stays to be mended, and is no markup."""
    furnish_spring(console, tmp_path, told=False)
    visitor = await console.let_in("ada", OFFICE)
    for content in ("", "nonsense", "</textarea><script>alert(1)</script>", "name\nx\n"):
        page = await visitor.post("/catalog/students/import", {"content": content})
        assert page.status == 422, content
        assert "<script>alert" not in page.text
    assert (await visitor.get("/catalog/nothing")).status == 404
    assert (await visitor.post("/catalog/nothing/import", {})).status == 404


async def test_a_merchant_is_set_up_by_one_form(console: Console, tmp_path: Path) -> None:
    """The electronic receipts' parameters: an import of one row, with who made it."""
    furnish_spring(console, tmp_path, told=False)
    visitor = await console.let_in("ada", OFFICE)
    fields = {
        "merchant_id": "NOW",
        "description": "Cards",
        "settle": "on_import",
        "other_gl_account": "4-2100-01",
        "reason": "New bank",
    }
    assert (await visitor.post("/receipting/merchants", fields)).status == 303
    page = await visitor.get("/receipting/merchants")
    [row] = [row for row in tables_of(page.text)["Merchants"] if row["merchant_id"] == "NOW"]
    assert (row["settle"], row["other_gl_account"]) == ("on_import", "4-2100-01")
    bad = await visitor.post("/receipting/merchants", fields | {"settle": "never"})
    assert (bad.status, 'value="New bank"' not in bad.text) == (422, True)
    edited = await visitor.get("/receipting/merchants?edit=NOW")
    assert 'value="Cards"' in edited.text
    assert (await visitor.get("/receipting/merchants?edit=NOBODY")).status == 404


async def test_who_only_reads_imports_nothing(console: Console, tmp_path: Path) -> None:
    """Neither a catalog nor a merchant, and no page offers it."""
    furnish_spring(console, tmp_path, told=False)
    reader = await console.let_in("rita", READER)
    for path in ("/catalog/products", "/receipting/merchants"):
        page = await reader.get(path)
        assert page.status == 200
        assert not [way for way in ways_of(page.text) if "import" in way or "edit" in way]
        assert 'method="post" action="/catalog' not in page.text
    for path in ("/catalog/products/import", "/catalog/products/import/take"):
        assert (await reader.post(path, {"content": PRODUCTS})).status == 403
    assert (await reader.post("/receipting/merchants", {})).status == 403
