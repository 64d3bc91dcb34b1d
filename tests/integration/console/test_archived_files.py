"""Files of a shared archive at the console: looked into and sent again from any node."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from structlog.testing import capture_logs

from ingestd.config.files.settings import Settings
from ingestd.database.engine import Database
from ingestd.intake.work.upkeep import Upkeep
from ingestd.service.files.stored_bytes import FETCHED_MAX, NotAtHandError, StoredBytes
from ingestd.spool.archive.archive import blob_key
from ingestd.spool.archive.s3 import S3Archive
from ingestd.spool.queue import QueuedUpload, find_upload
from ingestd.telemetry.events import Event
from ingestd.values.identifiers import UploadId
from tests.acceptance.daemon_log import until
from tests.integration.archive.conftest import bucket, s3_server
from tests.integration.archive.s3_server import Bucket, Fault
from tests.integration.console.conftest import SPRINGFIELD, Console, Visitor, console_on
from tests.integration.console.pipeline import process
from tests.integration.console.test_uploads_pages import OFFICE, posted

__all__ = ["bucket", "s3_server"]

ROWS = ("WALLET,T1,S1,MEAL,,1.00", "WALLET,T2,S9,MEAL,,2.00")


@pytest.fixture
async def sharing(database: Database, tmp_path: Path, bucket: Bucket) -> AsyncIterator[Console]:
    """A console of a node that shares an archive with others."""

    def share(settings: Settings) -> Settings:
        return settings.model_copy(update={"archive_url": bucket.url})

    async with console_on(database, tmp_path, share) as found:
        yield found


async def elsewhere(console: Console, folder: Path, *rows: str) -> QueuedUpload:
    """Return an upload that another node took, processed, and archived for all."""
    upload_id = await posted(console, folder, *rows)
    with console.database.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET node = 'elsewhere'")
    return find(console, upload_id)


def find(console: Console, upload_id: str) -> QueuedUpload:
    with console.database.reading() as connection:
        upload = find_upload(connection, SPRINGFIELD, UploadId(upload_id))
    assert upload is not None
    return upload


def fetched(console: Console) -> list[Path]:
    return sorted(console.installation.folders.fetched(SPRINGFIELD).iterdir())


def gets(bucket: Bucket) -> int:
    return sum(request.startswith("GET") for request in bucket.requests)


async def show(visitor: Visitor, upload: QueuedUpload, row: int = 3) -> tuple[int, str]:
    answer = await visitor.get(f"/uploads/{upload.upload_id}/rows/{row}")
    return answer.status, answer.text


async def test_a_row_is_shown_from_whichever_node_and_fetched_once(
    sharing: Console, tmp_path: Path, bucket: Bucket
) -> None:
    """Whoever mends a row sees it on the node that a balancer chose."""
    upload = await elsewhere(sharing, tmp_path, *ROWS)
    ada = await sharing.let_in("ada", OFFICE)
    bucket.requests.clear()
    shown = await asyncio.gather(*(show(ada, upload) for _ in range(4)))
    assert {status for status, _ in shown} == {200}
    assert all("WALLET,T2,S9,MEAL,,2.00" in text for _, text in shown)
    assert (await show(ada, upload, row=9))[0] == 404
    assert gets(bucket) == 1
    [kept] = fetched(sharing)
    assert kept.parent.stat().st_mode & 0o777 == 0o700


async def test_what_was_fetched_is_forgotten(sharing: Console, tmp_path: Path) -> None:
    """Files that somebody looked into fill no disk: a few of an account, for a day."""
    ada = await sharing.let_in("ada", OFFICE)
    looked_into = []
    for number in range(FETCHED_MAX + 2):
        upload = await elsewhere(sharing, tmp_path, ROWS[0], f"WALLET,K{number},S9,MEAL,,2.00")
        assert (await show(ada, upload))[0] == 200
        looked_into.append(upload.sha256)
    assert len(fetched(sharing)) == FETCHED_MAX
    assert looked_into[-1] in [path.name for path in fetched(sharing)]
    upkeep = Upkeep(
        folders=sharing.installation.folders,
        clock=sharing.clock,
        partial_hours=24,
        receipt_days=90,
    )
    for path in fetched(sharing):
        looked_at = (sharing.clock.now() - timedelta(hours=25)).timestamp()
        os.utime(path, (looked_at, looked_at))
    upkeep.sweep(SPRINGFIELD)
    assert fetched(sharing) == []


async def test_a_file_is_sent_again_from_whichever_node(sharing: Console, tmp_path: Path) -> None:
    """After the catalog was mended, a refused row is taken without asking the district."""
    upload = await elsewhere(sharing, tmp_path, *ROWS)
    ada = await sharing.let_in("ada", OFFICE)
    assert "Send the file again" in (await ada.get(f"/uploads/{upload.upload_id}")).text
    answer = await ada.post(f"/uploads/{upload.upload_id}/again")
    assert answer.status == 303
    await asyncio.to_thread(process, sharing)
    again = find(sharing, answer.way.split("/")[2].partition("?")[0])
    assert (again.sha256, again.sent_by) == (upload.sha256, "ada")


@pytest.mark.parametrize(
    ("harm", "status", "said", "code"),
    [
        ("away", 503, "cannot be reached just now", "archive_away"),
        ("wrong", 409, "other bytes in this file&#39;s place", "wrong_blob"),
        ("missing", 503, "cannot be fetched from the archive", "storage"),
    ],
)
async def test_what_cannot_be_had_is_told_of(
    sharing: Console, tmp_path: Path, bucket: Bucket, harm: str, status: int, said: str, code: str
) -> None:
    """Nobody takes an outage for a fault of the page, and nobody is shown somebody else's bytes."""
    upload = await elsewhere(sharing, tmp_path, *ROWS)
    archive = sharing.installation.archive()
    assert isinstance(archive, S3Archive)
    assert upload.sha256 is not None
    key = blob_key(SPRINGFIELD, upload.sha256)
    if harm == "away":
        bucket.lasting = Fault.FOREIGN
    elif harm == "wrong":
        obstore.put(archive._store, key, b"somebody else's rows")
    else:
        obstore.delete(archive._store, key)
    ada = await sharing.let_in("ada", OFFICE)
    with capture_logs() as log:
        shown = await show(ada, upload)
        sent = await ada.post(f"/uploads/{upload.upload_id}/again")
    for answer in (shown, (sent.status, sent.text)):
        assert answer[0] == status
        assert said in answer[1]
        assert "somebody else" not in answer[1]
        assert bucket.url not in answer[1]
    assert {(entry["event"], entry["code"]) for entry in log} == {(Event.STORAGE_FAILED, code)}
    assert fetched(sharing) == []


async def test_a_page_waits_only_so_long_and_the_file_comes_all_the_same(
    sharing: Console, tmp_path: Path, bucket: Bucket
) -> None:
    """A slow bucket holds up no browser: the next look shows the row."""
    upload = await elsewhere(sharing, tmp_path, *ROWS)
    works = sharing.installation.works()
    stored = StoredBytes(
        folders=sharing.installation.folders,
        archive=works.archive,
        nodes=frozenset({works.node}),
        disk_reserve_bytes=0,
        patience_seconds=0.1,
    )
    bucket.faults = [Fault.STALLED]
    with pytest.raises(NotAtHandError, match="is being fetched"):
        await stored.find(upload)
    bucket.released.set()
    await asyncio.to_thread(until, lambda: fetched(sharing), "the file")
    ada = await sharing.let_in("ada", OFFICE)
    bucket.requests.clear()
    assert (await show(ada, upload))[0] == 200
    assert gets(bucket) == 0


async def test_what_another_node_kept_for_itself_is_told_as_before(
    sharing: Console, tmp_path: Path, bucket: Bucket
) -> None:
    """A file that is not in the archive is asked for at its own node."""
    upload = await elsewhere(sharing, tmp_path, *ROWS)
    with sharing.database.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET archived = 0")
    ada = await sharing.let_in("ada", OFFICE)
    bucket.requests.clear()
    status, text = await show(ada, upload)
    assert (status, "lies on another node, elsewhere" in text) == (200, True)
    assert "Send the file again" not in (await ada.get(f"/uploads/{upload.upload_id}")).text
    assert bucket.requests == []
