"""The last good copies of accounts.toml and allowlist.toml, kept in the data folder.

A reboot at night must not close the door because somebody left half an edit behind; and what a
command says of a save must be what the daemon will say of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from ingestd.config.files import accounts_file, allowlist_file
from ingestd.config.files.accounts_file import AccountsFile, check_accounts
from ingestd.config.files.allowlist_file import AllowlistFile, check_allowlist
from ingestd.config.files.succession import left_out, without_removed
from ingestd.config.toml.document import TomlDocument, parse_toml
from ingestd.spool.files import make_folder, storage_errors, sync_folder, write_durably
from ingestd.values.errors import ConfigError, StorageError
from ingestd.values.identifiers import AccountId

FOLDER_NAME: Final = "last_good"
_NAMES_FILE: Final = "account_names"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600  # keys and password hashes

File = TypeVar("File", AccountsFile, AllowlistFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """What was last in force of each file; None: nothing that is known of.

    `names` are all that ever were accounts here. `trouble` says why the copies are not known.
    `left_out` are accounts and keys of the copy that the file has lost since.
    """

    accounts: AccountsFile | None = None
    allowlist: AllowlistFile | None = None
    names: frozenset[AccountId] = frozenset()
    trouble: str = ""
    left_out: tuple[str, ...] = ()

    def joined_by(self, accounts: AccountsFile | None, allowlist: AllowlistFile | None) -> Good:
        """Return this with what is good now in its place; None leaves what was."""
        names = self.names if accounts is None else self.names | frozenset(accounts.accounts)
        return replace(
            self,
            accounts=accounts or self.accounts,
            allowlist=allowlist or self.allowlist,
            names=names,
            left_out=self.left_out if accounts is None else (),
        )

    def less_removed(self, present: Path) -> Good:
        """Return this without the accounts and keys that accounts.toml lacks by now.

        A file that cannot be read or is empty tells of nothing that was taken out.
        """
        if self.accounts is None:
            return self
        try:
            content = present.read_bytes()
        except OSError:
            return self
        before = self.accounts.content
        kept = without_removed(before, content)
        if kept == before:
            return self
        accounts = check_accounts(parse_toml(kept, where=self.accounts.where))
        return replace(self, accounts=accounts, left_out=left_out(before, kept))


class LastGood:
    """The copies below one data folder. Only the daemon writes them, and reads them as its own."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER_NAME
        self._kept: Good | None = None

    def read(self) -> Good:
        """Return what was last in force; a copy that this version cannot take is none."""
        try:
            accounts = self._read(accounts_file.FILE_NAME)
            allowlist = self._read(allowlist_file.FILE_NAME)
            names = self._read(_NAMES_FILE)
        except StorageError as error:
            return Good(trouble=error.message)
        where = str(self._folder)
        return Good(
            accounts=_checked(accounts, f"{where}/{accounts_file.FILE_NAME}", check_accounts),
            allowlist=_checked(
                allowlist,
                f"{where}/{allowlist_file.FILE_NAME}",
                lambda document: check_allowlist(document, None),
            ),
            names=frozenset(AccountId(name) for name in names.decode("ascii", "replace").split()),
        )

    def keep(self, good: Good) -> None:
        """Make durable what is in force now. Raises StorageError, and then keeps no copy.

        No copy is better than an old one: that could let somebody in again who was taken out.
        """
        before = self._kept
        if before is not None and _contents(before) == _contents(good):
            return
        self._kept = None
        with storage_errors(self._folder):
            make_folder(self._folder.parent)
            self._folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        try:
            # The names first: a name that is kept too early only turns a mistake into a warning.
            self._write(_NAMES_FILE, "".join(f"{name}\n" for name in sorted(good.names)).encode())
            if good.accounts is not None:
                self._write(accounts_file.FILE_NAME, good.accounts.content)
            if good.allowlist is not None:
                self._write(allowlist_file.FILE_NAME, good.allowlist.content)
        except StorageError:
            self._forget()
            raise
        self._kept = good

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        with storage_errors(path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return b""

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        if self._read(name) != content:
            write_durably(path, content, mode=_FILE_MODE)

    def _forget(self) -> None:
        for name in (accounts_file.FILE_NAME, allowlist_file.FILE_NAME):
            with storage_errors(self._folder):
                (self._folder / name).unlink(missing_ok=True)
        with storage_errors(self._folder):
            sync_folder(self._folder)


def _checked(content: bytes, where: str, check: Callable[[TomlDocument], File]) -> File | None:
    if not content:
        return None
    try:
        return check(parse_toml(content, where=where))
    except ConfigError:
        return None


def _contents(good: Good) -> tuple[object, ...]:
    accounts, allowlist = good.accounts, good.allowlist
    return (
        None if accounts is None else accounts.sha256,
        None if allowlist is None else allowlist.sha256,
        good.names,
    )
