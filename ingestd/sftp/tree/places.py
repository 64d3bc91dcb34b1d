"""The virtual tree that a client sees. Pure: a client's path becomes a place, or nothing.

`/` holds `/ACCOUNT/incoming` and `/ACCOUNT/receipts`; nothing else exists. `/incoming` and
`/receipts` are the same two, for who is used to one district on a server; they are not listed. No
client's path is ever handed to the operating system: only a folder of ours and one checked file
name are.
Source: the contract, section 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ingestd.formats.names import NAME_BYTES_MAX, is_possible
from ingestd.values.identifiers import AccountId


class FolderName(StrEnum):
    """The two folders of an account."""

    INCOMING = "incoming"
    RECEIPTS = "receipts"


@dataclass(frozen=True, slots=True)
class Root:
    """`/`, where every session starts."""


@dataclass(frozen=True, slots=True)
class Home:
    """`/ACCOUNT`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """`/ACCOUNT/incoming` or `/ACCOUNT/receipts`."""

    name: FolderName


@dataclass(frozen=True, slots=True)
class File:
    """One possible file name in one of the two folders; whether it exists is not said."""

    folder: FolderName
    name: str


class NameTrouble(StrEnum):
    """Why no file can have a name; also the reason in the log."""

    NOT_UTF8 = "name_not_utf8"
    TOO_LONG = "name_too_long"
    CONTROL_CHARACTER = "name_control_character"

    @property
    def words(self) -> str:
        """The reason in words for people."""
        return _NAME_WORDS[self]


@dataclass(frozen=True, slots=True)
class BadName:
    """A name in one of the two folders that no file can have."""

    folder: FolderName
    trouble: NameTrouble


Place = Root | Home | Folder | File


def resolve(path: bytes, account: AccountId) -> Place | BadName | None:
    """Return the place that a client's path names, or None where nothing can exist.

    Relative paths start at `/`, and `..` never leads above it.
    """
    parts = _parts(path)
    if not parts:
        return Root()
    if parts[0] in _FOLDERS:
        parts = [account.encode(), *parts]
    if parts[0] != account.encode():
        return None
    if len(parts) == 1:
        return Home()
    folder = _FOLDERS.get(parts[1])
    if folder is None or len(parts) > 3:
        return None
    if len(parts) == 2:
        return Folder(folder)
    name = file_name(parts[2])
    return BadName(folder, name) if isinstance(name, NameTrouble) else File(folder, name)


def canonical(path: bytes) -> bytes:
    """Return a client's path as an absolute one without `.`, `..` and doubled slashes."""
    return b"/" + b"/".join(_parts(path))


def _parts(path: bytes) -> list[bytes]:
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in {b"", b"."}:
            parts.append(part)
    return parts


def file_name(encoded: bytes) -> str | NameTrouble:
    """Return a file name that is one line of text, or why it is none.

    What is no UTF-8 can be stored by no database, and a line break in a name can forge a line
    in a log or a receipt; both are refused here, at the edge.
    """
    try:
        name = encoded.decode("utf-8")
    except UnicodeDecodeError:
        return NameTrouble.NOT_UTF8
    if len(encoded) > NAME_BYTES_MAX:
        return NameTrouble.TOO_LONG
    return name if is_tellable(name) else NameTrouble.CONTROL_CHARACTER


def is_tellable(name: str) -> bool:
    """Tell whether a file name can be told to clients, logs and the database: one line of text."""
    return is_possible(name) and _UNTELLABLE.search(name) is None


# Control characters, line separators, and the surrogates that stand for bytes that are no UTF-8.
_UNTELLABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME_WORDS = {
    NameTrouble.NOT_UTF8: "the file name is not in UTF-8",
    NameTrouble.TOO_LONG: "the file name is longer than 255 bytes",
    NameTrouble.CONTROL_CHARACTER: "the file name has a control character or a line break in it",
}
_FOLDERS = {folder.value.encode(): folder for folder in FolderName}
