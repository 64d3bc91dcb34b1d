"""A shared archive on another server than the one it was written against: one that knows less."""

from __future__ import annotations

import hashlib
import itertools
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest

from ingestd.spool.archive.archive import ArchiveWaits, blob_key
from ingestd.spool.archive.opening import open_archive
from ingestd.spool.archive.s3 import S3Archive
from ingestd.values.errors import ArchiveAwayError, WrongBlobError
from ingestd.values.identifiers import AccountId, UploadId
from tests.integration.archive.s3_server import Bucket, lead_to
from tests.integration.archive.swift_server import serve_swift

A = AccountId("A")
PIECE = 8 << 20
_ports = itertools.count(33_000 + os.getpid() * 41 % 1500)


def free_port() -> int:
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the count has no end")


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with serve_swift(tmp_path_factory.mktemp("swift"), free_port) as bucket:
        yield bucket


def test_an_archive_on_swift_keeps_what_it_promises(
    swift: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A provider's own store need not be Amazon's: what is missing there costs no promise.

    Swift answers 501 to a PUT with If-None-Match.
    """
    lead_to(swift, monkeypatch)
    archive = open_archive(swift.url, waits=ArchiveWaits(answer=20.0))
    assert isinstance(archive, S3Archive)
    assert archive.examine().endswith("does not know If-None-Match")
    file, fetched = tmp_path / "file", tmp_path / "fetched"
    sha256 = ""
    for content in (b"", b"rows", os.urandom(PIECE + 1)):
        sha256 = hashlib.sha256(content).hexdigest()
        file.write_bytes(content)
        assert not archive.holds(A, sha256)
        for _ in range(2):
            archive.put(A, sha256, file)
        archive.fetch(A, sha256, fetched)
        assert fetched.read_bytes() == content
    key = blob_key(A, sha256)
    obstore.put(archive._store, key, b"somebody else's rows")
    with pytest.raises(WrongBlobError):
        archive.fetch(A, sha256, fetched)
    archive.put(A, sha256, file)
    archive.fetch(A, sha256, fetched)
    assert fetched.read_bytes() == file.read_bytes()
    upload_id = UploadId("0" * 26)
    archive.put_note(A, upload_id, b"note")
    assert archive.read_notes(A) == [(upload_id, b"note")]
    archive.remove_note(A, upload_id)
    archive.remove_note(A, upload_id)
    assert archive.read_notes(A) == []
    lead_to(replace(swift, secret_key="another"), monkeypatch)
    with pytest.raises(ArchiveAwayError, match="refuses these credentials"):
        open_archive(swift.url).put(A, sha256, file)
