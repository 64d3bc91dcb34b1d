"""Adding an account to the files that admins edit, with their comments and layout kept."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ingestd.config.editing.replace import Replacement, only_editor
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.config.files.accounts_file import check_accounts, read_accounts
from ingestd.config.files.allowlist_file import check_allowlist, read_allowlist
from ingestd.config.toml.document import parse_toml, read_config_bytes
from ingestd.values.errors import ConfigError, Mistake, UsageError

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to add, as an admin typed it: nothing of it is checked yet."""

    account_id: str
    name: str
    timezone: str
    currency: str
    authorized_keys: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


def add_account(config_folder: Path, account: NewAccount) -> None:
    """Write a new account into accounts.toml, and its networks into allowlist.toml.

    Networks that are listed for it already stay. Both files change, or neither. Raises UsageError
    when the account exists, ConfigError when the files or the new account hold mistakes (nothing
    is written then), and StorageError.
    """
    with only_editor(config_folder):
        _add_account(
            config_folder / accounts_file.FILE_NAME,
            config_folder / allowlist_file.FILE_NAME,
            account,
        )


def _add_account(accounts_path: Path, allowlist_path: Path, account: NewAccount) -> None:
    known = read_accounts(accounts_path).accounts
    if account.account_id in known:
        raise UsageError(f"Account {account.account_id} exists already in {accounts_path}.")
    # Which names it may list is the caller's to judge, who knows all that ever were accounts.
    read_allowlist(allowlist_path, None)
    accounts_before = read_config_bytes(accounts_path)
    allowlist_before = read_config_bytes(allowlist_path)
    accounts = _with_table(accounts_before, account, where=str(accounts_path))
    allowlist = _with_networks(allowlist_before, account, where=str(allowlist_path))
    _check_together(accounts, allowlist, account)
    # The account first: without its addresses it is still a pair without a mistake.
    replacements = [(Replacement(accounts_path, accounts), accounts_before)]
    try:
        if allowlist != allowlist_before:
            replacements.append((Replacement(allowlist_path, allowlist), allowlist_before))
        _commit_all(replacements)
    finally:
        for replacement, _ in replacements:
            replacement.discard()


def _commit_all(replacements: list[tuple[Replacement, bytes]]) -> None:
    committed: list[tuple[Replacement, bytes]] = []
    try:
        for replacement, before in replacements:
            replacement.commit()
            committed.append((replacement, before))
    except Exception:
        # Whatever stopped the second file, the first must not stay changed alone.
        for replacement, before in committed:
            Replacement(replacement.path, before).commit()
        raise


def _with_table(content: bytes, account: NewAccount, *, where: str) -> bytes:
    document = _parse_with_layout(content, where)
    table = tomlkit.table()
    table.add("name", account.name)
    table.add("timezone", account.timezone)
    table.add("currency", account.currency)
    if account.authorized_keys:
        keys = tomlkit.array()
        keys.extend(account.authorized_keys)
        table.add("authorized_keys", keys.multiline(len(account.authorized_keys) > 1))
    if document.as_string().strip():
        document.add(tomlkit.nl())
    document.add(account.account_id, table)
    values = {
        "name": account.name,
        "timezone": account.timezone,
        "currency": account.currency,
        **({"authorized_keys": [*account.authorized_keys]} if account.authorized_keys else {}),
    }
    expected = {**_values(content), account.account_id: values}
    return _rendered(document, content, expected=expected, where=where)


def _with_networks(content: bytes, account: NewAccount, *, where: str) -> bytes:
    before = _values(content)
    listed = before.get("accounts", {}).get(account.account_id, [])
    new = [network for network in account.networks if network not in listed]
    if not new:
        return content
    # A list that counts as empty is written down: a changed file must not lack it.
    absent = [key for key in allowlist_file.LISTS if key not in before and key != "accounts"]
    document = _parse_with_layout(_with_empty_lists(content, absent), where)
    if "accounts" not in document:
        document.add(tomlkit.nl())
        document.add("accounts", tomlkit.table())
    networks = document["accounts"].setdefault(account.account_id, tomlkit.array())
    networks.extend(new)
    lists = {**before.get("accounts", {}), account.account_id: [*listed, *new]}
    expected = {**before, **{key: [] for key in absent}, "accounts": lists}
    return _rendered(document, content, expected=expected, where=where)


def _with_empty_lists(content: bytes, keys: Sequence[str]) -> bytes:
    """Return a file with lists that it lacks, empty: first, since a table may be all it has."""
    lines = "".join(f"{allowlist_file.empty_list(key)}\n" for key in keys)
    return lines.encode() + content.removeprefix(_BYTE_ORDER_MARK.encode())


def _check_together(accounts: bytes, allowlist: bytes, account: NewAccount) -> None:
    """Refuse a new account that would be a mistake in the files, which had none before."""
    place = f"account {account.account_id}"
    found: list[Mistake] = []
    try:
        check_accounts(parse_toml(accounts, where=place))
    except ConfigError as error:
        found += error.mistakes
    try:
        check_allowlist(parse_toml(allowlist, where=place), None)
    except ConfigError as error:
        found += error.mistakes
    if found:
        # No line: nothing is written, so the admin would look for it in vain.
        raise ConfigError(tuple(replace(mistake, line=None) for mistake in found))


def _parse_with_layout(content: bytes, where: str) -> tomlkit.TOMLDocument:
    text = content.decode("utf-8-sig")
    try:
        return tomlkit.parse(text if text.endswith("\n") else text + "\n")
    except TOMLKitError as error:
        _give_up(where, error)


def _values(content: bytes) -> dict[str, Any]:
    return tomllib.loads(content.decode("utf-8-sig"))


def _rendered(
    document: tomlkit.TOMLDocument, before: bytes, *, expected: dict[str, Any], where: str
) -> bytes:
    text = tomlkit.dumps(document)
    try:
        if tomllib.loads(text) != expected:
            _give_up(where)
    except tomllib.TOMLDecodeError as error:
        _give_up(where, error)
    if b"\r\n" in before:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if before.startswith(_BYTE_ORDER_MARK.encode()):
        text = _BYTE_ORDER_MARK + text
    # An argument that was no UTF-8 becomes those bytes again, and is refused with them.
    return text.encode(errors="surrogateescape")


def _give_up(where: str, cause: Exception | None = None) -> NoReturn:
    """Refuse to write what would change more than the one account."""
    mistake = Mistake(
        where=where,
        line=None,
        key="",
        message="the layout of this file is too unusual to edit by command.",
        remedy="Add the account with an editor; `ingestd config check` checks it.",
    )
    raise ConfigError((mistake,)) from cause
