"""Which archive an installation has, and what one does that shares none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ingestd.spool.archive.opening import can_speak_s3, open_archive
from ingestd.values.errors import LibraryMissingError, StorageError
from ingestd.values.identifiers import AccountId, UploadId

A = AccountId("A")


def test_a_node_by_itself_has_no_other_copy(tmp_path: Path) -> None:
    """What is lost from its disk is told, and never looked for elsewhere."""
    archive = open_archive(None)
    file = tmp_path / "file"
    file.write_bytes(b"rows")
    archive.put(A, "5" * 64, file)
    archive.put_note(A, UploadId("0" * 26), b"{}")
    archive.remove_note(A, UploadId("0" * 26))
    assert (archive.is_shared, archive.accepts_when_away) == (False, False)
    assert not archive.holds(A, "5" * 64)
    assert archive.read_notes(A) == []
    with pytest.raises(StorageError, match=f"^{tmp_path / 'gone'} is not there, and there is no"):
        archive.fetch(A, "5" * 64, tmp_path / "gone")
    assert archive.examine() == "a folder of this node"


def test_uploads_are_refused_while_an_archive_is_away_unless_it_is_said_otherwise() -> None:
    """A file has one copy only where an operator wrote that this will do."""
    pytest.importorskip("obstore")
    assert open_archive("s3://bucket").is_shared
    for accepts in (False, True):
        archive = open_archive("s3://bucket", accepts_when_away=accepts)
        assert archive.accepts_when_away is accepts
    assert open_archive("s3://bucket").accepts_when_away is False


def test_a_missing_library_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most installations have no bucket, and need no library for one."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    assert not can_speak_s3()
    with pytest.raises(LibraryMissingError, match=r"archive_url needs .* 'ingestd\[s3\]'\.$"):
        open_archive("s3://bucket")
    assert not open_archive(None).is_shared
