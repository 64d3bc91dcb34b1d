"""The allowlist: which addresses may connect, and as which account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from ingestd.values.identifiers import AccountId

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_LISTED = "not_listed"
DENIED = "denied"
LISTED_FOR_ANOTHER_ACCOUNT = "listed_for_another_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the allowlist: a network, and the list and line it stands in."""

    network: Network
    listed_in: str
    line: int | None = None

    def __str__(self) -> str:
        place = f" (line {self.line})" if self.line is not None else ""
        return f"{self.network} in {self.listed_in}{place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the allowlist says of an address, and the rule that decided, if one did."""

    admitted: bool
    reason: str
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowlist:
    """The rules in force. An empty allowlist admits nobody."""

    everyone: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    accounts: Mapping[AccountId, tuple[Rule, ...]] = field(default_factory=dict)

    def decide(self, address: Address, account: AccountId | None = None) -> Decision:
        """Decide whether an address may connect, or, with `account`, try that account.

        `deny` wins over everything. An IPv4 address inside IPv6 (`::ffff:a.b.c.d`) is judged
        as the IPv4 address it is. Without an account, any list may admit: this is the
        question before the SSH banner. Source: the contract, section 2.
        """
        address = plain_address(address)
        if rule := _matching(self.deny, address):
            return Decision(admitted=False, reason=DENIED, rule=rule)
        if rule := _matching(self.everyone, address):
            return Decision(admitted=True, reason="listed", rule=rule)
        if account is not None and (rule := _matching(self.accounts.get(account, ()), address)):
            return Decision(admitted=True, reason="listed", rule=rule)
        for listed_account, rules in self.accounts.items():
            if rule := _matching(rules, address):
                if account is None:
                    return Decision(admitted=True, reason="listed", rule=rule)
                if listed_account != account:
                    return Decision(admitted=False, reason=LISTED_FOR_ANOTHER_ACCOUNT, rule=rule)
        return Decision(admitted=False, reason=NOT_LISTED)

    def admits(self, address: Address, account: AccountId | None = None) -> bool:
        """Tell whether `decide` admits.

        With an account, other accounts' lists are not looked at: what a login costs must not
        tell how long they are.
        """
        if account is None:
            return self.decide(address).admitted
        address = plain_address(address)
        if _matching(self.deny, address):
            return False
        own = self.accounts.get(account, ())
        return bool(_matching(self.everyone, address) or _matching(own, address))


def plain_address(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped IPv6 address, and drop a zone index."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.scope_id is not None:
            return IPv6Address(int(address))
    return address


def parse_address(text: str) -> Address:
    """Return the address that a peer's or an admin's text means. Raises ValueError."""
    return plain_address(ip_address(text))


def _matching(rules: tuple[Rule, ...], address: Address) -> Rule | None:
    for rule in rules:
        if address.version == rule.network.version and address in rule.network:
            return rule
    return None
