"""A file's text taken apart and put together again with its comments, and nothing else changed."""

from __future__ import annotations

import tomllib
from typing import Any, NamedTuple, NoReturn

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ingestd.config.toml.document import parse_toml
from ingestd.values.errors import ConfigError, Mistake

_BYTE_ORDER_MARK = "\ufeff"


class Text(NamedTuple):
    """A file's bytes, and how mistakes name the file."""

    where: str
    content: bytes


def parse_with_layout(file: Text) -> tomlkit.TOMLDocument:
    """Return what a file holds, with its layout. Raises ConfigError for what is no TOML."""
    parse_toml(file.content, where=file.where)  # which names the mistake, where there is one
    text = file.content.decode("utf-8-sig")
    try:
        return tomlkit.parse(text if text.endswith("\n") else text + "\n")
    except TOMLKitError as error:
        give_up(file, error)


def values_of(file: Text) -> dict[str, Any]:
    """Return the values of a file. Raises ConfigError for an empty one, and for what is no TOML."""
    return dict(parse_toml(file.content, where=file.where).values)


def rendered(document: tomlkit.TOMLDocument, before: Text, *, expected: dict[str, Any]) -> bytes:
    """Return a changed document's bytes, with the line ends that the file has.

    Raises ConfigError unless what they say is what is expected, whatever was put into them.
    """
    text = tomlkit.dumps(document)
    try:
        if tomllib.loads(text) != expected:
            give_up(before)
    except tomllib.TOMLDecodeError as error:
        give_up(before, error)
    if b"\r\n" in before.content:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if before.content.startswith(_BYTE_ORDER_MARK.encode()):
        text = _BYTE_ORDER_MARK + text
    # An argument that was no UTF-8 becomes those bytes again, and is refused with them.
    return text.encode(errors="surrogateescape")


def as_saved(text: str, before: bytes) -> bytes:
    """Return a whole text that somebody typed, with the line ends and the mark that a file has."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if b"\r\n" in before:
        plain = plain.replace("\n", "\r\n")
    mark = _BYTE_ORDER_MARK if before.startswith(_BYTE_ORDER_MARK.encode()) else ""
    return (mark + plain).encode(errors="surrogateescape")


def give_up(file: Text, cause: Exception | None = None) -> NoReturn:
    """Refuse to write what would change more than was asked for."""
    mistake = Mistake(
        where=file.where,
        line=None,
        key="",
        message="the layout of this file is too unusual to edit by command.",
        remedy="Make the change with an editor; `ingestd config check` checks it.",
    )
    raise ConfigError((mistake,)) from cause
