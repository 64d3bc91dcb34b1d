"""Uploads: found by what is asked, told down to the bytes of a row; by each role what is theirs."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from ingestd.service.files.receiving import Origin
from ingestd.service.files.rows import read_row
from ingestd.service.files.uploads import PAGE_UPLOADS, Sought, count_states, find_uploads
from ingestd.service.people.audit import list_audit
from ingestd.service.people.roles import Role, RoleKind
from ingestd.spool.queue import Given, QueueEntry, enqueue, find_upload, lease_next, put_back
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId, UploadId, new_upload_id
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, Console
from tests.integration.console.pipeline import charges, process, take_catalog
from tests.integration.console.test_receiving import pieces

OFFICE = frozenset({Role(RoleKind.OFFICE, SPRINGFIELD)})
OPERATOR = frozenset({Role(RoleKind.OPERATOR)})
EVIL = '=HYPERLINK("http://x")'
MARKUP = "<img src=x onerror=alert(1)>"
ROWS = (
    "WALLET,T1,S1,MEAL,,1.00",
    f'WALLET,T2,S9,"{MARKUP}",,1.00',
    'WALLET,T3,S1,MEAL,"two\nlines",2.00',
    "WALLET,=1+1,S1,MEAL,,x",
    f'WALLET,T5,S1,MEAL,,"{EVIL.replace(chr(34), chr(34) * 2)}"',
)


async def receive(
    console: Console,
    content: bytes,
    name: str = "student_billing.csv",
    account: AccountId = SPRINGFIELD,
) -> UploadId:
    origin = Origin(source="api", by="bob", peer="192.0.2.7")
    configured = console.keeper.current.accounts[account]
    receiver = console.surroundings.receiver
    received = await receiver.receive(configured, name, pieces(content), origin=origin)
    return received.upload_id


async def posted(console: Console, folder: Path, *rows: str) -> UploadId:
    take_catalog(console, folder)
    upload_id = await receive(console, charges(*rows))
    await asyncio.to_thread(process, console)
    return upload_id


def put(console: Console, *ids: str, account: AccountId = SPRINGFIELD, days_ago: int = 0) -> None:
    """Put uploads into the queue, as if they had just come."""
    at = console.clock.now() - timedelta(days=days_ago)
    with console.database.writing() as connection:
        for upload_id in ids:
            entry = QueueEntry(
                account=account,
                upload_id=UploadId(upload_id),
                filename=f"student_billing_{upload_id}_100%.csv",
                format="student_billing",
                source="sftp",
                size_bytes=1,
                sha256=None,
                received_at=to_microseconds(at),
                node=console.installation.works().node,
            )
            enqueue(connection, entry)


def fail_next(console: Console) -> None:
    """Let the next upload fail, as after six tries."""
    node = console.installation.works().node
    given = Given.TO_BE_TRIED
    with console.database.writing() as connection:
        while given is Given.TO_BE_TRIED:
            upload = lease_next(connection, node=node, owner=node, now=2**60)
            assert upload is not None
            given = put_back(connection, upload, error="disk broken", now=0)


async def test_an_upload_tells_its_whole_story(either: Console, tmp_path: Path) -> None:
    """Where it came from, what it came to, and what is to be mended, problems first."""
    upload_id = await posted(either, tmp_path, *ROWS)
    ada = await either.let_in("ada", OFFICE)
    page = (await ada.get(f"/uploads/{upload_id}")).text
    for text in ("192.0.2.7", "API", "bob", "3.00 USD", "with findings", "Sealed in batch"):
        assert text in page, text
    assert [int(one) for one in re.findall(r'<td class="number">(\d+)</td>', page)][:5] == [
        *(5, 2, 0, 0, 3)
    ]
    assert MARKUP not in page
    assert "&lt;img src=x" in page
    only = (await ada.get(f"/uploads/{upload_id}?code=student_unknown")).text
    assert "<code>amount_invalid</code></td>" not in only
    assert only.count('<td class="words">') < page.count('<td class="words">')
    applied = (await ada.get(f"/uploads/{upload_id}/applied")).text
    assert '/trace/T1?account=SPRINGFIELD"' in applied
    assert re.findall(r"/trace/(\w+)\?", applied) == ["T1", "T3"]


async def test_findings_are_paged_problems_first_and_none_is_left_out(
    either: Console, tmp_path: Path
) -> None:
    """However many there are: each page begins where the last one ended."""
    warned = [f'WALLET,W{number},S1,MEAL,5" pipe,1.00' for number in range(40)]
    bad = [f"WALLET,B{number},S9,MEAL,,1.00" for number in range(40)]
    upload_id = await posted(either, tmp_path, *warned, *bad)
    ada = await either.let_in("ada", OFFICE)
    seen: list[int] = []
    way: str | None = f"/uploads/{upload_id}"
    while way is not None:
        page = (await ada.get(way)).text
        seen += [int(row) for row in re.findall(rf"/uploads/{upload_id}/rows/(\d+)\?", page)]
        found = re.search(r'<a href="([^"]*)#findings" rel="next">', page)
        way = None if found is None else found[1].replace("&amp;", "&")
    assert seen == [*range(42, 82), *range(2, 42)]


async def test_a_row_is_shown_as_it_stands_in_the_archived_file(
    console: Console, tmp_path: Path
) -> None:
    """With its line breaks, its markup as text, and what cannot be seen by its number."""
    upload_id = await posted(console, tmp_path, *ROWS, "WALLET,T6\u202e,S1,MEAL,\t  x,1.00")
    ada = await console.let_in("ada", OFFICE)
    way = f"/uploads/{upload_id}/rows"
    assert "<code>WALLET,T1,S1,MEAL,,1.00</code>" in (await ada.get(f"{way}/2")).text
    two = (await ada.get(f"{way}/4")).text
    assert "<code>WALLET,T3,S1,MEAL,&#34;two</code>" in two
    assert "<code>lines&#34;,2.00</code>" in two
    assert 'start="4"' in two
    assert "&lt;img src=x" in (await ada.get(f"{way}/3")).text
    assert (
        "<code>WALLET,T6\\u202e,S1,MEAL,\\u0009  x,1.00</code>" in (await ada.get(f"{way}/7")).text
    )
    for none in ("0", "8", "-1", "x", "%D9%A3", "9" * 30):
        assert (await ada.get(f"{way}/{none}")).status == 404
    archive = console.installation.folders.data_dir / "archive"
    [path] = archive.rglob("student_billing.csv")
    path.unlink()
    assert "no longer in the archive" in (await ada.get(f"{way}/2")).text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_row_has_exactly_its_own_lines(console: Console, tmp_path: Path, end: str) -> None:
    """Whatever ends the lines, wherever the file is cut into pieces, blank lines among them."""
    account = console.keeper.current.accounts[SPRINGFIELD]
    lines = [f"{number},{'x' * (number % 97)}" for number in range(1, 6000)]
    lines[10], lines[20:22] = "", ['21,"a', 'b"']
    path = tmp_path / "a.csv"
    path.write_bytes(end.join(lines).encode())
    for row, expected in (
        (1, lines[0:1]),
        (10, lines[9:10]),
        (12, lines[11:12]),
        (21, lines[20:22]),
        (22, lines[22:23]),
        (5998, lines[5998:]),
    ):
        found = read_row(path, account, row)
        assert found is not None
        assert list(found.lines) == expected, row
    assert read_row(path, account, 5999) is None


async def test_receipts_are_those_that_the_account_fetches(
    console: Console, tmp_path: Path
) -> None:
    """Byte for byte; in the table no cell is a formula."""
    upload_id = await posted(console, tmp_path, *ROWS)
    ada = await console.let_in("ada", OFFICE)
    folder = console.installation.folders.receipts(SPRINGFIELD)
    told = {}
    for ending in ("json", "csv"):
        answer = await ada.get(f"/uploads/{upload_id}/receipt.{ending}")
        kept = folder / f"student_billing.{upload_id}.{ending}"
        told[ending] = answer.text
        assert answer.text.encode() == kept.read_bytes()
        assert answer.headers["content-disposition"].startswith("attachment;")
    assert json.loads(told["json"])["rows"]
    table = csv.reader(io.StringIO(told["csv"]))
    assert not [cell for line in table for cell in line if cell.startswith(("=", "+", "@"))]


async def test_an_operator_sees_every_account_and_no_value(
    console: Console, tmp_path: Path
) -> None:
    """Counts, codes and lines: what a file is about is its district's own."""
    upload_id = await posted(console, tmp_path, *ROWS)
    operator = await console.let_in("op", OPERATOR)
    for way in (f"/uploads/{upload_id}", f"/uploads/{upload_id}?account=SPRINGFIELD"):
        page = (await operator.get(way)).text
        assert "<code>student_unknown</code>" in page
        for secret in ("3.00", "img src", "=1+1", "/rows/", "/applied", "receipt.json"):
            assert secret not in page, secret
    for hidden in ("rows/2", "applied", "receipt.json", "receipt.csv"):
        assert (await operator.get(f"/uploads/{upload_id}/{hidden}")).status == 403
    listed = (await operator.get("/uploads")).text
    assert "SPRINGFIELD" in listed
    assert "USD" not in listed + (await operator.get("/uploads.csv")).text


async def test_nobody_finds_another_account_s_upload(console: Console, tmp_path: Path) -> None:
    """Neither by its id, nor by searching for it."""
    upload_id = await posted(console, tmp_path, *ROWS)
    eve = await console.let_in("eve", frozenset({Role(RoleKind.OFFICE, SHELBYVILLE)}))
    for way in ("", "/rows/2", "/applied", "/receipt.json", "/receipt.csv"):
        assert (await eve.get(f"/uploads/{upload_id}{way}")).status == 404
    for way in ("retry", "again"):
        assert (await eve.post(f"/uploads/{upload_id}/{way}")).status == 404
    assert upload_id not in (await eve.get("/uploads")).text
    assert upload_id not in (await eve.get("/uploads.csv")).text


async def test_uploads_are_found_by_name_state_format_and_day(either: Console) -> None:
    """Signs that a pattern would read are signs of the name."""
    first, second, third = (str(new_upload_id()) for _ in range(3))
    put(either, first)
    put(either, second, days_ago=3)
    put(either, third, account=SHELBYVILLE)

    def found(**asked: object) -> list[str]:
        sought = Sought(accounts=(SPRINGFIELD,), **asked)  # type: ignore[arg-type]
        with either.database.reading() as connection:
            assert sum(count_states(connection, sought).values()) >= 0
            return [one.upload_id for one in find_uploads(connection, sought)]

    both = sorted((first, second), reverse=True)
    assert found() == both
    assert found(name=first[-8:].lower()) == [first]
    assert found(name="100%.csv") == both
    assert found(name="100_.csv") == found(name="%_%") == []
    assert found(state="waiting", formats=("student_billing",)) == both
    assert found(state="failed") == found(formats=("fee_payments",)) == []
    now = either.clock.now()
    assert found(since=now - timedelta(days=1)) == [first]
    assert found(until=now - timedelta(days=1)) == [second]


async def test_a_list_goes_on_where_the_last_page_ended(console: Console) -> None:
    """Each upload once, the newest first, and what is asked stays asked."""
    ids = sorted(str(new_upload_id()) for _ in range(PAGE_UPLOADS + 3))
    put(console, *ids)
    ada = await console.let_in("ada", OFFICE)
    page = (await ada.get("/uploads?name=student&state=waiting")).text
    [way] = re.findall(r'<a href="([^"]*)" rel="next">', page)
    assert "name=student" in way
    assert "state=waiting" in way
    older = (await ada.get(way.replace("&amp;", "&"))).text
    listed = [re.findall(r"/uploads/(\w{26})\?", text) for text in (page, older)]
    assert listed[0] + listed[1] == ids[::-1]
    assert f'waiting <span class="count">{len(ids)}</span>' in page
    exported = (await ada.get("/uploads.csv?name=student")).text
    assert len(exported.splitlines()) == len(ids) + 1


@pytest.mark.parametrize(
    "asked",
    [
        "state=nothing&format=x&from=tomorrow&to=0&before=zzz&name=%00",
        "from=0001-01-01&to=9999-12-31",
        "after=x-y&code=<script>",
        "before=7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    ],
)
async def test_an_address_that_means_nothing_is_no_error(console: Console, asked: str) -> None:
    """Links are shortened, mistyped and made up."""
    ada = await console.let_in("ada", OFFICE)
    for path in ("/uploads", "/uploads.csv", "/billing/queued-charges"):
        assert (await ada.get(f"{path}?{asked}")).status == 200


async def test_an_upload_that_failed_is_tried_again_by_whoever_may(console: Console) -> None:
    """An operator, or the office whose file it is; it is kept who."""
    upload_id = str(new_upload_id())
    put(console, upload_id)
    fail_next(console)
    operator = await console.let_in("op", OPERATOR)
    reader = await console.let_in("rea", frozenset({Role(RoleKind.READER, SPRINGFIELD)}))
    assert "Try it again" not in (await reader.get(f"/uploads/{upload_id}")).text
    assert (await reader.post(f"/uploads/{upload_id}/retry")).status == 403
    page = (await operator.get(f"/uploads/{upload_id}")).text
    assert "Try it again" in page
    assert "disk broken" in page
    assert (await operator.post(f"/uploads/{upload_id}/retry")).status == 303
    assert (await operator.post(f"/uploads/{upload_id}/retry")).status == 409
    with console.database.reading() as connection:
        upload = find_upload(connection, SPRINGFIELD, UploadId(upload_id))
        events = [one for one in list_audit(connection, limit=9) if one.deed == "upload_retried"]
    assert upload is not None
    assert upload.state == "waiting"
    assert [(one.by, one.subject, one.account) for one in events] == [
        ("op", upload_id, SPRINGFIELD)
    ]


async def test_all_that_failed_and_are_sought_are_tried_again_with_a_reason(
    console: Console,
) -> None:
    """After an outage, in one step that says how many; of those accounts that one may, and once."""
    ids = [str(new_upload_id()) for _ in range(3)]
    for upload_id, account in zip(ids, (SPRINGFIELD, SPRINGFIELD, SHELBYVILLE), strict=True):
        put(console, upload_id, account=account)
        fail_next(console)
    way = f"/uploads/retry?name={ids[0]}"
    ada = await console.let_in("ada", OFFICE)
    operator = await console.let_in("op", OPERATOR)
    reader = await console.let_in("rea", frozenset({Role(RoleKind.READER, SPRINGFIELD)}))
    assert "Try all" not in (await reader.get("/uploads")).text
    assert (await reader.post("/uploads/retry", {"sure": "yes", "reason": "x"})).status == 403
    assert "Try all 3 failed again" in (await operator.get("/uploads")).text
    assert "Try all 2 failed again" in (await ada.get("/uploads")).text
    asked = await ada.post(way)
    assert "1 upload was given up" in asked.text
    assert (await ada.post(way, {"sure": "yes"})).status == 422
    done = await ada.post(way, {"sure": "yes", "reason": "Disk is back"})
    assert (done.status, done.way) == (303, f"/uploads?account=SPRINGFIELD&name={ids[0]}")
    assert "Try all 1 failed again" in (await ada.get("/uploads")).text
    sure = {"sure": "yes", "reason": "Outage over"}
    assert (await operator.post("/uploads/retry", sure)).status == 303
    assert "Try all" not in (await operator.get("/uploads")).text
    assert (await operator.post("/uploads/retry", sure)).status == 303
    with console.database.reading() as connection:
        events = list_audit(connection, limit=9, deed="uploads_retried")
    assert sorted((one.by, one.account, one.detail["uploads"]) for one in events) == [
        ("ada", SPRINGFIELD, 1),
        ("op", SHELBYVILLE, 1),
        ("op", SPRINGFIELD, 1),
    ]


async def test_the_overview_says_what_needs_somebody(either: Console, tmp_path: Path) -> None:
    """What failed, what has findings, and today's files; of one's own accounts alone."""
    await posted(either, tmp_path, *ROWS)
    put(either, str(new_upload_id()))
    fail_next(either)
    put(either, str(new_upload_id()), account=SHELBYVILLE)
    for name, roles, seen in (
        ("office", OFFICE, {"SPRINGFIELD"}),
        ("operator", OPERATOR, {"SPRINGFIELD", "SHELBYVILLE"}),
        ("reader", frozenset({Role(RoleKind.READER, SHELBYVILLE)}), {"SHELBYVILLE"}),
        ("admin", frozenset({Role(RoleKind.ADMIN)}), set[str]()),
    ):
        page = (await (await either.let_in(name, roles)).get("/")).text
        for account in (SPRINGFIELD, SHELBYVILLE):
            assert (account in page) is (account in seen), (name, account)
        assert ("1 failed</a>" in page) is (SPRINGFIELD in seen), name
        assert ("1 processed with findings</a>" in page) is (SPRINGFIELD in seen), name
    assert "from=2026-02-24" in (await (await either.let_in("bob", OFFICE)).get("/")).text
