"""The disk that forgets, without a mount: what it keeps, and what not."""

from __future__ import annotations

import random
import stat

import pytest

from tests.acceptance.lost_power.disk import Disk, File, Folder, Mode

FOLDER, FILE = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644


def make(*, split: bool = False) -> Disk:
    """Make a disk that has kept two folders."""
    disk = Disk(split=split)
    for path in ("/a", "/b"):
        disk.add(path, FOLDER, (0, 0))
    disk.sync_all()
    return disk


def file_of(disk: Disk, path: str, content: bytes) -> File:
    made = disk.add(path, FILE, (0, 0))
    assert isinstance(made, File)
    made.write(0, content)
    return made


def names(disk: Disk) -> list[str]:
    """Return the path of every file, sorted."""
    folders = [("a", disk.find("/a")), ("b", disk.find("/b"))]
    return sorted(
        f"{name}/{entry}"
        for name, each in folders
        if isinstance(each, Folder)
        for entry in each.seen
    )


@pytest.mark.parametrize("mode", Mode)
def test_what_was_synced_is_kept(mode: Mode) -> None:
    """A disk that lost more would accuse a program that did all it can."""
    for seed in range(50):
        disk = make()
        file = file_of(disk, "/a/x", b"x" * 5000)
        disk.sync(file)
        disk.sync(disk.find("/a"))
        file.write(4096, b"y" * 2000)
        disk.lose(mode, random.Random(seed))
        assert names(disk) == ["a/x"]
        assert file.seen.startswith(b"x" * 4096)
        assert len(file.seen) in {5000, 6096}
        assert set(file.seen[4096:]) <= set(b"xy\0")


@pytest.mark.parametrize("sync_name", [True, False])
@pytest.mark.parametrize("sync_bytes", [True, False])
def test_bytes_and_name_are_synced_apart(sync_name: bool, sync_bytes: bool) -> None:
    """A file whose folder was not synced is no file, and one without its bytes is empty."""
    disk = make()
    file = file_of(disk, "/a/x", b"x" * 5000)
    if sync_bytes:
        disk.sync(file)
    if sync_name:
        disk.sync(disk.find("/a"))
    disk.lose(Mode.NONE, random.Random(0))
    assert names(disk) == (["a/x"] if sync_name else [])
    assert len(file.kept) == (5000 if sync_bytes else 0)


@pytest.mark.parametrize(("split", "kept"), [(False, ["b/y"]), (True, ["a/x", "b/y"])])
def test_a_rename_is_kept_whole_unless_it_is_split(split: bool, kept: list[str]) -> None:
    """The target's sync keeps the source's half too, and what came before it there."""
    disk = make(split=split)
    file_of(disk, "/a/x", b"x")
    disk.sync(disk.find("/a"))
    disk.rename("/a/x", "/b/y")
    disk.sync(disk.find("/b"))
    disk.lose(Mode.NONE, random.Random(0))
    assert names(disk) == kept


def test_a_folders_changes_are_kept_in_their_order() -> None:
    """Chance may keep the first of them, and never the last without the first."""
    found = set()
    for seed in range(50):
        disk = make()
        for name in ("1", "2", "3"):
            file_of(disk, f"/a/{name}", b"x")
        disk.lose(Mode.PART, random.Random(seed))
        found.add("".join(path[-1] for path in names(disk)))
    assert found == {"", "1", "12", "123"}
