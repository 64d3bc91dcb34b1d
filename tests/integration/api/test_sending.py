"""Files by program: on disk before the answer, taken once, followed to a receipt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from ingestd.service.files.upload_keys import LIFETIME
from ingestd.service.http import bounds
from ingestd.service.people.scopes import TokenScope
from ingestd.values.identifiers import AccountId
from tests.integration.api.conftest import ROOT, Program, program, reply_of
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, Console
from tests.integration.console.pipeline import process
from tests.integration.http.peers import PATIENCE, ask

NAME = "student_billing.csv"
HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,amount,transaction_occurred_time\n"
)
GOOD = f"{HEADER}LIABILITY,T1,ANONYMOUS,FEE,1.00,2026-03-01\n".encode()


def kept_files(console: Console, account: AccountId = SPRINGFIELD) -> int:
    folder = console.installation.folders.incoming(account)
    return len(list(folder.iterdir())) if folder.exists() else 0


def head_of(asking: Program, length: int, name: str = NAME) -> bytes:
    lines = (
        f"PUT {ROOT}/incoming/{name} HTTP/1.1",
        *("host: x", "connection: close", f"content-length: {length}"),
        *(f"authorization: Bearer {asking.token}", "", ""),
    )
    return "\r\n".join(lines).encode()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.01)


async def test_a_file_is_followed_to_its_receipt(either: Console) -> None:
    """Sent, waited for, read as JSON and as CSV, found in the list: with one narrow token."""
    asking = program(either, TokenScope.UPLOAD)
    sent = await asking.put(NAME, GOOD, user_agent="erp/1.0")
    upload_id = sent.fields["upload_id"]
    assert (sent.status, sent.headers["location"]) == (201, f"{ROOT}/uploads/{upload_id}")
    path = f"/uploads/{upload_id}"
    waiting = await asking.get(path)
    assert (waiting.fields["status"], waiting.fields["sent_by"]) == ("waiting", "token:erp")
    early = await asking.get(f"{path}/receipt")
    assert (early.status, early.code, early.headers["retry-after"]) == (404, "no_receipt_yet", "1")
    await asyncio.to_thread(process, either)
    shown = await asking.get(path)
    told = {name: shown.fields[name] for name in ("source", "sent_by", "status", "rejected")}
    assert told == {
        "source": "api",
        "sent_by": "token:erp",
        "status": "processed_with_findings",
        "rejected": 1,
    }
    receipt = await asking.get(f"{path}/receipt")
    folder = either.installation.folders.receipts(SPRINGFIELD)
    assert receipt.content == (folder / f"student_billing.{upload_id}.json").read_bytes()
    table = await asking.get(f"{path}/receipt", accept="text/csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.content == (folder / f"student_billing.{upload_id}.csv").read_bytes()
    other = program(either, accounts=[SHELBYVILLE])
    for way in (path, f"{path}/receipt"):
        assert (await other.get(way)).code == "unknown"


async def test_lists_of_uploads_go_on_where_they_ended(either: Console) -> None:
    """Each upload once, the latest first, and those only that are asked for."""
    asking = program(either)
    sent = []
    for number in range(5):
        name = f"student_billing_{number % 2}.csv"
        sent.append((await asking.put(name, GOOD + b"\n" * number)).fields["upload_id"])
        await asyncio.to_thread(process, either)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await asking.get(f"/uploads?limit=2{cursor and '&cursor='}{cursor}")).fields
        found += [row["upload_id"] for row in page["uploads"]]
        cursor = page["next"]
    assert found == sent[::-1]
    named = (await asking.get("/uploads?filename=student_billing_1.csv")).fields
    assert [row["upload_id"] for row in named["uploads"]] == [sent[3], sent[1]]
    assert (await asking.get("/uploads?status=failed")).fields == {"uploads": [], "next": None}
    for wrong in ("limit=0", "limit=1001", "limit=x", "cursor=x", "status=done", "statsu=failed"):
        assert (await asking.get(f"/uploads?{wrong}")).status == 422, wrong


async def test_the_same_key_is_the_same_upload(console: Console) -> None:
    """A lost answer is asked for again; another file under the key is a mistake of the program."""
    asking = program(console)
    first = await asking.put(NAME, GOOD, idempotency_key="2026-03-02")
    again = await asking.put(NAME, GOOD, idempotency_key="2026-03-02")
    assert (again.status, again.content) == (201, first.content)
    assert kept_files(console) == 1
    for name, content in ((NAME, GOOD + b"\n"), ("student_billing_2.csv", GOOD), (NAME, b"")):
        other = await asking.put(name, content, idempotency_key="2026-03-02")
        assert (other.status, other.code) == (422, "key_of_another_file")
    console.clock.pass_(timedelta(hours=24))
    later = await asking.put(NAME, GOOD, idempotency_key="2026-03-02")
    assert later.content == first.content
    assert kept_files(console) == 1
    for bad in ("", "a b", "ä", "a" * 201):
        reply = await asking.put(NAME, GOOD, idempotency_key=bad or " ")
        assert reply.status in {400, 422}, bad


async def test_a_key_is_its_programs_own_and_ends(console: Console) -> None:
    """Two programs that count from one are not in each other's way; a new token of one is it."""
    asking, other = program(console), program(console, name="other")
    first = await asking.put(NAME, GOOD, idempotency_key="1")
    assert (await other.put(NAME, GOOD, idempotency_key="1")).content != first.content
    assert (await program(console).put(NAME, GOOD, idempotency_key="1")).content == first.content
    console.clock.pass_(LIFETIME)
    assert (await asking.put(NAME, GOOD, idempotency_key="1")).content != first.content


async def test_of_many_with_one_key_at_once_one_is_taken(console: Console) -> None:
    """A program that asks again before it was answered has one upload."""
    asking = program(console)
    replies = await asyncio.gather(
        *(asking.put(NAME, GOOD, idempotency_key="k") for _ in range(12))
    )
    taken = {reply.content for reply in replies if reply.status == 201}
    assert len(taken) == 1
    refused = [reply for reply in replies if reply.status != 201]
    assert {(reply.status, reply.code) for reply in refused} <= {(409, "key_in_use")}
    assert kept_files(console) == 1


async def test_a_file_that_is_cut_off_is_not_taken_and_its_key_is_free(console: Console) -> None:
    """Nothing of it is processed; sent again it is taken whole."""
    asking = program(console)
    head = head_of(asking, len(GOOD)).replace(b"host: x", b"host: x\r\nidempotency-key: k")
    _, writer = await asyncio.open_connection("127.0.0.1", console.port)
    writer.write(head + GOOD[:-5])
    await writer.drain()
    staging = console.installation.folders.staging(SPRINGFIELD)
    await until(lambda: staging.exists() and any(staging.iterdir()))
    writer.close()
    await until(lambda: not any(staging.iterdir()))
    assert kept_files(console) == 0
    assert (await asking.put(NAME, GOOD, idempotency_key="k")).status == 201


async def test_a_file_that_comes_too_slowly_or_is_too_long_is_not_taken(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so, and nothing of it is kept."""
    asking = program(console)
    limit = console.surroundings.receiver.limits.max_upload_bytes
    long = reply_of(await ask(console.port, head_of(asking, limit + 1)))
    assert (long.status, long.code) == (413, "too_large")
    monkeypatch.setattr(bounds, "BODY_SECONDS", 0.2)
    slow = reply_of(await ask(console.port, head_of(asking, len(GOOD)) + GOOD[:10]))
    assert (slow.status, slow.code) == (408, "too_slow")
    assert kept_files(console) == 0


async def test_what_is_no_whole_file_is_refused(console: Console) -> None:
    """A form, a part, something packed, a name that no format has."""
    asking = program(console)
    for headers in (
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_encoding": "gzip"},
        {"content_range": "bytes 0-1/2"},
    ):
        for send in (
            asking.put(NAME, GOOD, **headers),
            asking.send("POST", "/check", b"", **headers),
        ):
            assert (await send).status in {400, 415}, headers
    for name in ("notes.txt", ".student_billing.csv", "student_billing.csv.part", "x" * 255):
        refused = await asking.put(name, GOOD)
        assert refused.status == 422, name
        assert refused.code
    assert kept_files(console) == 0


async def test_a_dry_run_tells_what_would_be_and_stores_nothing(either: Console) -> None:
    """The receipt that the file would get, as long as the file is."""
    asking = program(either, TokenScope.UPLOAD)
    long = GOOD + b"\n" * 2 * bounds.BODY_BYTES_MAX
    checked = await asking.send("POST", f"/check?name={NAME}", long)
    fields = json.loads(checked.content)
    assert (checked.status, fields["filename"], fields["rows"]["rejected"]) == (200, NAME, 1)
    assert (await asking.send("POST", "/check?format=student_refunds", GOOD)).status == 200
    for wrong in ("", "?name=notes.txt", "?name=a%2Fstudent_billing.csv", "?format=x", "?name=.."):
        assert (await asking.send("POST", f"/check{wrong}", GOOD)).status == 422, wrong
    assert (await program(either).get("/uploads")).fields["uploads"] == []
