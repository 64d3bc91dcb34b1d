"""A disk that keeps only what was synced: two images of each inode, what programs see and its own.

What was not synced when the power goes is lost: all of it, or a part that chance decides. Names in
folders are kept apart from what they name, as POSIX allows; a folder's changes are kept in their
order, and a rename between two folders as one, as every journal does. `split` keeps its halves
apart: harsher than any disk, it shows which syncs a file system without a journal needs.

Durable at once are mode, owner and times. Never kept is an older version of what was written twice,
and no sync ever fails.
"""

from __future__ import annotations

import errno
import os
import random
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

_SECTOR_BYTES = 512
_SECTORS_OF_PAGE = 8


class Mode(StrEnum):
    """What a cut leaves of what was not synced: nothing, some files whole, or torn pieces."""

    NONE = "none"
    PART = "part"
    TORN = "torn"


@dataclass(slots=True, kw_only=True, eq=False)
class Inode:
    """What a file and a folder have in common; times are in nanoseconds since 1970."""

    number: int
    mode: int
    owner: tuple[int, int] = (0, 0)
    accessed_ns: int = field(default_factory=time.time_ns)
    modified_ns: int = field(default_factory=time.time_ns)


@dataclass(slots=True, kw_only=True, eq=False)
class File(Inode):
    """A file's bytes as seen, as the disk has them, and which sectors may differ."""

    seen: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)

    def write(self, offset: int, content: bytes) -> None:
        """Write as pwrite(2) does."""
        self.resize(max(len(self.seen), offset + len(content)))
        self.seen[offset : offset + len(content)] = content
        self._touch(offset, offset + len(content))

    def resize(self, size_bytes: int) -> None:
        """Cut the file, or fill it up with zeros."""
        if size_bytes != len(self.seen):
            self._touch(*sorted((size_bytes, len(self.seen))))
            _resize(self.seen, size_bytes)

    def sync(self) -> None:
        """Keep all of it."""
        self._keep(self.dirty, len(self.seen))
        self.dirty.clear()

    def lose(self, mode: Mode, chance: random.Random) -> None:
        """Lose what was not synced, and what `mode` and `chance` spare not."""
        if mode is Mode.PART and chance.random() < 0.5:
            self.sync()
        if mode is Mode.TORN:
            of_piece = chance.choice((1, _SECTORS_OF_PAGE))
            pieces = sorted({sector // of_piece for sector in self.dirty})
            spared = {piece for piece in pieces if chance.random() < 0.5}
            sectors = [sector for sector in self.dirty if sector // of_piece in spared]
            self._keep(sectors, chance.choice((len(self.kept), len(self.seen))))
        self.seen = bytearray(self.kept)
        self.dirty.clear()

    def _touch(self, start: int, end: int) -> None:
        self.dirty.update(range(start // _SECTOR_BYTES, -(-end // _SECTOR_BYTES)))
        self.modified_ns = time.time_ns()

    def _keep(self, sectors: Iterable[int], size_bytes: int) -> None:
        _resize(self.kept, size_bytes)
        for start in (sector * _SECTOR_BYTES for sector in sectors):
            end = min(start + _SECTOR_BYTES, size_bytes, len(self.seen))
            if start < end:
                self.kept[start:end] = self.seen[start:end]


def _resize(content: bytearray, size_bytes: int) -> None:
    del content[size_bytes:]
    content.extend(bytes(size_bytes - len(content)))


@dataclass(slots=True, kw_only=True, eq=False)
class Folder(Inode):
    """A folder's names as programs see them, and as the disk has them."""

    seen: dict[str, Inode] = field(default_factory=dict)
    kept: dict[str, Inode] = field(default_factory=dict)


# A name that a folder gives to an inode, or to nothing any more.
Entry = tuple[Folder, str, Inode | None]


def _enter(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
    names.pop(name, None)
    if inode is not None:
        names[name] = inode


class Disk:
    """Files and folders below a root, and the changes to folders that are not kept yet, in order.

    A change is one or more entries that are kept together.
    """

    def __init__(self, *, split: bool = False) -> None:
        self.root = Folder(number=1, mode=stat.S_IFDIR | 0o755)
        self.split = split
        self.inodes: dict[int, Inode] = {1: self.root}
        self._number = 1
        self._pending: list[list[Entry]] = []

    def find(self, path: str) -> Inode:
        """Return what lies at a path. Raises FileNotFoundError and NotADirectoryError."""
        inode: Inode = self.root
        for name in path.split("/"):
            if name:
                found = self._names(inode).get(name)
                if found is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
                inode = found
        return inode

    def folder_of(self, path: str) -> tuple[Folder, str]:
        """Return the folder that has a path's last name, and that name."""
        parent, _, name = path.rpartition("/")
        folder = self.find(parent)
        self._names(folder)
        assert isinstance(folder, Folder)
        return folder, name

    def add(self, path: str, mode: int, owner: tuple[int, int]) -> Inode:
        """Make an empty file or folder, as its mode says."""
        self._number += 1
        kind = Folder if stat.S_ISDIR(mode) else File
        inode = kind(number=self._number, mode=mode, owner=owner)
        self.inodes[inode.number] = inode
        self.change((*self.folder_of(path), inode))
        return inode

    def remove(self, path: str) -> None:
        """Take a name away; whoever has the file open goes on. Raises OSError of a full folder."""
        self._check_empty(self.find(path))
        self.change((*self.folder_of(path), None))

    def rename(self, old: str, new: str) -> None:
        """Give an inode another name, in the place of what had it."""
        inode = self.find(old)
        folder, name = self.folder_of(new)
        if name in folder.seen and folder.seen[name] is not inode:
            self._check_empty(folder.seen[name])
        self.change((*self.folder_of(old), None), (folder, name, inode))

    def change(self, *entries: Entry) -> None:
        """Change names in folders, so that programs see it."""
        for folder, name, inode in entries:
            _enter(folder.seen, name, inode)
            folder.modified_ns = time.time_ns()
        if self.split and len({entry[0] for entry in entries}) > 1:
            self._pending.extend([entry] for entry in entries)
        else:
            self._pending.append(list(entries))

    def sync(self, inode: Inode) -> None:
        """Keep a file's bytes, or a folder's names with all changes that must come before them."""
        if isinstance(inode, File):
            inode.sync()
            return
        folders, left = {inode}, []
        kept: list[list[Entry]] = []
        for change in reversed(self._pending):
            touched = {entry[0] for entry in change}
            if folders.isdisjoint(touched):
                left.append(change)
            else:
                folders |= touched
                kept.append(change)
        self._pending = left[::-1]
        self._keep(kept[::-1])

    def sync_all(self) -> None:
        """Keep everything."""
        self._keep(self._pending)
        self._pending = []
        for inode in self.inodes.values():
            if isinstance(inode, File):
                inode.sync()

    def lose(self, mode: Mode, chance: random.Random) -> None:
        """Cut the power: from now on programs see what the disk kept, and nothing else."""
        lost: set[Inode] = set()
        for change in self._pending:
            folders = {entry[0] for entry in change}
            if mode is Mode.NONE or lost & folders or chance.random() < 0.5:
                lost |= folders
            else:
                self._keep([change])
        self._pending = []
        self.inodes = {}
        self._lose_below(self.root, mode, chance)
        self._number = max(self.inodes)  # those of lost inodes are given anew, as on any disk

    def _lose_below(self, inode: Inode, mode: Mode, chance: random.Random) -> None:
        if inode.number in self.inodes:
            return  # two halves of a rename gave it two names
        self.inodes[inode.number] = inode
        if isinstance(inode, File):
            inode.lose(mode, chance)
        elif isinstance(inode, Folder):
            inode.seen = dict(inode.kept)
            for name in sorted(inode.seen):
                self._lose_below(inode.seen[name], mode, chance)

    @staticmethod
    def _keep(changes: Iterable[list[Entry]]) -> None:
        for change in changes:
            for folder, name, inode in change:
                _enter(folder.kept, name, inode)

    @staticmethod
    def _names(inode: Inode) -> dict[str, Inode]:
        if not isinstance(inode, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return inode.seen

    @staticmethod
    def _check_empty(inode: Inode) -> None:
        if isinstance(inode, Folder) and inode.seen:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
