"""Writing a file so that it is there whole or not at all, and survives a power cut."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.spool.files import clear_unfinished, write_durably, write_pieces_durably
from ingestd.values.identifiers import AccountId

A = AccountId("A")
NOW = 1_800_000_000


def test_writing_replaces_the_whole_file_or_nothing(tmp_path: Path) -> None:
    """A client that fetches a receipt never gets half of one, and no debris stays behind."""
    path = tmp_path / "receipt.json"
    write_durably(path, b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise KeyError

    with pytest.raises(KeyError):
        write_pieces_durably(path, pieces())
    assert {child.name: child.read_bytes() for child in tmp_path.iterdir()} == {
        "receipt.json": b"old"
    }


def test_what_is_written_elsewhere_is_seen_in_its_place_only_whole(tmp_path: Path) -> None:
    """Whoever watches the folder of notes is woken once for each, and finds it complete."""
    place, elsewhere = tmp_path / "arrivals", tmp_path / "staging"
    place.mkdir()
    elsewhere.mkdir()
    seen: list[tuple[int, int]] = []

    def pieces() -> Iterator[bytes]:
        for piece in (b"wh", b"ole"):
            yield piece
            seen.append((len(os.listdir(place)), len(os.listdir(elsewhere))))

    write_pieces_durably(place / "note.json", pieces(), unfinished_in=elsewhere)
    assert seen == [(0, 1), (0, 1)]
    assert (place / "note.json").read_bytes() == b"whole"
    assert os.listdir(elsewhere) == []


def test_two_files_whose_long_names_begin_alike_are_written_side_by_side(tmp_path: Path) -> None:
    """Two workers write the receipts of two files with long names at the same time."""
    first, second = (tmp_path / ("n" * 100 + end) for end in ("1", "2"))

    def pieces() -> Iterator[bytes]:
        yield b"fir"
        write_durably(second, b"second")
        yield b"st"

    write_pieces_durably(first, pieces())
    assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    """A name of 255 bytes leaves no room for anything beside it."""
    path = tmp_path / ("é" * 127 + "x")
    write_durably(path, b"x")
    assert os.listdir(tmp_path) == [path.name]


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The client hears "no space", not OK; the file that was there stays whole."""
    program = """
import resource, sys
from pathlib import Path
from ingestd.spool.files import write_durably
from ingestd.values.errors import NoSpaceError
path = Path(sys.argv[1])
write_durably(path, b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_durably(path, b"x" * 5000)
except NoSpaceError as error:
    print(error.code)
"""
    path = tmp_path / "receipt.json"
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "no_space\n"
    assert os.listdir(tmp_path) == ["receipt.json"]
    assert path.read_bytes() == b"old"


def test_what_killed_processes_left_half_written_goes_and_nothing_else(tmp_path: Path) -> None:
    """A receipt that was never finished is nobody's; a client's own dotted file is."""
    names = {f".in.{number:016x}": age for number, age in ((1, 7200), (2, 0), (3, 3600), (4, 3601))}
    names |= {".in.1": 7200, ".in.0123456789ABCDEF": 7200, "a.json": 7200}
    for name, age in names.items():
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (NOW - age, NOW - age))
    gone = {f".in.{1:016x}", f".in.{4:016x}"}
    assert clear_unfinished(tmp_path, older_than_seconds=3600, now=NOW) == 2
    assert {path.name for path in tmp_path.iterdir()} == set(names) - gone
    assert clear_unfinished(tmp_path / "missing", older_than_seconds=0, now=NOW) == 0
    write_durably(tmp_path / "b.json", b"x")
    assert len(list(tmp_path.iterdir())) == len(names) - len(gone) + 1
