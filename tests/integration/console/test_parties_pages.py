"""Families' pages: who is found, what each owes and has, as the reports say it."""

from __future__ import annotations

from pathlib import Path

from tests.integration.console.conftest import Console
from tests.integration.console.office import OFFICE, facts_of, furnish_spring, tables_of, ways_of


async def test_a_familys_page_says_what_its_statement_says(either: Console, tmp_path: Path) -> None:
    """What is open adds up to what the arrears report says, and the statement closes as there."""
    office = furnish_spring(either, tmp_path)
    office.charge("LIABILITY,N1,K1,BAND,,2026-06-20", "WALLET,N2,L1,MEAL,,2026-06-21")
    visitor = await either.let_in("ada", OFFICE)
    page = (await visitor.get("/parties/KIM001")).text
    tables, facts = tables_of(page), facts_of(page)
    [arrears] = tables_of((await visitor.get("/reports/arrears?family=KIM001")).text)[
        "arrears, rows"
    ]
    opened = [float(row["open"]) for row in tables["Open items"]]
    assert sum(opened) == float(arrears["open"]) + float(arrears["wallet_open"])
    statement = tables_of((await visitor.get("/reports/statement?party=KIM001")).text)
    rows = statement["statement, rows"]
    shown = ("day", "event", "party", "text", "amount", "balance")
    assert tables["Statement"] == [{name: row[name] for name in shown} for row in rows]
    assert facts["closing"] == rows[-1]["balance"]
    # A file's row is three clicks away: the item, its charge, the row.
    assert "/trace/N1?account=SPRINGFIELD" in ways_of(page)
    trace = await visitor.get("/trace/N1")
    assert [way for way in ways_of(trace.text) if way.endswith("/rows/2?account=SPRINGFIELD")]


async def test_people_are_found_by_code_and_name(either: Console, tmp_path: Path) -> None:
    """In any case, in the middle of a word; what is no letter is meant as it is written."""
    office = furnish_spring(either, tmp_path)
    office.refer(
        "parent",
        {"parent_code": "P_100%", "name": "Ann O'Neil"},
        {"parent_code": "PX1000", "name": "Bo"},
    )
    visitor = await either.let_in("ada", OFFICE)

    async def found(text: str) -> set[str]:
        page = await visitor.get(f"/parties?q={text}")
        return {row["party"] for row in tables_of(page.text).get("People", [])}

    assert await found("kim") == {"KIM001"}
    assert await found("p_100%25") == {"P_100%"}
    assert await found("o'n") == {"P_100%"}
    assert await found("k1") == {"K1"}
    assert await found("nobody") == set()
    assert {"K1", "K2", "L1", "KIM001", "LEE001", "ANONYMOUS"} <= await found("")
    for code in ("P_100%25", "parent:PX1000", "ANONYMOUS"):
        assert (await visitor.get(f"/parties/{code}")).status == 200


async def test_letters_are_sent_as_the_commands_write_them(
    console: Console, tmp_path: Path
) -> None:
    """A statement, a reminder and an invoice, to take away."""
    furnish_spring(console, tmp_path)
    visitor = await console.let_in("ada", OFFICE)
    for kind in ("statement", "arrears", "invoice"):
        sent = await visitor.get(f"/letters/{kind}?party=KIM001&as=html")
        assert sent.status == 200, kind
        assert sent.headers["content-disposition"].startswith("attachment")
        assert "KIM001" in sent.text
        assert (await visitor.get(f"/letters/{kind}?party=nobody")).status == 422
    assert (await visitor.get("/letters/love?party=KIM001")).status == 404
