"""One look at accounts.toml and allowlist.toml while others are in force: what may replace what."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from ingestd.access.accounts import Access
from ingestd.config.accounts_file import AccountsFile, read_accounts
from ingestd.config.allowlist_file import AllowlistFile, read_allowlist
from ingestd.service.access_files import accounts_path, allowlist_path, to_accounts, to_allowlist
from ingestd.values.errors import ConfigError, Mistake

File = TypeVar("File", AccountsFile, AllowlistFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[File]):
    """One file as it was found: its content, or else every mistake in it.

    `sha256` is of its bytes, in hex, and None when they could not be read.
    """

    path: Path
    sha256: str | None
    content: File | None
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLook:
    """Both files as they were found at one moment."""

    accounts: Seen[AccountsFile]
    allowlist: Seen[AllowlistFile]

    @property
    def has_mistakes(self) -> bool:
        """Whether either file is to be refused."""
        return bool(self.accounts.mistakes or self.allowlist.mistakes)

    def applied_to(self, in_force: Access) -> Access:
        """Return the rules in force with what is good of the two files in its place."""
        access = in_force
        if self.accounts.content is not None:
            access = replace(access, accounts=to_accounts(self.accounts.content))
        if self.allowlist.content is not None:
            access = replace(access, allowlist=to_allowlist(self.allowlist.content))
        return access


def look_at_access(config_path: Path, in_force: Access) -> AccessLook:
    """Read both files and judge each against the other, or against the other's last good one.

    A good file is refused too when it does not go with what stays in force of a bad one.
    """
    accounts = _see(accounts_path(config_path), read_accounts)
    known = in_force.accounts if accounts.content is None else accounts.content.accounts
    allowlist = _see(allowlist_path(config_path), lambda path: read_allowlist(path, known))
    if accounts.content is not None and allowlist.content is None:
        accounts = _without_orphans(accounts, in_force)
    return AccessLook(accounts=accounts, allowlist=allowlist)


def _see(path: Path, read: Callable[[Path], File]) -> Seen[File]:
    try:
        content = read(path)
    except ConfigError as error:
        return Seen(path=path, sha256=_digest(path), content=None, mistakes=error.mistakes)
    return Seen(path=path, sha256=content.sha256, content=content)


def _without_orphans(accounts: Seen[AccountsFile], in_force: Access) -> Seen[AccountsFile]:
    """Refuse accounts that lack one which the allowlist that stays in force names."""
    known = accounts.content.accounts if accounts.content is not None else {}
    orphans = [name for name in in_force.allowlist.accounts if name not in known]
    if not orphans:
        return accounts
    mistakes = tuple(
        Mistake(
            where=str(accounts.path),
            line=None,
            key=name,
            message="the account is gone, but the allowlist in force still names it.",
            remedy="Mend allowlist.toml, and both apply together.",
        )
        for name in orphans
    )
    return replace(accounts, content=None, mistakes=mistakes)


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
