"""From the config files to the rules in force: who may connect, and as whom."""

from __future__ import annotations

from ingestd.access.accounts import (
    Account,
    AnonymousPolicy,
    FilePolicy,
    LastRowPolicy,
    NaiveTimePolicy,
    Policy,
    ReasonPolicy,
    StudentPolicy,
)
from ingestd.access.allowlist import Allowlist, Rule
from ingestd.config.files.accounts_file import AccountEntry, AccountsFile
from ingestd.config.files.allowlist_file import AllowlistFile, ListedNetwork
from ingestd.values.identifiers import AccountId


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


def _to_account(account_id: AccountId, entry: AccountEntry) -> Account:
    return Account(
        account_id=account_id,
        name=entry.name,
        timezone=entry.timezone,
        currency=entry.currency,
        authorized_keys=entry.authorized_keys,
        certificate_authorities=entry.certificate_authorities,
        password_hash=entry.password_hash,
        catalog_over_sftp=entry.catalog_over_sftp,
        policy=Policy(
            students=StudentPolicy(entry.policy.students),
            file=FilePolicy(entry.policy.file),
            last_row_without_newline=LastRowPolicy(entry.policy.last_row_without_newline),
            encoding=entry.policy.encoding,
            delimiter=entry.policy.delimiter,
            naive_time=NaiveTimePolicy(entry.policy.naive_time),
            resume=entry.policy.resume,
            ignore_columns=entry.policy.ignore_columns,
            reasons=ReasonPolicy(entry.policy.reasons),
            anonymous_sales=AnonymousPolicy(entry.policy.anonymous_sales),
        ),
        sources=tuple(entry.sources.items()),
    )


def _to_rules(listed: tuple[ListedNetwork, ...], listed_in: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(network=entry.network, listed_in=listed_in, line=entry.line) for entry in listed
    )
