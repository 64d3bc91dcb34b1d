"""Adding an account to the files that admins edit, with their comments and layout kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import tomlkit

from ingestd.config.editing.layout import Text, parse_with_layout, rendered, values_of
from ingestd.config.editing.networks import ACCOUNTS, with_networks
from ingestd.config.editing.replace import Change, only_editor, replace_all
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.config.files.accounts_file import check_accounts
from ingestd.config.files.allowlist_file import check_allowlist
from ingestd.config.toml.document import parse_toml, read_config_bytes
from ingestd.values.errors import ConfigError, Mistake, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to add, as an admin typed it: nothing of it is checked yet."""

    account_id: str
    name: str
    timezone: str
    currency: str
    authorized_keys: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


def add_account(config_folder: Path, account: NewAccount) -> list[Change]:
    """Write a new account into accounts.toml, and its networks into allowlist.toml.

    Returns what was changed. Networks that are listed for it already stay. Both files change, or
    neither. Raises UsageError when the account exists, ConfigError when the files or the new
    account hold mistakes (nothing is written then), and StorageError.
    """
    with only_editor(config_folder):
        return _add_account(
            config_folder / accounts_file.FILE_NAME,
            config_folder / allowlist_file.FILE_NAME,
            account,
        )


def _add_account(accounts_path: Path, allowlist_path: Path, account: NewAccount) -> list[Change]:
    accounts_before = read_config_bytes(accounts_path)
    allowlist_before = read_config_bytes(allowlist_path)
    accounts, allowlist = with_account(
        Text(str(accounts_path), accounts_before),
        Text(str(allowlist_path), allowlist_before),
        account,
    )
    # The account first: without its addresses it is still a pair without a mistake.
    changes = [Change(path=accounts_path, before=accounts_before, after=accounts)]
    if allowlist != allowlist_before:
        changes.append(Change(path=allowlist_path, before=allowlist_before, after=allowlist))
    replace_all(changes)
    return changes


def with_account(accounts: Text, allowlist: Text, account: NewAccount) -> tuple[bytes, bytes]:
    """Return both files with a new account in them. Raises as `add_account`; writes nothing."""
    known = check_accounts(parse_toml(accounts.content, where=accounts.where)).accounts
    if account.account_id in known:
        raise UsageError(f"Account {account.account_id} exists already in {accounts.where}.")
    # Which names it may list is the caller's to judge, who knows all that ever were accounts.
    check_allowlist(parse_toml(allowlist.content, where=allowlist.where), None)
    with_it = _with_table(accounts, account)
    listed = with_networks(allowlist, f"{ACCOUNTS}.{account.account_id}", account.networks)
    _check_together(with_it, listed, account)
    return with_it, listed


def _with_table(file: Text, account: NewAccount) -> bytes:
    document = parse_with_layout(file)
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
    expected = {**values_of(file), account.account_id: values}
    return rendered(document, file, expected=expected)


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
