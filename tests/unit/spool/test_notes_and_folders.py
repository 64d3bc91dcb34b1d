"""Where everything lies, whose note is whose, and what is told when a folder is in disorder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestd.spool.arrivals import (
    Arrival,
    list_interrupted,
    list_notes,
    note_of_upload,
    note_path,
    notes_of_file,
    read_note,
    write_note,
)
from ingestd.spool.claimed import (
    ARRIVAL_NOTE,
    list_claimed,
    list_homes,
    remove_claimed,
    storable_name,
    take,
)
from ingestd.spool.files import (
    clear_unfinished,
    free_bytes,
    make_folder,
    move_durably,
    write_durably,
)
from ingestd.spool.folders import Folders
from ingestd.spool.publish import keep_partial, publish
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, UploadId, new_upload_id

A = AccountId("A")
NAME = "student_billing.csv"
RECEIVED = datetime(2026, 11, 30, 23, 59, 59, 5, tzinfo=UTC)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders(tmp_path)
    folders.create_for(A)
    return folders


def staged(folders: Folders, name: str = NAME, *, whole: bool = True) -> tuple[Path, Arrival]:
    """Return a file as it lies when its client is done with it, and what the door knows of it."""
    upload_id = new_upload_id()
    path = folders.staging(A) / upload_id
    path.write_bytes(upload_id.encode())
    return path, Arrival(
        upload_id=upload_id,
        account=A,
        filename=name,
        whole=whole,
        size_bytes=len(upload_id),
        sha256=None,
        received_at=RECEIVED,
        loss=None if whole else "connection_lost",
    )


def sent(folders: Folders, name: str = NAME, *, takes_catalogs: bool = False) -> Arrival:
    path, arrival = staged(folders, name)
    return publish(folders, path, arrival, takes_catalogs=takes_catalogs)


def test_everything_lies_where_the_operators_pages_say() -> None:
    """Backups, runbooks and alerts name these folders."""
    folders, upload_id = Folders(Path("/d")), UploadId("01K")
    assert [
        str(path)
        for path in (
            *(folders.host_keys, folders.incoming(A), folders.receipts(A), folders.arrivals(A)),
            *(folders.staging(A), folders.partials(A), folders.claimed(A)),
            *(folders.previews(A), folders.upload_keys(A), folders.fetched(A)),
            folders.archive(A, upload_id, RECEIVED),
            folders.quarantine(A, upload_id),
        )
    ] == [
        *("/d/host_keys", "/d/spool/A/incoming", "/d/spool/A/receipts", "/d/spool/A/arrivals"),
        *("/d/work/A/staging", "/d/work/A/partials", "/d/work/A/claimed"),
        *("/d/work/A/previews", "/d/work/A/upload_keys", "/d/work/A/fetched"),
        "/d/archive/A/2026-11/01K",
        "/d/quarantine/A/01K",
    ]


def test_a_link_among_the_folders_is_no_account(folders: Folders, tmp_path: Path) -> None:
    """What somebody links into the spool is not looked through for files."""
    (folders.spool / "LINK").symlink_to(tmp_path)
    (folders.spool / "file").write_bytes(b"")
    assert folders.accounts() == [A]


def test_what_arrived_of_an_interrupted_upload_is_kept_and_told(folders: Folders) -> None:
    """The account gets a receipt for an upload that broke off, and loses no byte by it."""
    whole = sent(folders)
    path, broken = staged(folders, whole=False)
    content = path.read_bytes()
    keep_partial(folders, path, broken)
    assert not path.exists()
    kept = [child for child in folders.partials(A).rglob("*") if child.is_file()]
    assert [child.read_bytes() for child in kept] == [content]
    assert list_interrupted(folders, A) == [broken]
    assert list_notes(folders, A) == [whole, broken]
    assert note_path(folders, replace(broken, inode=7)).name == f"{broken.upload_id}.0.json"


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9.csv"), "студент 😀.csv", 'a"\\\n.csv'])
def test_a_note_keeps_a_name_that_is_no_text(folders: Folders, name: str) -> None:
    """A client with an old encoding gets its receipt like any other."""
    arrival = sent(folders, name)
    assert read_note(note_path(folders, arrival)) == arrival


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"caf\xe9.csv", r"caf\xe9.csv"),
        ("café.csv".encode(), "café.csv"),
        (b"\xe9" + b"x" * 251, r"\xe9" + "x" * 251),
        (b"\xe9" + b"x" * 252, "x" * 252),
    ],
)
def test_bytes_that_are_no_text_can_be_seen_as_long_as_they_fit(raw: bytes, name: str) -> None:
    """The sender finds the file that the receipt is about."""
    assert storable_name(os.fsdecode(raw)) == name


def test_each_upload_has_its_own_note(folders: Folders) -> None:
    """The receipt of one file never names the sender of another."""
    first, second = sent(folders, "a.csv"), sent(folders, "b.csv")
    for arrival in (first, second):
        assert note_of_upload(folders, A, arrival.upload_id) == arrival
        assert notes_of_file(folders, A, arrival.inode) == [arrival]
    assert note_of_upload(folders, A, "01K") is None


def test_a_note_under_a_wrong_name_is_nobodys(folders: Folders) -> None:
    """A note that a hand renamed does not make one district's file another's."""
    arrival = sent(folders)
    other = arrival.inode + 1
    write_note(folders.arrivals(A) / f"{new_upload_id()}.{other}.json", arrival)
    assert notes_of_file(folders, A, other) == []


def test_a_note_that_is_being_written_is_none_yet(folders: Folders) -> None:
    """An editor that keeps a copy under a dot doubles no upload."""
    arrival = sent(folders)
    note = note_path(folders, arrival)
    write_note(note.with_name(f".{note.name}"), arrival)
    assert list_notes(folders, A) == [arrival]


def test_strays_among_the_claimed_files_hide_none_of_them(folders: Folders) -> None:
    """An empty folder that a crash left behind does not hold up all later files for ever."""
    (folders.claimed(A) / "0 empty").mkdir()
    (folders.claimed(A) / "0 file").write_bytes(b"")
    sent(folders)
    claimed = take(folders, A, NAME)
    assert list_claimed(folders, A) == [claimed]


def test_a_file_that_was_renamed_and_claimed_has_its_last_name_after_a_crash(
    folders: Folders,
) -> None:
    """The receipt of a file that was sent as `.filepart` names the file that it became."""
    arrival = sent(folders, f"{NAME}.filepart")
    home = folders.claimed(A) / arrival.upload_id
    home.mkdir()
    (folders.incoming(A) / arrival.filename).rename(home / NAME)
    (found,) = list_claimed(folders, A)
    assert found.arrival == replace(arrival, filename=NAME)


def test_a_renamed_file_is_taken_under_its_last_name(folders: Folders) -> None:
    """What is told of a file, and what its note says, is one name."""
    arrival = sent(folders, f"{NAME}.filepart")
    (folders.incoming(A) / arrival.filename).rename(folders.incoming(A) / NAME)
    claimed = take(folders, A, NAME)
    assert claimed is not None
    assert claimed.arrival == replace(arrival, filename=NAME)


def test_a_second_catalog_replaces_none_that_waits_where_catalogs_are_taken(
    folders: Folders,
) -> None:
    """Two rosters sent one after the other are both acknowledged, so both are processed."""
    waiting = sent(folders, "students.csv", takes_catalogs=True)
    sent(folders, "students.csv", takes_catalogs=True)
    assert [claimed.upload_id for claimed in list_claimed(folders, A)] == [waiting.upload_id]


def test_nobody_else_on_the_machine_reads_what_is_written(tmp_path: Path) -> None:
    """Receipts and notes hold what students owe."""
    write_durably(tmp_path / "receipt.json", b"")
    write_durably(tmp_path / "secret", b"", mode=0o600)
    assert stat.S_IMODE((tmp_path / "receipt.json").stat().st_mode) & 0o027 == 0
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_folders_are_closed_to_others_and_may_be_there_already(tmp_path: Path) -> None:
    """A second start changes nothing, and nobody else on the machine looks into the spool."""
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        make_folder(folder)
    for made in (folder, folder.parent):
        assert stat.S_IMODE(made.stat().st_mode) & 0o027 == 0
    folders = Folders(tmp_path / "data")
    folders.create_for(A)
    assert stat.S_IMODE(folders.previews(A).stat().st_mode) == 0o700
    assert stat.S_IMODE(folders.incoming(A).stat().st_mode) & 0o700 == 0o700


def test_it_is_seen_whether_a_folder_is_missing(tmp_path: Path) -> None:
    """Somebody who tidies up removes an empty folder: the next session brings it back."""
    folders = Folders(tmp_path / "data")
    assert not folders.exist_for(A)
    folders.create_for(A)
    assert folders.exist_for(A)
    for folder in (folders.staging(A), folders.previews(A)):
        folder.rmdir()
        assert not folders.exist_for(A)
        folders.create_for(A)
        assert folders.exist_for(A)


@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path, below: str) -> None:
    """The operator moves away what is in the way, and nothing above or below it."""
    (tmp_path / "spool").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        make_folder(tmp_path / "spool" / below)
    assert str(caught.value).startswith(f"{tmp_path}/spool is a file")


def test_what_is_neither_file_nor_folder_is_named_too(tmp_path: Path) -> None:
    """A pipe that somebody made in the place of a folder is found at once."""
    os.mkfifo(tmp_path / "spool")
    with pytest.raises(StorageError) as caught:
        make_folder(tmp_path / "spool")
    assert str(caught.value).startswith(f"{tmp_path}/spool is a file")


def test_a_place_where_nothing_can_be_made_is_told() -> None:
    """A `data_dir` that was mistyped is told of as such, and not as a missing file."""
    with pytest.raises(StorageError, match="/proc/ingestd: nothing can be made there"):
        make_folder(Path("/proc/ingestd/spool"))


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda path: write_durably(path / "x", b""), "x"),
        (lambda path: move_durably(path.with_name("other"), path / "x"), "x"),
        (lambda path: read_note(path / "x.json"), "x.json"),
        (lambda path: list_notes(Folders(path), A), "spool/A/arrivals"),
        (lambda path: list_claimed(Folders(path), A), "work/A/claimed"),
        (lambda path: take(Folders(path), A, NAME), f"spool/A/incoming/{NAME}"),
        (lambda path: free_bytes(path / "x"), "x"),
        (lambda path: clear_unfinished(path / "x", older_than_seconds=0, now=0), "x"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, act: Callable[[Path], object], named: str
) -> None:
    """An operator who is woken at night reads which path to look at."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    path.with_name("other").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        act(path)
    assert f"{path}/{named}" in str(caught.value)


def test_a_staged_file_that_cannot_be_looked_at_is_named(folders: Folders) -> None:
    """Nothing is published then, and the path is told."""
    path, arrival = staged(folders)
    with pytest.raises(StorageError) as caught:
        publish(folders, path / "x", arrival, takes_catalogs=False)
    assert f"{path}/x" in str(caught.value)
    assert list_notes(folders, A) == []


def test_what_a_crash_left_of_a_removed_file_is_found_and_removed(folders: Folders) -> None:
    """A note that outlived its file is no file to process, and does not lie about for ever."""
    first, second, third = (UploadId(letter * 26) for letter in "abc")
    for upload_id in (second, first, third):
        (folders.claimed(A) / upload_id).mkdir()
    (folders.claimed(A) / second / ARRIVAL_NOTE).write_text("{}")
    (folders.claimed(A) / third / NAME).write_text("x")
    assert list_homes(folders, A) == [first, second, third]
    for upload_id in (first, second, first):
        remove_claimed(folders, A, upload_id)
    assert list_homes(folders, A) == [third]
    assert [claimed.upload_id for claimed in list_claimed(folders, A)] == [third]


def test_an_account_without_folders_has_nothing_claimed(tmp_path: Path) -> None:
    """A district that was just written into the config is no error."""
    assert list_homes(Folders(tmp_path), A) == []
    (tmp_path / "work" / A).mkdir(parents=True)
    (tmp_path / "work" / A / "claimed").write_text("in the way")
    with pytest.raises(StorageError, match="claimed"):
        list_homes(Folders(tmp_path), A)
