"""What may follow a file that is in force: half a save must look like the mistake it is.

An editor, a copy over a slow line or a deployment may write a file in two steps. The half of a
TOML file is mostly a TOML file, too. So what decides who may come in, or how money is judged,
has to be written down to be taken away. A file unchanged since it was in force is never judged.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import tomlkit

from ingestd.config.files.accounts_file import AccountsFile
from ingestd.config.files.allowlist_file import AllowlistFile, empty_list
from ingestd.values.errors import Mistake

_HALF_SAVED = "Half a save looks like this."
_LISTS = ("authorized_keys", "certificate_authorities")
_HEADING = re.compile(r"""\s*\[\s*["']?([A-Za-z0-9_-]+)\b""")  # closed or not
# Two keys of one kind have less than half of their letters in one order; a slip is one or two.
_ALIKE = 0.9
_SLIP_LETTERS_MAX = 2
_PASSWORD = "password_hash"  # noqa: S105 - the key's name


def allowlist_gaps(
    new: AllowlistFile, before: AllowlistFile | None, accounts: Collection[str]
) -> tuple[Mistake, ...]:
    """Return what a list lacks that has to be there, as `before` was in force.

    Every list has to be there, and each account of `accounts` that was listed.
    """
    if before is None or new.sha256 == before.sha256:
        return ()
    gaps = [
        _gap(new.where, key, f"{key} is missing.", f"{_HALF_SAVED} Write {empty_list(key)}.")
        for key in new.absent
    ]
    if "accounts" not in new.absent:
        gaps += [
            _gap(
                new.where,
                f"accounts.{name}",
                f"{name} was listed, and is no more.",
                f"{_HALF_SAVED} To let nobody in as {name}, write {name} = [].",
            )
            for name in before.accounts
            if name in accounts and name not in new.accounts
        ]
    return tuple(gaps)


def account_gaps(new: AccountsFile, before: AccountsFile | None) -> tuple[Mistake, ...]:
    """Return what accounts lack that has to be there, as `before` was in force.

    An account or a key may go without a word: revoking wins over everything. A policy may not:
    its defaults could take files that the account wants refused.
    """
    if before is None or new.sha256 == before.sha256:
        return ()
    return tuple(
        _gap(
            new.where,
            f"{account_id}.policy",
            f"[{account_id}.policy] is missing.",
            f"{_HALF_SAVED} For the defaults, write [{account_id}.policy] with nothing below it.",
        )
        for account_id, entry in new.accounts.items()
        if "policy" not in entry.model_fields_set
        and (former := before.accounts.get(account_id)) is not None
        and former.policy.model_fields_set
    )


def without_removed(good: bytes, present: bytes) -> bytes:
    """Return good accounts less the accounts and keys that the file as it is now lacks.

    For a start with a mistake in the file: a copy of before must not let somebody in again who
    was taken out. What says nothing of anybody took nobody out: a file that is only the first
    part of the good one was cut off, and one that names no account at all is some other file.
    A key with a letter or two changed is a slip, not another key.
    """
    texts = _texts_by_account(present)
    if good.startswith(present) or not texts:
        return good
    values: dict[str, Any] = tomllib.loads(good.decode("utf-8-sig"))
    kept = {name: _kept(table, texts[name]) for name, table in values.items() if name in texts}
    if kept == values:
        return good
    return tomlkit.dumps(kept).encode() or b"# Nobody is left.\n"


def left_out(good: bytes, kept: bytes) -> tuple[str, ...]:
    """Return, in words, what `without_removed` took out of good accounts."""
    before = tomllib.loads(good.decode("utf-8-sig"))
    after = tomllib.loads(kept.decode("utf-8-sig"))
    told = []
    for name, table in before.items():
        if name not in after:
            told.append(f"account {name}")
            continue
        keys = sum(len(table.get(key, ())) - len(after[name].get(key, ())) for key in _LISTS)
        if keys:
            told.append(f"{keys} key(s) of {name}")
        if _PASSWORD in table and _PASSWORD not in after[name]:
            told.append(f"the password of {name}")
    return tuple(told)


def names_in(present: bytes) -> frozenset[str]:
    """Return the accounts that a file names, whatever else is wrong with it."""
    return frozenset(_texts_by_account(present))


def _texts_by_account(present: bytes) -> dict[str, str]:
    """Return, for each account that a file names, the text in which its keys may stand."""
    text = present.decode("utf-8-sig", errors="replace")
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError):
        return _sections_of(text)
    return {
        name: "\n".join(_strings_of(table))
        for name, table in values.items()
        if isinstance(table, dict)
    }


def _sections_of(text: str) -> dict[str, str]:
    """Return what stands below each account's headings in a text that is no TOML, less comments."""
    sections: dict[str, str] = {}
    account = None
    for line in text.splitlines():
        if heading := _HEADING.match(line):
            account = heading[1]
        if account is not None and not line.lstrip().startswith("#"):
            sections[account] = sections.get(account, "") + line + "\n"
    return sections


def _strings_of(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings_of(inner)


def _kept(table: Mapping[str, Any], text: str) -> dict[str, Any]:
    kept = dict(table)
    for key in _LISTS:
        if key in kept:
            kept[key] = [line for line in kept[key] if _is_there(_material(line), text)]
    if _PASSWORD in kept and kept[_PASSWORD] not in text:
        del kept[_PASSWORD]
    return kept


def _is_there(material: str, text: str) -> bool:
    return material in text or any(
        abs(len(word) - len(material)) <= _SLIP_LETTERS_MAX
        and _matcher(material, word).ratio() > _ALIKE
        for word in text.split()
    )


def _matcher(material: str, word: str) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, material, word, autojunk=False)


def _material(line: str) -> str:
    """Return the longest word of a key's line: its bytes, whatever its comment says."""
    return max(line.split(), key=len, default=line)


def _gap(where: str, key: str, message: str, remedy: str) -> Mistake:
    return Mistake(where=where, line=None, key=key, message=message, remedy=remedy)
