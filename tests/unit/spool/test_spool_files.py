"""Publishing, claiming and durable writing, in real folders."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestd.spool.arrivals import Arrival, list_notes, note_path, read_note, write_note
from ingestd.spool.claimed import list_claimed, storable_name, take, take_together, withdraw
from ingestd.spool.files import make_folder
from ingestd.spool.folders import Folders
from ingestd.spool.publish import publish
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, new_upload_id

A = AccountId("A")
NAME = "student_billing.csv"
NOBODY = 65_534
RECEIVED = datetime(2026, 3, 2, 18, 0, 1, 5, tzinfo=UTC)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders(tmp_path)
    folders.create_for(A)
    return folders


def send(folders: Folders, content: bytes, name: str = NAME) -> Arrival:
    """Publish a file as the door does."""
    upload_id = new_upload_id()
    staged = folders.staging(A) / upload_id
    staged.write_bytes(content)
    arrival = Arrival(
        upload_id=upload_id,
        account=A,
        filename=name,
        whole=True,
        size_bytes=len(content),
        sha256="5" * 64,
        received_at=RECEIVED,
        peer="203.0.113.7",
    )
    return publish(folders, staged, arrival, takes_catalogs=False)


def claimed_contents(folders: Folders) -> dict[str, bytes]:
    found = list_claimed(folders, A)
    return {claimed.upload_id: claimed.path(folders).read_bytes() for claimed in found}


def test_a_published_file_is_taken_with_its_note(folders: Folders) -> None:
    """A receipt tells when, from where and by whom the file was sent."""
    arrival = send(folders, b"x")
    claimed = take(folders, A, NAME)
    assert claimed is not None
    assert claimed.arrival == arrival
    assert claimed.upload_id == arrival.upload_id
    assert list_notes(folders, A) == []
    assert list_claimed(folders, A) == [claimed]
    assert list_claimed(folders, A, known={claimed.upload_id}) == []


def test_a_file_can_be_taken_once(folders: Folders) -> None:
    """Two workers never both have it; one that was withdrawn nobody has."""
    assert take(folders, A, NAME) is None
    send(folders, b"x")
    assert take(folders, A, NAME) is not None
    assert take(folders, A, NAME) is None


def test_a_file_without_a_note_gets_an_identifier_of_its_own(folders: Folders) -> None:
    """An admin may copy a file in by hand."""
    (folders.incoming(A) / NAME).write_bytes(b"by hand")
    claimed = take(folders, A, NAME)
    assert claimed is not None
    assert claimed.arrival is None
    assert claimed_contents(folders) == {claimed.upload_id: b"by hand"}


def test_a_note_counts_for_its_own_file_only(folders: Folders) -> None:
    """A file put by hand in the place of an upload is not taken for that upload."""
    arrival = send(folders, b"x")
    (folders.incoming(A) / NAME).rename(folders.incoming(A) / "kept.bin")
    (folders.incoming(A) / NAME).write_bytes(b"y")
    claimed = take(folders, A, NAME)
    assert claimed is not None
    assert claimed.arrival is None
    assert list_notes(folders, A) == [arrival]


def test_a_renamed_file_keeps_its_note(folders: Folders) -> None:
    """Clients upload under a temporary name and rename: it is the same upload."""
    arrival = send(folders, b"x", "student_billing.csv.filepart")
    (folders.incoming(A) / arrival.filename).rename(folders.incoming(A) / NAME)
    claimed = take(folders, A, NAME)
    assert claimed is not None
    assert (claimed.upload_id, claimed.filename) == (arrival.upload_id, NAME)


def test_a_new_file_of_the_same_name_replaces_nothing_acknowledged(folders: Folders) -> None:
    """A district that sends two files under one name gets both processed."""
    sent = {send(folders, content).upload_id: content for content in (b"1", b"22", b"333")}
    take(folders, A, NAME)
    assert claimed_contents(folders) == sent


def test_a_crash_between_the_rename_and_the_note_loses_neither(folders: Folders) -> None:
    """After a power cut the file is found again, with its note."""
    arrival = send(folders, b"x")
    home = folders.claimed(A) / arrival.upload_id
    home.mkdir()
    assert list_claimed(folders, A) == []
    (folders.incoming(A) / NAME).rename(home / NAME)
    (found,) = list_claimed(folders, A)
    assert (found.upload_id, found.arrival) == (arrival.upload_id, arrival)


def test_files_of_one_name_sent_and_claimed_at_once_all_arrive_whole(folders: Folders) -> None:
    """Whatever the door and the intake do at the same moment, no upload takes another's place."""
    sent: dict[str, bytes] = {}
    done = threading.Event()

    def claim() -> None:
        while not done.is_set():
            take(folders, A, NAME)

    claimer = threading.Thread(target=claim)
    claimer.start()
    try:
        for number in range(40):
            content = b"x" * (number + 1)
            sent[send(folders, content).upload_id] = content
            if number % 5 == 0:  # the client withdraws it, unless it was claimed already
                _withdraw(folders, sent)
    finally:
        done.set()
        claimer.join()
    take(folders, A, NAME)
    assert claimed_contents(folders) == sent
    assert all(found.arrival is not None for found in list_claimed(folders, A))


def _withdraw(folders: Folders, sent: dict[str, bytes]) -> None:
    latest = list(sent)[-1]
    try:
        (folders.incoming(A) / NAME).unlink()
    except FileNotFoundError:
        return
    (folders.arrivals(A) / f"{latest}.json").unlink(missing_ok=True)
    del sent[latest]


@pytest.mark.parametrize("name", ["student_billing.csv", "stüdent.csv", "x" * 255, "a\nb.csv"])
def test_a_name_that_the_database_can_hold_stays(folders: Folders, name: str) -> None:
    """The receipt names the file as the district did."""
    (folders.incoming(A) / name).write_bytes(b"x")
    claimed = take(folders, A, name)
    assert claimed is not None
    assert claimed.filename == name


@pytest.mark.parametrize("raw", [b"caf\xe9.csv", b"\xff" * 251 + b".csv", b"\xed\xa0\x80.csv"])
def test_a_name_that_is_no_text_is_made_one(folders: Folders, raw: bytes) -> None:
    """One file with a broken name, copied in by hand, does not stop the daemon for everybody."""
    name = os.fsdecode(raw)
    (folders.incoming(A) / name).write_bytes(b"x")
    claimed = take(folders, A, name)
    assert claimed is not None
    assert claimed.filename == storable_name(name)
    assert len(claimed.filename.encode("utf-8")) <= 255
    assert claimed.path(folders).read_bytes() == b"x"


def test_nothing_but_a_regular_file_is_taken(folders: Folders, tmp_path: Path) -> None:
    """A link may not lead the daemon to another district's file."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    (folders.incoming(A) / "link.csv").symlink_to(secret)
    (folders.incoming(A) / "folder.csv").mkdir()
    os.mkfifo(folders.incoming(A) / "pipe.csv")
    for name in ("link.csv", "folder.csv", "pipe.csv"):
        assert take(folders, A, name) is None
    assert secret.read_bytes() == b"x"


def test_a_note_comes_back_as_it_was_written(folders: Folders) -> None:
    """Names in any writing, and instants to the microsecond."""
    arrival = send(folders, b"x", "студент 😀.csv")
    assert list_notes(folders, A) == [arrival]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"upload_id": "x"}', "null", "\x00"])
def test_what_is_no_note_is_passed_over(folders: Folders, text: str) -> None:
    """A stray file between the notes harms nobody."""
    path = folders.arrivals(A) / "stray.json"
    path.write_text(text)
    assert read_note(path) is None
    (folders.arrivals(A) / "folder.json").mkdir()
    (folders.arrivals(A) / ".in.unfinished.json").write_text("{")
    assert list_notes(folders, A) == []


def test_a_publishing_that_fails_leaves_no_note(folders: Folders) -> None:
    """A note without its file would be found by the next file that gets the same inode."""
    (folders.incoming(A) / "taken.txt").mkdir()
    with pytest.raises(StorageError):
        send(folders, b"x", "taken.txt")
    assert list_notes(folders, A) == []


def test_what_is_withdrawn_is_the_very_file(folders: Folders, tmp_path: Path) -> None:
    """A file that another one replaced, or that was claimed, stays where it is."""
    arrival, place = send(folders, b"mine"), tmp_path / "back"
    target = folders.incoming(A) / NAME
    assert not withdraw(folders, replace(arrival, inode=arrival.inode + 1), place)
    assert not withdraw(folders, replace(arrival, filename="other.csv"), place)
    assert target.read_bytes() == b"mine"
    assert withdraw(folders, arrival, place)
    assert (target.exists(), place.read_bytes()) == (False, b"mine")
    assert not withdraw(folders, arrival, place)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that anybody can reach, as what pytest makes is closed to all but its user."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        yield Path(home)


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@only_root
def test_a_folder_that_nobody_may_look_into_is_told(home: Path) -> None:
    """A `data_dir` below somebody's home folder is told as such, and not by a traceback."""
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    for folder, named in ((closed / "data", closed / "data"), (home / "a" / "b", home / "a")):
        with as_nobody(), pytest.raises(StorageError, match=f"^Cannot use {named}: Permission"):
            make_folder(folder)


@only_root
def test_a_file_whose_folder_cannot_be_synced_is_not_published(home: Path) -> None:
    """The client is not told OK, so the intake must not find what it will send again."""
    folders = Folders(home)
    folders.create_for(A)
    for folder, _, _ in os.walk(home):
        os.chown(folder, NOBODY, NOBODY)
    folders.incoming(A).chmod(0o300)  # a file can be renamed there, and the folder not opened
    with as_nobody(), pytest.raises(StorageError):
        send(folders, b"x")
    assert os.listdir(folders.incoming(A)) == []
    assert len(os.listdir(folders.staging(A))) == 1
    assert list_notes(folders, A) == []


def test_a_note_lies_under_its_upload(folders: Folders) -> None:
    """What the door writes is where the intake looks."""
    arrival = send(folders, b"x")
    path = note_path(folders, arrival)
    write_note(path, arrival)
    assert path.name == f"{arrival.upload_id}.{arrival.inode}.json"
    assert folders.accounts() == [A]


def test_files_that_are_taken_together_keep_their_notes_and_are_found(folders: Folders) -> None:
    """Who sent each is still known; nobody's file goes because another has a strange name."""
    sent = {name: send(folders, name.encode(), name) for name in ("b.part", ".a.csv", "c.tmp")}
    sent[".arrival.json"] = send(folders, b"mine", ".arrival.json")
    hand = folders.incoming(A) / "hand.part"
    hand.write_bytes(b"hand")
    (folders.incoming(A) / "folder.part").mkdir()
    names = [*sent, "hand.part", "gone.part", "folder.part"]
    taken = take_together(folders, A, names)
    assert taken is not None
    assert (taken.filename, taken.upload_id) == (".a.csv", sent[".a.csv"].upload_id)
    assert taken.others == ("_.arrival.json", "b.part", "c.tmp", "hand.part")
    home = folders.claimed(A) / taken.upload_id
    assert (home / "_.arrival.json").read_bytes() == b"mine"
    assert len(list(home.glob(".arrival*.json"))) == len(sent)
    assert list_claimed(folders, A) == [taken]
    assert os.listdir(folders.incoming(A)) == ["folder.part"]
    assert os.listdir(folders.arrivals(A)) == []
    assert take_together(folders, A, names) is None


def test_files_that_are_taken_together_go_by_the_names_that_they_have_then(
    folders: Folders,
) -> None:
    """One that would pass for a note gets another name, and its place among the others."""
    for name in (".arrival.json", "A.csv"):
        (folders.incoming(A) / name).write_bytes(name.encode())
    claimed = take_together(folders, A, [".arrival.json", "A.csv"])
    assert claimed is not None
    assert (claimed.filename, claimed.others) == ("A.csv", ("_.arrival.json",))
    assert claimed.path(folders).read_bytes() == b"A.csv"
