"""The audit: what people did, found by who, what, about whom and where; and as a file."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from urllib.parse import quote

from ingestd.console.people.audit_page import LINES
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, Console


def write(
    console: Console, by: str, deed: Deed, subject: str, *, account: str | None = None
) -> None:
    console.clock.pass_(timedelta(seconds=1))
    with console.database.writing() as connection:
        write_audit(
            connection,
            deed,
            doer=Doer(name=by, via=Via.API),
            at=console.clock.now(),
            subject=subject,
            account=SPRINGFIELD if account else None,
            detail={"roles": ["a", "b"]},
        )


def lines(text: str) -> list[str]:
    """Return a table's lines as they read."""
    body = text.rpartition("<tbody>")[2].partition("</tbody>")[0]
    return [
        html.unescape(" ".join(re.sub(r"<[^>]+>", " ", row).split()))
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


async def test_deeds_are_found_by_who_what_about_whom_and_where(either: Console) -> None:
    """Each filter stands in the address, and all of them together."""
    admin = await either.let_in("root")
    write(either, "bob", Deed.USER_CHANGED, "eve")
    write(either, "bob", Deed.USER_DISABLED, "eve")
    write(either, "eve", Deed.ALLOWLIST_SAVED, "allowlist.toml", account=SPRINGFIELD)
    for query, found in (
        ("by=bob", ["user disabled", "user changed"]),
        ("about=eve", ["user disabled", "user changed"]),
        ("deed=allowlist_saved", ["allowlist saved"]),
        (f"of={SPRINGFIELD}", ["allowlist saved"]),
        (f"of={SHELBYVILLE}", []),
        ("by=bob&about=eve&deed=user_changed", ["user changed"]),
        ("by=bob&deed=allowlist_saved", []),
        ("by=' OR 1=1 --", []),
        ("by=%00&about=nobody", []),
    ):
        shown = lines((await admin.get(f"/audit?{quote(query, safe='=&%')}")).text)
        assert [next((deed for deed in found if deed in line), line) for line in shown] == found
    [line] = lines((await admin.get("/audit?deed=user_disabled")).text)
    assert line == "2026-03-02 18:00 UTC bob user disabled eve – api roles: a, b"


async def test_a_page_is_a_hundred_and_leads_to_the_next(either: Console) -> None:
    """None is shown twice or left out, and filters stay."""
    admin = await either.let_in("root")
    for number in range(LINES + 5):
        write(either, "bob", Deed.USER_CHANGED, f"user{number}")
    write(either, "eve", Deed.USER_CHANGED, "other")
    first = (await admin.get("/audit?by=bob")).text
    [way] = re.findall(r'href="(/audit\?before=[^"]+)"', first)
    second = (await admin.get(html.unescape(way))).text
    seen = [line.split()[6] for page in (first, second) for line in lines(page)]
    assert seen == [f"user{number}" for number in reversed(range(LINES + 5))]
    assert "before=" not in second


async def test_the_file_holds_what_is_filtered_and_runs_nothing(console: Console) -> None:
    """A name that begins like a formula stays a name in a spreadsheet; on a page it is no tag."""
    admin = await console.let_in("root")
    write(console, "=HYPERLINK(1)", Deed.USER_CHANGED, "<img src=x>")
    write(console, "bob", Deed.USER_CHANGED, "eve")
    answer = await admin.get("/audit.csv?deed=user_changed")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="audit.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["by"], row["about"]) for row in rows] == [
        ("bob", "eve"),
        ("'=HYPERLINK(1)", "<img src=x>"),
    ]
    assert "<img" not in (await admin.get("/audit")).text
