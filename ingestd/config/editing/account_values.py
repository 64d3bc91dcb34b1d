"""An account's keys and policy in accounts.toml, changed one at a time with all else kept."""

from __future__ import annotations

from typing import Any, get_origin

import tomlkit
from tomlkit.items import Array, Table

from ingestd.config.editing.layout import Text, give_up, parse_with_layout, rendered, values_of
from ingestd.config.files.accounts_file import PolicyEntry
from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.config.toml.mistakes import InvalidValueError
from ingestd.values.errors import UsageError

_KEYS = "authorized_keys"
_POLICY = "policy"


def with_key(file: Text, account_id: str, line: str) -> bytes:
    """Return the file with one more key that opens an account, as it was written.

    Whether it is good is for the file's judge. Raises UsageError where there is no such account,
    and ConfigError.
    """
    values = _values(file, account_id)
    document = parse_with_layout(file)
    array = _table(document, file, account_id).setdefault(_KEYS, tomlkit.array())
    if not isinstance(array, Array):
        give_up(file)
    array.append(line.strip())
    changed = {**values[account_id], _KEYS: [*values[account_id].get(_KEYS, []), line.strip()]}
    return rendered(document, file, expected={**values, account_id: changed})


def without_key(file: Text, account_id: str, fingerprint: str) -> bytes:
    """Return the file without the key of a fingerprint. Raises as `with_key`."""
    values = _values(file, account_id)
    document = parse_with_layout(file)
    array = _table(document, file, account_id).setdefault(_KEYS, tomlkit.array())
    if not isinstance(array, Array):
        give_up(file)
    listed = values[account_id].get(_KEYS, [])
    index = next((at for at, line in enumerate(listed) if _print_of(line) == fingerprint), None)
    if index is None:
        raise UsageError(f"No key of {account_id} has the fingerprint {fingerprint} any more.")
    del array[index]
    left = [line for at, line in enumerate(listed) if at != index]
    changed = {**values[account_id], _KEYS: left}
    return rendered(document, file, expected={**values, account_id: changed})


def with_policy(file: Text, account_id: str, key: str, written: str) -> bytes:
    """Return the file with one value of an account's policy. Raises as `with_key`.

    A list is written with a line for each of its texts, a yes or no as `true` or `false`.
    """
    value = _policy_value(key, written)
    values = _values(file, account_id)
    document = parse_with_layout(file)
    table = _table(document, file, account_id).setdefault(_POLICY, tomlkit.table())
    if not isinstance(table, Table):
        give_up(file)
    table[key] = value
    policy = {**values[account_id].get(_POLICY, {}), key: value}
    changed = {**values[account_id], _POLICY: policy}
    return rendered(document, file, expected={**values, account_id: changed})


def _policy_value(key: str, written: str) -> object:
    field = PolicyEntry.model_fields.get(key)
    if field is None:
        raise UsageError(f"{key!r} is no policy.")
    if field.annotation is bool:
        return {"true": True, "false": False}.get(written, written)
    if get_origin(field.annotation) is tuple:
        return [line.strip() for line in written.splitlines() if line.strip()]
    return written


def _values(file: Text, account_id: str) -> dict[str, Any]:
    values = values_of(file)
    if not isinstance(values.get(account_id), dict):
        raise UsageError(f"There is no account {account_id} in {file.where} any more.")
    return values


def _table(document: tomlkit.TOMLDocument, file: Text, account_id: str) -> Table:
    table = document[account_id]
    if not isinstance(table, Table):
        give_up(file)
    return table


def _print_of(line: object) -> str | None:
    try:
        return parse_authorized_key(line).fingerprint
    except InvalidValueError:
        return None
