"""Addresses put into allowlist.toml and taken out of it, with its comments and layout kept.

A list is called as the rules in force call it: `everyone`, `deny` or `accounts.ID`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.items import Array

from ingestd.config.editing.layout import Text, give_up, parse_with_layout, rendered, values_of
from ingestd.config.files import allowlist_file
from ingestd.config.judging.values import parse_network
from ingestd.config.toml.mistakes import InvalidValueError
from ingestd.values.errors import UsageError

ACCOUNTS = "accounts"
_BYTE_ORDER_MARK = "\ufeff".encode()


def with_networks(file: Text, listed_in: str, networks: Sequence[str]) -> bytes:
    """Return the file with these networks at the end of a list, less those that it has already.

    They stand there as they were written: whether they are good is for the file's judge. Raises
    ConfigError.
    """
    before = values_of(file)
    listed = _listed(before, listed_in)
    new = [network for network in networks if network not in listed]
    if not new:
        return file.content
    # A list that counts as empty is written down: a changed file must not lack it.
    absent = [key for key in allowlist_file.LISTS if key not in before and key != ACCOUNTS]
    complete = Text(file.where, _with_empty_lists(file.content, absent))
    document = parse_with_layout(complete)
    if ACCOUNTS not in document:
        document.add(tomlkit.nl())
        document.add(ACCOUNTS, tomlkit.table())
    table, key = _place(document, file, listed_in)
    array = table.setdefault(key, tomlkit.array())
    if not isinstance(array, Array):
        give_up(file)
    array.extend(new)
    expected = {**before, **{key: [] for key in absent}, ACCOUNTS: before.get(ACCOUNTS, {})}
    return rendered(document, file, expected=_with_list(expected, listed_in, [*listed, *new]))


def without_network(file: Text, listed_in: str, network: str) -> bytes:
    """Return the file without a network in a list, which stays there if it is empty then.

    Raises UsageError where it does not stand in that list, and ConfigError.
    """
    before = values_of(file)
    listed = _listed(before, listed_in)
    index = next((at for at, each in enumerate(listed) if _is_same(each, network)), None)
    if index is None:
        raise UsageError(f"{network} does not stand in {listed_in} of {file.where} any more.")
    document = parse_with_layout(file)
    table, key = _place(document, file, listed_in)
    array = table[key]
    if not isinstance(array, Array):
        give_up(file)
    del array[index]
    left = [each for at, each in enumerate(listed) if at != index]
    return rendered(document, file, expected=_with_list(before, listed_in, left))


def _is_same(listed: object, network: str) -> bool:
    try:
        return parse_network(listed) == parse_network(network)
    except InvalidValueError:
        return False


def _listed(values: dict[str, Any], listed_in: str) -> list[Any]:
    name = _account_of(listed_in)
    table = values if name is None else values.get(ACCOUNTS)
    found = table.get(name or listed_in) if isinstance(table, dict) else None
    return found if isinstance(found, list) else []


def _with_list(values: dict[str, Any], listed_in: str, listed: list[Any]) -> dict[str, Any]:
    name = _account_of(listed_in)
    if name is None:
        return {**values, listed_in: listed}
    return {**values, ACCOUNTS: {**values[ACCOUNTS], name: listed}}


def _place(document: tomlkit.TOMLDocument, file: Text, listed_in: str) -> tuple[Any, str]:
    name = _account_of(listed_in)
    if name is None:
        return document, listed_in
    table = document[ACCOUNTS]
    if not isinstance(table, dict):
        give_up(file)
    return table, name


def _account_of(listed_in: str) -> str | None:
    """Return the account of `accounts.ID`; None for the lists of all. Raises UsageError."""
    if listed_in in {"everyone", "deny"}:
        return None
    prefix, _, name = listed_in.partition(".")
    if prefix != ACCOUNTS or not name:
        raise UsageError(f"{listed_in!r} is no list of addresses.")
    return name


def _with_empty_lists(content: bytes, keys: Sequence[str]) -> bytes:
    """Return a file with lists that it lacks, empty: first, since a table may be all it has."""
    lines = "".join(f"{allowlist_file.empty_list(key)}\n" for key in keys)
    return lines.encode() + content.removeprefix(_BYTE_ORDER_MARK)
