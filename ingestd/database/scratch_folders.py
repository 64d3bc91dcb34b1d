"""Scratch folders: one for each file that is read; a reader that was killed leaves its own.

Whoever uses a folder holds the lock of a file in it, so that nobody takes it for left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MAKING, _LENT = "making-", "scratch-"
_LOCK_NAME = "in_use"


@contextlib.contextmanager
def lent_folder(parent: Path | None) -> Iterator[Path]:
    """Lend an empty folder, mode 0700, in the system's temporary folder if there is no `parent`."""
    made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=parent))
    folder = made.with_name(_LENT + made.name.removeprefix(_MAKING))
    lock = os.open(made / _LOCK_NAME, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(folder)
        (folder / "rows").mkdir(mode=0o700)
        yield folder / "rows"
    finally:
        shutil.rmtree(folder if folder.exists() else made, ignore_errors=True)
        os.close(lock)


def clear_folders(parent: Path | None) -> None:
    """Remove folders that nobody uses any more."""
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{_LENT}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder / _LOCK_NAME, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
