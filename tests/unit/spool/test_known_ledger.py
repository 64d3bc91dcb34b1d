"""What a data folder knows of its ledger, and what shows that it has processed something."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestd.spool.files import free_bytes
from ingestd.spool.folders import Folders
from ingestd.spool.known_ledger import (
    KnownLedger,
    archived_uploads,
    holds_uploads,
    read_known_ledger,
    write_known_ledger,
)
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, LedgerId, UploadId

A, B = AccountId("A"), AccountId("B")
KNOWN = KnownLedger(ledger_id=LedgerId("0123456789abcdef" * 2), place="sqlite:////é/ledger.db")
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "data")


def upload_id(number: int) -> UploadId:
    return UploadId(f"{number:026}")


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_folder_knows_the_ledger_that_was_written_into_it(folders: Folders) -> None:
    """A folder that came back without its ledger never begins another one."""
    assert read_known_ledger(folders) is None
    write_known_ledger(folders, KNOWN)
    assert read_known_ledger(folders) == KNOWN
    other = KnownLedger(ledger_id=LedgerId("f" * 32), place="elsewhere")
    write_known_ledger(folders, other)
    assert read_known_ledger(folders) == other


def test_an_id_that_was_put_back_by_hand_is_the_same(folders: Folders) -> None:
    """Some editors end lines with CRLF, and some leave the last one without an end."""
    for end in (b"\r\n", b"\n", b""):
        content = f"{KNOWN.ledger_id}\r\n{KNOWN.place}".encode() + end
        make(folders.ledger_id).write_bytes(content)
        assert read_known_ledger(folders) == KNOWN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file to another user")
def test_what_root_writes_is_the_daemon_s_to_read(folders: Folders) -> None:
    """`sudo ingestd init` does not lock the daemon out of its own folder."""
    folders.data_dir.mkdir()
    os.chown(folders.data_dir, 12345, 54321)
    write_known_ledger(folders, KNOWN)
    status = folders.ledger_id.stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 32, b"0" * 31 + b"\n", b"0" * 33])
def test_a_file_that_holds_no_id_is_told_with_the_remedy(folders: Folders, content: bytes) -> None:
    """Half a file after a full disk is not taken for a folder that never had a ledger."""
    make(folders.ledger_id).write_bytes(content)
    told = f"^{re.escape(str(folders.ledger_id))} holds no ledger's id.*init --adopt-ledger$"
    with pytest.raises(StorageError, match=told):
        read_known_ledger(folders)


def test_a_folder_in_the_place_of_the_file_is_told(folders: Folders) -> None:
    """A mount in the wrong place is an error of the world."""
    folders.ledger_id.mkdir(parents=True)
    with pytest.raises(StorageError, match=re.escape(str(folders.ledger_id))):
        read_known_ledger(folders)


@pytest.mark.parametrize(
    "place",
    [
        lambda folders: folders.archive(A, upload_id(1), RECEIVED) / "a.csv",
        lambda folders: folders.quarantine(A, upload_id(1)) / "a.csv",
        lambda folders: folders.claimed(B) / upload_id(1) / "a.csv",
        lambda folders: folders.receipts(B) / "a.csv.receipt.json",
        lambda folders: folders.data_dir / "archive" / "left by hand",
    ],
)
def test_what_was_processed_or_taken_shows_in_the_folder(
    folders: Folders, place: Callable[[Folders], Path]
) -> None:
    """A ledger that is not there is not a new one where files have had their outcome."""
    folders.create_for(A)
    folders.create_for(B)
    assert not holds_uploads(folders)
    make(place(folders))
    assert holds_uploads(folders)


def test_what_is_still_to_come_may_go_into_any_ledger(folders: Folders) -> None:
    """Files may be sent before the first start with a new database."""
    assert not holds_uploads(folders)
    for folder in (folders.incoming(A), folders.staging(A), folders.arrivals(A)):
        make(folder / "a.csv")
    folders.archive(A, upload_id(1), RECEIVED).mkdir(parents=True)
    make(folders.spool / "no account")
    assert not holds_uploads(folders)


def test_a_link_in_the_archive_is_a_file_and_no_folder(folders: Folders, tmp_path: Path) -> None:
    """Nothing outside of the data folder says anything of it."""
    (tmp_path / "empty").mkdir()
    (folders.data_dir / "archive").mkdir(parents=True)
    (folders.data_dir / "archive" / "link").symlink_to(tmp_path / "empty")
    assert holds_uploads(folders)
    assert archived_uploads(folders) == []


def test_a_linked_account_in_the_archive_is_not_gone_into(folders: Folders, tmp_path: Path) -> None:
    """Uploads of another ledger, somewhere else, say nothing of this folder's."""
    archive = folders.data_dir / "archive"
    month = tmp_path / "elsewhere" / "2026-11"
    (month / upload_id(1)).mkdir(parents=True)
    archive.mkdir(parents=True)
    (archive / "A").symlink_to(tmp_path / "elsewhere")
    assert archived_uploads(folders) == []


@pytest.mark.parametrize("look", [holds_uploads, archived_uploads])
def test_a_folder_that_cannot_be_looked_into_is_named(
    folders: Folders, look: Callable[[Folders], object]
) -> None:
    """Whoever has to mend it knows where it is."""
    archive = folders.data_dir / "archive"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.symlink_to(archive)
    with pytest.raises(StorageError, match=str(archive)):
        look(folders)


def test_uploads_in_the_archive_are_told_from_the_latest_month_on(folders: Folders) -> None:
    """Some of them tell whether a ledger knows the folder; the latest are in every backup."""
    for number, month in ((1, 1), (2, 3), (3, 2)):
        received = datetime(2026, month, 1, tzinfo=UTC)
        make(folders.archive(A, upload_id(number), received) / "a.csv")
    make(folders.data_dir / "archive" / "A" / "2026-03" / "by hand" / "a.csv")
    make(folders.data_dir / "archive" / "A" / "2026-03" / upload_id(9))
    assert archived_uploads(folders) == [(A, upload_id(number)) for number in (2, 3, 1)]


def test_of_many_uploads_in_the_archive_a_hundred_are_told(folders: Folders) -> None:
    """A start does not wait for the archive of years to be listed."""
    for number in range(101):
        folders.archive(A, upload_id(number), RECEIVED).mkdir(parents=True)
    assert len(archived_uploads(folders)) == 100


def test_free_bytes_are_those_that_a_user_may_fill(tmp_path: Path) -> None:
    """What is kept back for root is of no use to the daemon."""
    disk = os.statvfs(tmp_path)
    assert free_bytes(tmp_path) == pytest.approx(disk.f_bavail * disk.f_frsize, rel=0.5)
    with pytest.raises(StorageError, match=f"There is no folder {re.escape(str(tmp_path))}/none"):
        free_bytes(tmp_path / "none")
