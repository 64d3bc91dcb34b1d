"""One look at accounts.toml and allowlist.toml: what of them may replace what is in force.

Everybody looks through here: the daemon at its start and whenever a file changes, and every
command. So `ingestd config check` says what the daemon will say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Allowlist
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.config.files.accounts_file import AccountsFile, check_accounts
from ingestd.config.files.allowlist_file import AllowlistFile, check_allowlist
from ingestd.config.files.succession import account_gaps, allowlist_gaps, names_in
from ingestd.config.toml.document import TomlDocument, parse_toml, read_config_bytes
from ingestd.service.in_force.access_files import to_accounts, to_allowlist
from ingestd.service.in_force.last_good import Good
from ingestd.values.errors import ConfigError, Mistake

ReadBytes = Callable[[Path], bytes]
"""Gives a config file's bytes. Raises ConfigError where it is missing or cannot be read."""

File = TypeVar("File", AccountsFile, AllowlistFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[File]):
    """One file as it was found: its content, or else every mistake in it.

    `sha256` is of its bytes, in hex, and None when they could not be read. `warnings` say what
    of a good file deserves a second look.
    """

    path: Path
    sha256: str | None
    content: File | None
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLook:
    """Both files as they were found at one moment, and what is in force because of them."""

    accounts: Seen[AccountsFile]
    allowlist: Seen[AllowlistFile]
    good: Good

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Every mistake of either file."""
        return self.accounts.mistakes + self.allowlist.mistakes

    @property
    def warnings(self) -> tuple[Mistake, ...]:
        """What of either file deserves a second look."""
        return self.accounts.warnings + self.allowlist.warnings

    @property
    def access(self) -> Access:
        """The rules in force; of a file that was never good there are none."""
        accounts, allowlist = self.good.accounts, self.good.allowlist
        return Access(
            accounts={} if accounts is None else to_accounts(accounts),
            allowlist=Allowlist() if allowlist is None else to_allowlist(allowlist),
        )


def accounts_path(config_path: Path) -> Path:
    """Return where accounts.toml stands: beside the main config file."""
    return config_path.parent / accounts_file.FILE_NAME


def allowlist_path(config_path: Path) -> Path:
    """Return where allowlist.toml stands: beside the main config file."""
    return config_path.parent / allowlist_file.FILE_NAME


def look_at_access(
    config_path: Path, good: Good, read: ReadBytes = read_config_bytes
) -> AccessLook:
    """Read both files and judge each by itself, against the other, and against what was good.

    What is good of them comes into force by itself: neither waits for the other to be mended.
    `read` gives a file's bytes, so that a text can be judged before it is saved.
    """
    accounts = _look_at_accounts(accounts_path(config_path), good, read)
    in_force = accounts.content or good.accounts
    waiting = frozenset() if accounts.content is not None else _names_in(accounts.path, read)
    allowlist = _look_at_allowlist(allowlist_path(config_path), in_force, good, waiting, read)
    return AccessLook(
        accounts=accounts,
        allowlist=allowlist,
        good=good.joined_by(accounts.content, allowlist.content),
    )


def look_at_start(config_path: Path, good: Good) -> AccessLook:
    """Look as `look_at_access` does, where only copies of before are in force.

    Who was taken out of accounts.toml since stays out, even if the file cannot be taken as it is.
    """
    look = look_at_access(config_path, good)
    if look.accounts.content is not None:
        return look
    return replace(look, good=look.good.less_removed(accounts_path(config_path)))


def _look_at_accounts(path: Path, good: Good, read: ReadBytes) -> Seen[AccountsFile]:
    seen = _see(path, read, check_accounts)
    if seen.content is None:
        return seen
    return _less_gaps(seen, account_gaps(seen.content, good.accounts))


def _look_at_allowlist(
    path: Path,
    accounts: AccountsFile | None,
    good: Good,
    waiting: frozenset[str],
    read: ReadBytes,
) -> Seen[AllowlistFile]:
    # Without accounts to compare with, every name would look unknown.
    known = None if accounts is None else accounts.accounts
    former: frozenset[str] = good.names | frozenset(
        () if good.accounts is None else good.accounts.accounts
    )
    # An account in a file that has a mistake is none yet: its addresses admit nobody until it is.
    former |= waiting
    seen = _see(path, read, lambda document: check_allowlist(document, known, former))
    if seen.content is None:
        return seen
    warned = replace(seen, warnings=seen.content.warnings)
    return _less_gaps(warned, allowlist_gaps(seen.content, good.allowlist, known or ()))


def _see(path: Path, read: ReadBytes, check: Callable[[TomlDocument], File]) -> Seen[File]:
    try:
        content = check(parse_toml(read(path), where=str(path)))
    except ConfigError as error:
        return Seen(path=path, sha256=_digest(path, read), content=None, mistakes=error.mistakes)
    return Seen(path=path, sha256=content.sha256, content=content)


def _less_gaps(seen: Seen[File], gaps: tuple[Mistake, ...]) -> Seen[File]:
    """Refuse a file that lacks what it must not lose without a word."""
    return seen if not gaps else replace(seen, content=None, mistakes=gaps, warnings=())


def _names_in(path: Path, read: ReadBytes) -> frozenset[str]:
    try:
        return names_in(read(path))
    except ConfigError:
        return frozenset()


def _digest(path: Path, read: ReadBytes) -> str | None:
    try:
        return hashlib.sha256(read(path)).hexdigest()
    except ConfigError:
        return None
