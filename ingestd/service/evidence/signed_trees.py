"""What was signed last of each account, in a file beside the key: it does not go back in time.

A database that is put back has forgotten what was signed since; this has not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ingestd.ledger.evidence.signing import SignedTree
from ingestd.ledger.proof.frontier import Frontier
from ingestd.ledger.proof.malformed import read_hash, read_number, write_base64
from ingestd.spool.files import make_folder, storage_errors, write_durably
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId


class SignedTreeFiles:
    """One file for each account: a checkpoint's three lines, then the frontier's hashes.

    Its daemon and commands, of whatever user, may write at the same time: each file has a lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, account: AccountId) -> SignedTree | None:
        """Return the last tree signed for an account; None before the first.

        Raises StorageError for a file that cannot be read: what it said must not be forgotten.
        """
        path = self._folder / account
        with storage_errors(path):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return None
            except UnicodeDecodeError as error:
                raise _broken(path) from error
        try:
            origin, size, root, *peaks = text.splitlines()
            frontier = Frontier(size=read_number(size), peaks=tuple(map(read_hash, peaks)))
        except ValueError as error:
            raise _broken(path) from error
        if frontier.root() != read_hash(root):
            raise _broken(path)
        return SignedTree(origin=origin, frontier=frontier)

    def raise_to(self, account: AccountId, tree: SignedTree) -> None:
        """Keep a tree durably; a smaller one than is there changes nothing. Raises StorageError."""
        with self._locked(account):
            last = self.read(account)
            if last is None or (last.origin == tree.origin and last.size < tree.size):
                self._write(account, tree)

    def start_over(self, account: AccountId, tree: SignedTree) -> None:
        """Keep a tree of a new origin, whatever was there. Raises StorageError."""
        with self._locked(account):
            self._write(account, tree)

    def _write(self, account: AccountId, tree: SignedTree) -> None:
        path = self._folder / account
        lines = (*tree.checkpoint.to_text().splitlines(), *map(write_base64, tree.frontier.peaks))
        write_durably(path, "".join(f"{line}\n" for line in lines).encode())
        self._give_away(path)

    @contextlib.contextmanager
    def _locked(self, account: AccountId) -> Iterator[None]:
        make_folder(self._folder)
        path = self._folder / f".{account}.lock"
        with storage_errors(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            self._give_away(path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _give_away(self, path: Path) -> None:
        """Let whoever owns the data folder go on with what root has written."""
        if os.geteuid() == 0:
            with storage_errors(path):
                owner = self._folder.parent.stat()
                for given in (self._folder, path):
                    os.chown(given, owner.st_uid, owner.st_gid)


def _broken(path: Path) -> StorageError:
    return StorageError(
        f"{path} is damaged: it says what was signed last. Restore it from a backup; if there is "
        "none: ingestd ledger resume"
    )
