"""A node's own copy of an upload: held to its hash, and removed once an archive has another."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingestd.spool.arrivals import parse_note
from ingestd.spool.claimed import list_claimed, remove_claimed, take
from ingestd.spool.files import hash_of
from ingestd.spool.folders import Folders
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, new_upload_id

A, B = AccountId("A"), AccountId("B")
NAME = "student_billing.csv"


def test_a_hash_is_that_of_all_bytes_of_a_file(tmp_path: Path) -> None:
    """What a restored file is held to is what its receipt says."""
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert hash_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    with pytest.raises(FileNotFoundError):
        hash_of(tmp_path / "gone")
    with pytest.raises(StorageError, match=f"^Cannot use {tmp_path}: "):
        hash_of(tmp_path)


def test_a_copy_that_is_kept_elsewhere_is_removed_with_its_note(tmp_path: Path) -> None:
    """What all nodes have for good takes no space on one, and no other upload is touched."""
    folders = Folders(tmp_path)
    taken = []
    for account in (A, A, B):
        folders.create_for(account)
        (folders.incoming(account) / NAME).write_bytes(b"rows")
        claimed = take(folders, account, NAME)
        assert claimed is not None
        taken.append(claimed)
    first, second, other = taken
    (first.path(folders).parent / ".arrival.json").write_bytes(b"{}")
    for _ in range(2):  # a stop in between costs nothing
        remove_claimed(folders, A, first.upload_id)
    remove_claimed(folders, A, new_upload_id())
    assert list_claimed(folders, A) == [second]
    assert not first.path(folders).parent.exists()
    remove_claimed(folders, A, other.upload_id)
    assert list_claimed(folders, B) == [other]


def test_a_claimed_folder_that_cannot_be_listed_is_told_by_its_name(tmp_path: Path) -> None:
    """A hand that put a file there hears of it."""
    folders = Folders(tmp_path)
    folders.create_for(A)
    upload_id = new_upload_id()
    home = folders.claimed(A) / upload_id
    home.write_bytes(b"")
    with pytest.raises(StorageError, match=f"^Cannot use {home}: "):
        remove_claimed(folders, A, upload_id)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"[]",
        b"5",
        b"{}",
        b'{"received_at": 5}',
        b'{"received_at": "noon"}',
        b'{"received_at": "2026-03-02T18:00:01Z"}',
        b"\xff",
    ],
)
def test_what_is_no_note_is_none(note: bytes) -> None:
    """Whatever lies in a bucket beside the notes keeps no node from reading them."""
    assert parse_note(note) is None
