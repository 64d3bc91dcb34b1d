"""What a shared archive says, and how long it asks: of a server that fails, or knows less."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest

from ingestd.spool.archive.archive import Archive, ArchiveWaits
from ingestd.spool.archive.opening import open_archive
from ingestd.values.errors import ArchiveAwayError, StorageError, WrongBlobError
from ingestd.values.identifiers import UploadId
from tests.integration.archive.s3_server import Bucket, Fault
from tests.integration.archive.test_archives import ROWS, SHA256, A, archive, file, spoil, store_of

__all__ = ["archive", "file"]

PIECE_BYTES = 8 << 20
UPLOAD = UploadId("0" * 26)
PATIENT = ArchiveWaits(answer=30.0, repeats=30.0)

ASKED: list[tuple[str, Callable[[Archive, Path], object]]] = [
    ("store", lambda archive, file: archive.put(A, SHA256, file)),
    ("store", lambda archive, _: archive.put_note(A, UPLOAD, b"{}")),
    ("read", lambda archive, file: archive.fetch(A, SHA256, file.with_name("fetched"))),
    ("find", lambda archive, _: archive.holds(A, SHA256)),
    ("list", lambda archive, _: archive.read_notes(A)),
    ("remove", lambda archive, _: archive.remove_note(A, UPLOAD)),
]


@pytest.mark.parametrize(("what", "ask"), ASKED)
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault.AWAY, "it does not answer as it should"),
        (Fault.FOREIGN, "it refuses these credentials"),
    ],
)
def test_what_was_asked_in_vain_is_told(
    bucket: Bucket,
    archive: Archive,
    file: Path,
    what: str,
    ask: Callable[[Archive, Path], object],
    fault: Fault,
    why: str,
) -> None:
    """An operator sees which right is missing."""
    bucket.lasting = fault
    with pytest.raises(ArchiveAwayError) as told:
        ask(archive, file)
    assert told.value.message == (
        f"Cannot {what} in the archive {bucket.url}: {why}. See ingestd doctor."
    )
    assert told.value.detail


@pytest.mark.parametrize(
    ("size_bytes", "answered", "what"),
    [(1, 2, "copy"), (PIECE_BYTES + 1, 0, "read"), (PIECE_BYTES + 1, 1, "store")],
)
def test_how_far_a_file_came_is_told(
    bucket: Bucket, archive: Archive, tmp_path: Path, size_bytes: int, answered: int, what: str
) -> None:
    """What is asked before and after a file is stored has names of its own."""
    content = bytes(size_bytes)
    file, sha256 = tmp_path / "file", hashlib.sha256(content).hexdigest()
    file.write_bytes(content)
    if size_bytes == 1:
        obstore.put(store_of(archive), f"{A}/sha256/{sha256[:2]}/{sha256}", b"other")
    bucket.faults = [Fault.NONE] * answered
    bucket.lasting = Fault.AWAY
    with pytest.raises(ArchiveAwayError, match=f"^Cannot {what} in the archive s3://"):
        archive.put(A, sha256, file)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("AWS_ENDPOINT_URL", "minio.example.org:9000", "find"),
        ("AWS_ENDPOINT_URL", "", "find"),
        ("AWS_CONDITIONAL_PUT", "perhaps", "open"),
    ],
)
def test_a_variable_that_cannot_be_is_an_error_of_the_archive(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, name: str, value: str, what: str
) -> None:
    """A forgotten scheme keeps uploads waiting, and ends no thread."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ArchiveAwayError, match=f"^Cannot {what} in the archive s3://") as told:
        bucket.open().holds(A, SHA256)
    assert ("AWS_ENDPOINT_URL" in told.value.message) == (name == "AWS_ENDPOINT_URL")


@pytest.mark.parametrize("value", [None, "", "false"])
def test_nothing_is_sent_in_the_clear_unless_that_is_allowed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """District files do not cross a network that others read, by a slip of the endpoint."""
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    if value is not None:
        monkeypatch.setenv("AWS_ALLOW_HTTP", value)
    with pytest.raises(ArchiveAwayError):
        bucket.open().holds(A, SHA256)
    assert not bucket.requests
    monkeypatch.setenv("AWS_ALLOW_HTTP", "True")
    assert not bucket.open().holds(A, SHA256)


def test_what_lies_in_the_bucket_has_the_names_that_operators_know(
    bucket: Bucket, archive: Archive, file: Path
) -> None:
    """Who restores a bucket by hand finds each district's files below the prefix."""
    bucket.url += "/"
    slashed = bucket.open()
    archive.put(A, SHA256, file)
    archive.put_note(A, UPLOAD, b"{}")
    assert slashed.holds(A, SHA256)
    _, _, path = bucket.url.rstrip("/").partition("//")
    assert [request for request in bucket.requests if request.startswith("PUT")] == [
        f"PUT /{path}/A/sha256/{SHA256[:2]}/{SHA256}",
        f"PUT /{path}/A/notes/{UPLOAD}.json",
    ]


@pytest.mark.parametrize(("size_bytes", "puts"), [(PIECE_BYTES, 1), ((20 << 20), 3)])
def test_a_file_goes_in_pieces_of_eight_mebibytes(
    bucket: Bucket, tmp_path: Path, size_bytes: int, puts: int
) -> None:
    """Providers bill requests; and no more than some pieces are held in memory."""
    archive = open_archive(bucket.url, waits=PATIENT)
    content = os.urandom(size_bytes)
    file, sha256 = tmp_path / "file", hashlib.sha256(content).hexdigest()
    file.write_bytes(content)
    archive.put(A, sha256, file)
    methods = [request.partition(" ")[0] for request in bucket.requests]
    assert methods.count("PUT") == puts
    bucket.requests.clear()
    archive.put(A, sha256, file)
    again = [request.partition(" ")[0] for request in bucket.requests]
    assert again == (["PUT", "GET"] if puts == 1 else ["GET"])  # the first one is refused
    assert methods.count("POST") == (0 if puts == 1 else 2)


@pytest.mark.parametrize(("repeats", "requests"), [(0.0, 1), (30.0, 4)])
def test_a_request_is_repeated_three_times_in_the_time_for_it(
    bucket: Bucket, repeats: float, requests: int
) -> None:
    """A district's client waits as long as is said, whatever the server does."""
    bucket.lasting = Fault.AWAY
    archive = open_archive(bucket.url, waits=ArchiveWaits(answer=30.0, repeats=repeats))
    with pytest.raises(ArchiveAwayError):
        archive.holds(A, SHA256)
    assert len(bucket.requests) == requests


def test_what_failed_soon_is_stored_by_a_second_try(bucket: Bucket, file: Path) -> None:
    """A server that restarts costs no district its upload."""
    archive = open_archive(bucket.url, waits=PATIENT)
    bucket.faults = [Fault.AWAY] * 4
    archive.put(A, SHA256, file)
    assert archive.holds(A, SHA256)


def test_what_failed_late_is_not_tried_again(bucket: Bucket, file: Path) -> None:
    """A client that has waited once is told, and not kept waiting twice."""
    bucket.lasting = Fault.STALLED
    archive = open_archive(bucket.url, waits=ArchiveWaits(answer=4.2, repeats=0.1))
    with pytest.raises(ArchiveAwayError):
        archive.put(A, SHA256, file)
    assert len(bucket.requests) == 1


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address where connections are neither taken nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        while True:
            asking = socket.socket()
            asking.settimeout(0.3)
            waiting.append(asking)
            try:
                asking.connect(listener.getsockname())
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for asking in waiting:
            asking.close()


def test_a_server_that_takes_no_connection_is_given_up_soon(
    bucket: Bucket, deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is off answers nothing, and need not be waited for as one that works."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", deaf)
    archive = open_archive(bucket.url, waits=ArchiveWaits(connect=0.2, answer=60.0, repeats=0.1))
    began = time.monotonic()
    with pytest.raises(ArchiveAwayError):
        archive.holds(A, SHA256)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("fault", [Fault.STALLED, Fault.LATE])
def test_an_answer_that_does_not_come_is_given_up_soon(
    bucket: Bucket, archive: Archive, fault: Fault
) -> None:
    """What an installation sets as its patience is its patience."""
    bucket.lasting = fault
    began = time.monotonic()
    with pytest.raises(ArchiveAwayError):
        archive.holds(A, SHA256)
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("fault", [Fault.PLAIN, Fault.CARELESS])
def test_a_server_that_knows_no_conditions_keeps_what_it_is_given(
    bucket: Bucket, archive: Archive, file: Path, tmp_path: Path, fault: Fault
) -> None:
    """A provider's store need not be Amazon's; the doctor says what it lacks."""
    bucket.lasting = fault
    archive.put(A, SHA256, file)
    archive.put(A, SHA256, file)
    archive.fetch(A, SHA256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == ROWS
    spoil(archive)
    bucket.requests.clear()
    archive.put(A, SHA256, file)
    archive.fetch(A, SHA256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == ROWS
    if fault is Fault.PLAIN:  # it is asked once with a condition, and never again
        assert [request.partition(" ")[0] for request in bucket.requests] == [
            *("HEAD", "GET", "PUT", "PUT", "GET")
        ]
    assert archive.examine() == f"{bucket.url} answers, does not know If-None-Match"


def test_that_a_server_knows_no_conditions_is_an_answer_and_no_trouble(
    bucket: Bucket, archive: Archive, file: Path
) -> None:
    """Nobody is called at night because such a server has the file already."""
    archive.put(A, SHA256, file)
    bucket.lasting = Fault.PLAIN
    another_nodes = bucket.open()
    another_nodes.put(A, SHA256, file)
    assert another_nodes.trouble == ""


def test_without_conditions_a_file_of_one_piece_is_looked_for_and_stored(
    bucket: Bucket, archive: Archive, tmp_path: Path
) -> None:
    """That nothing is there yet is asked first, and told by its own word."""
    content = os.urandom(PIECE_BYTES)
    file, sha256 = tmp_path / "file", hashlib.sha256(content).hexdigest()
    file.write_bytes(content)
    bucket.lasting = Fault.PLAIN
    archive.put(A, sha256, file)
    methods = [request.partition(" ")[0] for request in bucket.requests]
    assert methods[-2:] == ["HEAD", "PUT"]
    file.write_bytes(ROWS)
    archive.put(A, SHA256, file)
    archive.fetch(A, SHA256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == ROWS
    bucket.lasting = Fault.AWAY
    with pytest.raises(ArchiveAwayError, match=r"^Cannot find in the archive s3://"):
        archive.put(A, SHA256, file)


def test_the_doctor_tells_of_a_server_that_does_not_keep(bucket: Bucket, archive: Archive) -> None:
    """It is better known before the first file than after the last."""
    bucket.lasting = Fault.FORGETFUL
    with pytest.raises(StorageError, match="does not keep what it takes"):
        archive.examine()
    bucket.lasting = Fault.NONE
    bucket.faults = [Fault.NONE, Fault.SPOILED]
    with pytest.raises(StorageError, match=r"s3://.* gives back other than it was given"):
        archive.examine()
    bucket.faults = [*[Fault.NONE] * 3, Fault.FOREIGN]
    with pytest.raises(ArchiveAwayError, match=r"^Cannot list in .*: it refuses these credentials"):
        archive.examine()
    assert archive.examine() == f"{bucket.url} answers, keeps the first of two"
    assert not list(obstore.list(store_of(archive)).collect())


def test_a_note_that_its_node_removes_meanwhile_is_left_out(
    bucket: Bucket, archive: Archive
) -> None:
    """Between the list and the note its upload may have been queued."""
    other = UploadId("1" * 26)
    archive.put_note(A, UPLOAD, b"gone")
    archive.put_note(A, other, b"there")
    bucket.faults = [Fault.NONE, Fault.GONE]
    assert archive.read_notes(A) == [(other, b"there")]


def test_what_is_gone_already_is_removed(bucket: Bucket, archive: Archive) -> None:
    """Some stores say 404 of what is deleted twice."""
    bucket.faults = [Fault.GONE]
    archive.remove_note(A, UPLOAD)
    assert len(bucket.requests) == 1


def test_a_blob_that_is_missing_or_wrong_is_told_with_what_to_do(
    archive: Archive, file: Path, tmp_path: Path
) -> None:
    """Whoever restores the bucket knows which object to look for."""
    key = f"A/sha256/{SHA256[:2]}/{SHA256}"
    with pytest.raises(StorageError, match=f"^The archive s3://.* does not have {key}") as told:
        archive.fetch(A, SHA256, tmp_path / "fetched")
    assert told.value.message.endswith("; or give the upload up: ingestd uploads give-up")
    assert key in told.value.detail
    spoil(archive)
    with pytest.raises(
        WrongBlobError, match=f"^The archive s3://.* other bytes under {key}"
    ) as wrong:
        archive.fetch(A, SHA256, tmp_path / "fetched")
    found = hashlib.sha256(b"somebody else's rows").hexdigest()
    assert wrong.value.detail == f"found {found}"
    file.write_bytes(b"somebody else's rows")
    with pytest.raises(StorageError, match=f"^{file} does not hold") as spoiled:
        archive.put(A, SHA256, file)
    assert spoiled.value.detail == f"received {SHA256}, found {found}"


def test_what_cannot_be_read_is_told_by_its_name(archive: Archive, tmp_path: Path) -> None:
    """It is this disk's trouble, and not the archive's."""
    with pytest.raises(StorageError, match=f"^Cannot use {tmp_path}: ") as told:
        archive.put(A, SHA256, tmp_path)
    assert not isinstance(told.value, ArchiveAwayError)


def test_an_answer_is_not_quoted(bucket: Bucket) -> None:
    """A server's own words may name a key."""
    bucket.url = "s3://no-such-bucket"
    with pytest.raises(ArchiveAwayError, match="no such bucket") as told:
        bucket.open().read_notes(A)
    assert "<" not in told.value.detail
    assert "no-such-bucket" in told.value.detail


def test_a_file_of_credentials_has_profiles_and_tokens(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is written by the tools that know the installation's role."""
    kept = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(kept))
    kept.write_text(
        "[default]\naws_access_key_id = AKIDONE\naws_secret_access_key = 100%\n"
        "[role]\naws_access_key_id = AKIDTWO\naws_secret_access_key = b\n"
        "aws_session_token = token\n"
    )
    bucket.open().holds(A, SHA256)
    monkeypatch.setenv("AWS_PROFILE", "role")
    archive = bucket.open()
    archive.holds(A, SHA256)
    told = [(signed.partition("Credential=")[2][:7], token) for signed, token in bucket.signatures]
    assert told == [("AKIDONE", None), ("AKIDTWO", "token")]
    written = kept.read_text()
    kept.write_text("")  # while it is written anew, what was read a moment ago is used
    archive.holds(A, SHA256)
    kept.write_text(written)
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(ArchiveAwayError) as missing:
        bucket.open().holds(A, SHA256)
    assert f"{kept} holds no credentials of profile none." in missing.value.detail
