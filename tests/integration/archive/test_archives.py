"""A shared archive by itself: what is put is there, once, and nothing else is ever given back."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from ingestd.spool.archive.archive import Archive, blob_key
from ingestd.spool.archive.s3 import S3Archive
from ingestd.telemetry.events import Event
from ingestd.values.errors import ArchiveAwayError, StorageError, WrongBlobError
from ingestd.values.identifiers import AccountId, UploadId
from tests.integration.archive.s3_server import Bucket, Fault

A, B = AccountId("A"), AccountId("B")
ROWS = b"charge_tracking_id,amount\nT1,1.00\n"
SHA256 = hashlib.sha256(ROWS).hexdigest()


@pytest.fixture
def archive(bucket: Bucket) -> Archive:
    return bucket.open()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "student_billing.csv"
    path.write_bytes(ROWS)
    return path


def store_of(archive: Archive) -> S3Store:
    assert isinstance(archive, S3Archive)
    return archive._store


def spoil(archive: Archive, content: bytes = b"somebody else's rows") -> None:
    obstore.put(store_of(archive), blob_key(A, SHA256), content)


def test_what_is_put_is_fetched_by_its_account_alone(
    archive: Archive, file: Path, tmp_path: Path
) -> None:
    """One district's bytes are never another's, were they the same."""
    assert not archive.holds(A, SHA256)
    archive.put(A, SHA256, file)
    archive.put(A, SHA256, file)
    assert archive.holds(A, SHA256)
    fetched = tmp_path / "fetched"
    archive.fetch(A, SHA256, fetched)
    assert fetched.read_bytes() == ROWS
    with pytest.raises(StorageError, match="does not have B/sha256/"):
        archive.fetch(B, SHA256, fetched)


@pytest.mark.parametrize("size_bytes", [0, 1, (8 << 20) + 1, 20 << 20])
def test_files_of_every_size_come_back(archive: Archive, tmp_path: Path, size_bytes: int) -> None:
    """A large file goes in pieces, which nobody sees before the last one is there."""
    content = os.urandom(size_bytes)
    sha256 = hashlib.sha256(content).hexdigest()
    file = tmp_path / "file"
    file.write_bytes(content)
    for _ in range(2):
        archive.put(A, sha256, file)
    archive.fetch(A, sha256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == content


@pytest.mark.parametrize("size_bytes", [10, 9 << 20])
def test_bytes_that_are_not_those_received_are_not_kept(
    archive: Archive, tmp_path: Path, size_bytes: int
) -> None:
    """A disk that forgets cannot spoil what others trust."""
    file = tmp_path / "file"
    file.write_bytes(bytes(size_bytes))
    with pytest.raises(StorageError, match=rf"^{file} does not hold .*\. Check the disk"):
        archive.put(A, SHA256, file)
    assert not archive.holds(A, SHA256)


def test_a_wrong_blob_is_named_and_never_given(
    archive: Archive, file: Path, tmp_path: Path
) -> None:
    """Whoever can write into the bucket can post nothing."""
    archive.put(A, SHA256, file)
    spoil(archive)
    with pytest.raises(WrongBlobError, match=f"A/sha256/{SHA256[:2]}/{SHA256}"):
        archive.fetch(A, SHA256, tmp_path / "fetched")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_wrong_blob_is_set_aside_by_whoever_has_the_right_one(
    archive: Archive, file: Path, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """A district that sends its file again heals what somebody broke."""
    spoil(archive)
    archive.put(A, SHA256, file)
    archive.fetch(A, SHA256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == ROWS
    [told] = log
    assert (told["event"], told["key"]) == (Event.BLOB_REPLACED, blob_key(A, SHA256))
    kept = obstore.get(store_of(archive), told["kept_as"]).bytes()
    assert bytes(kept) == b"somebody else's rows"


def test_of_many_that_put_at_once_all_are_right(archive: Archive, file: Path) -> None:
    """The same file, sent to every node in the same second, is one blob."""
    start = threading.Barrier(8)

    def put(_: int) -> None:
        start.wait(10)
        archive.put(A, SHA256, file)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, range(8)))
    assert archive.holds(A, SHA256)


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.STALLED, Fault.LATE, Fault.FOREIGN])
def test_an_archive_that_does_not_answer_is_told_of_in_time(
    bucket: Bucket, archive: Archive, file: Path, fault: Fault
) -> None:
    """A client never waits for ever; and what it is told names no key."""
    bucket.lasting = fault
    with pytest.raises(ArchiveAwayError, match=r"Cannot store in the archive s3://") as told:
        archive.put(A, SHA256, file)
    said = f"{told.value.message} {told.value.detail}"
    assert "\n" not in said
    assert "AKID" not in said
    assert "secret" not in said
    bucket.lasting = Fault.NONE
    bucket.released.set()
    archive.put(A, SHA256, file)
    assert archive.holds(A, SHA256)


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.LOST])
def test_a_moments_trouble_is_not_told(
    bucket: Bucket, archive: Archive, file: Path, tmp_path: Path, fault: Fault
) -> None:
    """An error that came after all was stored is found to be none."""
    bucket.faults = [fault]
    archive.put(A, SHA256, file)
    bucket.faults = [Fault.AWAY]
    archive.fetch(A, SHA256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == ROWS


def test_nobody_listens_there(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """A wrong endpoint is told of, and not waited for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    archive = bucket.open()
    for ask in (
        archive.examine,
        lambda: archive.put(A, SHA256, file),
        lambda: archive.read_notes(A),
    ):
        with pytest.raises(ArchiveAwayError):
            ask()


def test_a_bucket_that_is_not_there_is_told_of(bucket: Bucket, file: Path) -> None:
    """Nobody takes a missing bucket for an empty one."""
    bucket.url = "s3://no-such-bucket"
    archive = bucket.open()
    for ask in (
        archive.examine,
        lambda: archive.put(A, SHA256, file),
        lambda: archive.read_notes(A),
    ):
        with pytest.raises(ArchiveAwayError, match="no such bucket"):
            ask()


def test_notes_lie_beside_the_blobs(archive: Archive) -> None:
    """What a node could not write down elsewhere is found by the others."""
    first, second = UploadId("0" * 26), UploadId("1" * 26)
    for upload_id, note in ((second, b"2"), (first, b"1"), (second, b"two")):
        archive.put_note(A, upload_id, note)
    assert archive.read_notes(A) == [(first, b"1"), (second, b"two")]
    assert archive.read_notes(B) == []
    for _ in range(2):
        archive.remove_note(A, first)
    assert archive.read_notes(A) == [(second, b"two")]


def test_the_doctor_hears_what_it_can(archive: Archive) -> None:
    """An operator knows before the first file that the bucket works."""
    assert archive.examine().endswith("answers, keeps the first of two")
    assert not list(obstore.list(store_of(archive)).collect())


def test_credentials_may_stand_in_a_file(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path
) -> None:
    """A secret that is no variable is not inherited by every child."""
    kept = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(kept))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    kept.write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = hush\n")
    bucket.open().put(A, SHA256, file)
    kept.write_text("[default]\naws_access_key_id = AKIDFILE\nhush\n")
    with pytest.raises(ArchiveAwayError) as told:
        bucket.open().put(A, SHA256, file)
    assert "hush" not in f"{told.value.message} {told.value.detail}"
