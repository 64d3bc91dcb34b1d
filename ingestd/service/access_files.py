"""From the config files to the rules in force: who may connect, and as whom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ingestd.access.accounts import (
    Access,
    Account,
    FilePolicy,
    LastRowPolicy,
    NaiveTimePolicy,
    Policy,
    StudentPolicy,
)
from ingestd.access.allowlist import Allowlist, Rule
from ingestd.config import accounts_file, allowlist_file
from ingestd.config.accounts_file import AccountEntry, AccountsFile, read_accounts
from ingestd.config.allowlist_file import AllowlistFile, ListedNetwork, read_allowlist
from ingestd.config.settings import load_settings
from ingestd.values.errors import ConfigError, Mistake
from ingestd.values.identifiers import AccountId


def accounts_path(config_path: Path) -> Path:
    """Return where accounts.toml stands: beside the main config file."""
    return config_path.parent / accounts_file.FILE_NAME


def allowlist_path(config_path: Path) -> Path:
    """Return where allowlist.toml stands: beside the main config file."""
    return config_path.parent / allowlist_file.FILE_NAME


def load_access(config_path: Path) -> Access:
    """Read accounts and allowlist. Raises ConfigError with every mistake of both files."""
    accounts, allowlist, mistakes = _read_both(config_path)
    if accounts is None or allowlist is None:
        raise ConfigError(mistakes)
    return Access(accounts=to_accounts(accounts), allowlist=to_allowlist(allowlist))


def check_config(
    config_path: Path, environment: Mapping[str, str] = os.environ
) -> tuple[Mistake, ...]:
    """Return every mistake of the three files and of the environment; none: all is well."""
    found: tuple[Mistake, ...] = ()
    try:
        load_settings(config_path, environment)
    except ConfigError as error:
        found = error.mistakes
    return found + _read_both(config_path)[2]


def to_accounts(file: AccountsFile) -> dict[AccountId, Account]:
    """Return the accounts that a file without mistakes describes."""
    return {
        account_id: _to_account(account_id, entry) for account_id, entry in file.accounts.items()
    }


def to_allowlist(file: AllowlistFile) -> Allowlist:
    """Return the rules that a file without mistakes lists, each with its line."""
    return Allowlist(
        everyone=_to_rules(file.everyone, "everyone"),
        deny=_to_rules(file.deny, "deny"),
        accounts={
            account_id: _to_rules(listed, f"accounts.{account_id}")
            for account_id, listed in file.accounts.items()
        },
    )


def _read_both(
    config_path: Path,
) -> tuple[AccountsFile | None, AllowlistFile | None, tuple[Mistake, ...]]:
    accounts: AccountsFile | None = None
    allowlist: AllowlistFile | None = None
    mistakes: tuple[Mistake, ...] = ()
    try:
        accounts = read_accounts(accounts_path(config_path))
    except ConfigError as error:
        mistakes = error.mistakes
    try:
        # Without accounts to compare with, every name would look unknown.
        known = None if accounts is None else accounts.accounts
        allowlist = read_allowlist(allowlist_path(config_path), known)
    except ConfigError as error:
        mistakes += error.mistakes
    return accounts, allowlist, mistakes


def _to_account(account_id: AccountId, entry: AccountEntry) -> Account:
    return Account(
        account_id=account_id,
        name=entry.name,
        timezone=entry.timezone,
        currency=entry.currency,
        authorized_keys=tuple(key.line for key in entry.authorized_keys),
        certificate_authorities=tuple(key.line for key in entry.certificate_authorities),
        password_hash=entry.password_hash,
        catalog_over_sftp=entry.catalog_over_sftp,
        policy=Policy(
            students=StudentPolicy(entry.policy.students),
            file=FilePolicy(entry.policy.file),
            last_row_without_newline=LastRowPolicy(entry.policy.last_row_without_newline),
            encoding=entry.policy.encoding,
            delimiter=entry.policy.delimiter,
            naive_time=NaiveTimePolicy(entry.policy.naive_time),
        ),
    )


def _to_rules(listed: tuple[ListedNetwork, ...], listed_in: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(network=entry.network, listed_in=listed_in, line=entry.line) for entry in listed
    )
