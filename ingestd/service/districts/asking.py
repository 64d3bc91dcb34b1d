"""Asking the rules in force whether an address may connect."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Address, Decision, parse_address
from ingestd.config.toml.mistakes import suggest
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the rules, and what they say. Without an account: whether at all."""

    address: Address
    account: AccountId | None
    decision: Decision


def may_connect(access: Access, address: str, account: str | None) -> Asked:
    """Return what the rules say of an address, and as which account. Raises UsageError."""
    try:
        peer = parse_address(address.strip())
    except ValueError:
        raise UsageError(f"{address} is not an address. Write one such as 203.0.113.17.") from None
    if account is not None and account not in access.accounts:
        raise UsageError(
            f"There is no account {account}. {suggest(account, access.accounts)}".strip()
        )
    account_id = None if account is None else AccountId(account)
    return Asked(
        address=peer,
        account=account_id,
        decision=access.allowlist.decide(peer, account_id),
    )
