"""The disk that forgets, mounted: `python -m tests.acceptance.lost_power.mount FOLDER [split]`.

It reads commands from stdin, one a line, and answers each with a line. The power is cut before a
change of the disk; from then on every call answers EIO, so that nothing is acknowledged late. It
unmounts and ends when its stdin does, however its caller ended.
"""

from __future__ import annotations

import errno
import os
import random
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import mfusepy  # type: ignore[import-untyped]

from tests.acceptance.lost_power.disk import Disk, File, Folder, Inode, Mode

_BLOCK_BYTES = 4096
_BLOCKS = 1 << 24
_CHANGES = (
    *("write", "truncate_fuse_3", "create", "mkdir", "unlink", "rmdir", "rename_fuse_3"),
    *("fsync", "fsyncdir"),
)
_LOOP_FAILED = 8  # fuse_main(3): all others tell that there was no mount
_UTIME_NOW, _UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2  # sys/stat.h


class Power:
    """Counts the changes of a disk, and goes before the one that was chosen."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.lock = threading.Lock()
        self.changes = 0
        self.is_cut = False
        self._cut_before = 0
        self._mode, self._chance = Mode.NONE, random.Random()

    def arm(self, changes: int, mode: Mode, seed: int) -> None:
        """Choose how many changes more are made, and what the cut will spare."""
        self._cut_before = self.changes + changes + 1
        self._mode, self._chance = mode, random.Random(seed)

    def allows(self, call: str) -> bool:
        """Tell whether there is power for a call; the caller holds the lock."""
        if call in _CHANGES and not self.is_cut:
            self.changes += 1
            if self.changes == self._cut_before:
                self.cut()
        return not self.is_cut

    def cut(self) -> None:
        """Cut the power now, unless that has been done."""
        if not self.is_cut:
            self.is_cut = True
            self.disk.lose(self._mode, self._chance)

    def restore(self) -> None:
        """Have power again, until it is armed anew."""
        self.is_cut = False
        self._cut_before = 0


class _Mount(mfusepy.FUSE):  # type: ignore[misc]
    """FUSE with one call at a time, none without power, and each with the open file it is for."""

    def __init__(self, files: _Files, folder: str, power: Power) -> None:
        self._power = power
        # No direct_io and no writeback cache: mmap works, and each write comes here at once.
        # hard_remove: a removed file that is open is not renamed instead.
        super().__init__(
            files, folder, foreground=True, nothreads=True, use_ino=True, hard_remove=True
        )

    def _wrapper(self, call: Callable[..., int], *arguments: Any) -> int:
        with self._power.lock:
            if not self._power.allows(call.__name__):
                return -errno.EIO
            return int(super()._wrapper(call, *arguments))

    def truncate_fuse_3(self, path: bytes | None, size_bytes: int, opened: Any) -> int:
        self.operations.inode(path, opened).resize(size_bytes)
        return 0

    def chmod_fuse_3(self, path: bytes | None, mode: int, opened: Any) -> int:
        inode = self.operations.inode(path, opened)
        inode.mode = stat.S_IFMT(inode.mode) | stat.S_IMODE(mode)
        return 0

    def chown_fuse_3(self, path: bytes | None, user: int, group: int, opened: Any) -> int:
        inode = self.operations.inode(path, opened)
        inode.owner = tuple(
            old if new in {-1, 0xFFFFFFFF} else new
            for old, new in zip(inode.owner, (user, group), strict=True)
        )
        return 0

    def utimens_fuse_3(self, path: bytes | None, times: Any, opened: Any) -> int:
        inode = self.operations.inode(path, opened)
        inode.accessed_ns = _time_of(times.contents.actime, inode.accessed_ns)
        inode.modified_ns = _time_of(times.contents.modtime, inode.modified_ns)
        return 0


def _time_of(told: Any, old_ns: int) -> int:
    if told.tv_nsec == _UTIME_OMIT:
        return old_ns
    return time.time_ns() if told.tv_nsec == _UTIME_NOW else told.tv_sec * 10**9 + told.tv_nsec


class _Files(mfusepy.Operations):  # type: ignore[misc]
    """The calls of programs, as the disk understands them; a handle is the inode's number."""

    use_ns = True
    # Calls for an open file come without its path: it may have none any more.
    flag_nopath = flag_nullpath_ok = True
    # The base class knows these by other names; what they do is done in _Mount.
    truncate = chmod = chown = utimens = lambda *_: None

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.mounted = threading.Event()

    def inode(self, path: bytes | None, opened: Any) -> Inode:
        """Return what a call is for: an open file, else what lies at a path."""
        if opened:
            return self._disk.inodes[opened.contents.fh]
        assert path is not None
        return self._disk.find(os.fsdecode(path))

    def init(self, _path: str) -> None:
        self.mounted.set()

    def statfs(self, _path: str) -> dict[str, int]:
        free = dict.fromkeys(("f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree"), _BLOCKS)
        return free | {"f_bsize": _BLOCK_BYTES, "f_frsize": _BLOCK_BYTES, "f_namemax": 255}

    def getattr(self, path: str | None, handle: int | None = None) -> dict[str, int]:
        inode = self._disk.find(path) if path is not None else self._disk.inodes[handle or 0]
        size_bytes = len(inode.seen) if isinstance(inode, File) else 0
        return {
            "st_ino": inode.number,
            "st_mode": inode.mode,
            "st_nlink": 1 if isinstance(inode, File) else 2,
            "st_uid": inode.owner[0],
            "st_gid": inode.owner[1],
            "st_size": size_bytes,
            "st_blksize": _BLOCK_BYTES,
            "st_blocks": -(-size_bytes // 512),
            "st_atime": inode.accessed_ns,
            "st_mtime": inode.modified_ns,
            "st_ctime": inode.modified_ns,
        }

    def opendir(self, path: str) -> int:
        return self._disk.find(path).number

    def readdir(self, _path: str | None, handle: int) -> Iterator[tuple[str, dict[str, int], int]]:
        folder = self._disk.inodes[handle]
        assert isinstance(folder, Folder)
        for name, inode in ((".", folder), ("..", folder), *folder.seen.items()):
            # Without its number glibc takes an entry for a removed one.
            yield name, {"st_ino": inode.number, "st_mode": inode.mode}, 0

    def fsyncdir(self, _path: str | None, _datasync: int, handle: int) -> None:
        self._disk.sync(self._disk.inodes[handle])

    def mkdir(self, path: str, mode: int) -> None:
        self._disk.add(path, stat.S_IFDIR | mode, self._caller())

    def create(self, path: str, mode: int, _flags: int) -> int:
        return self._disk.add(path, stat.S_IFREG | stat.S_IMODE(mode), self._caller()).number

    def open(self, path: str, flags: int) -> int:
        inode = self._disk.find(path)
        if flags & os.O_TRUNC and isinstance(inode, File):
            inode.resize(0)
        return inode.number

    def read(self, _path: str | None, size_bytes: int, offset: int, handle: int) -> bytes:
        return bytes(self._file(handle).seen[offset : offset + size_bytes])

    def write(self, _path: str | None, content: bytes, offset: int, handle: int) -> int:
        self._file(handle).write(offset, content)
        return len(content)

    def fsync(self, _path: str | None, _datasync: int, handle: int) -> None:
        self._disk.sync(self._file(handle))

    def unlink(self, path: str) -> None:
        self._disk.remove(path)

    def rmdir(self, path: str) -> None:
        self._disk.remove(path)

    def rename(self, old: str, new: str) -> None:
        self._disk.rename(old, new)

    def _file(self, handle: int) -> File:
        inode = self._disk.inodes[handle]
        assert isinstance(inode, File)
        return inode

    @staticmethod
    def _caller() -> tuple[int, int]:
        user, group, _ = mfusepy.fuse_get_context()
        return user, group


class Control:
    """Does what stdin says, beside the mount, which has the main thread."""

    def __init__(self, folder: str, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._power = Power(disk)
        self._files = _Files(disk)
        self._is_over = False

    def run(self) -> None:
        """Mount, and again whenever it is unmounted, until stdin ends."""
        threading.Thread(target=self._listen, daemon=True).start()
        while not self._is_over:
            try:
                _Mount(self._files, self._folder, self._power)
            except RuntimeError as error:
                # An unmount while somebody waits for an answer ends FUSE's loop with an error.
                if error.args != (_LOOP_FAILED,):
                    raise
            self._power.restore()

    def _listen(self) -> None:
        self._files.mounted.wait()
        self._answer("mounted")
        for line in sys.stdin:
            name, *arguments = line.split()
            self._answer(getattr(self, f"do_{name}")(*arguments))
        self._is_over = True
        self._unmount()
        os._exit(0)

    def do_arm(self, changes: str, mode: str, seed: str) -> None:
        with self._power.lock:
            self._power.arm(int(changes), Mode(mode), int(seed))

    def do_sync(self) -> None:
        with self._power.lock:
            self._disk.sync_all()

    def do_cut(self) -> None:
        with self._power.lock:
            self._power.cut()

    def do_ask(self) -> str:
        with self._power.lock:
            return "cut" if self._power.is_cut else str(self._power.changes)

    def do_remount(self) -> None:
        """Give the disk power again, in a new mount: the kernel forgets what it had read."""
        self._files.mounted.clear()
        self._unmount()
        self._files.mounted.wait()

    def _unmount(self) -> None:
        # Lazily: whoever was killed may have a file open for a moment yet.
        subprocess.run(["fusermount3", "-u", "-z", self._folder], check=False)

    @staticmethod
    def _answer(answer: str | None) -> None:
        sys.stdout.write(f"{answer or 'done'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    Control(sys.argv[1], Disk(split="split" in sys.argv[2:])).run()
