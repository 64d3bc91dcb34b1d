"""The allowlist's decision, against a model too simple to be wrong."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.access.accounts import Access
from ingestd.access.allowlist import (
    DENIED,
    LISTED_FOR_ANOTHER_ACCOUNT,
    Address,
    Allowlist,
    Network,
    Rule,
    parse_address,
)
from ingestd.access.keeper import AccessKeeper
from ingestd.values.identifiers import AccountId

A, B = AccountId("A"), AccountId("B")


def _rules(*networks: str | Network) -> tuple[Rule, ...]:
    return tuple(
        Rule(network=ip_network(network), listed_in="somewhere", line=line)
        for line, network in enumerate(networks, 1)
    )


# Few addresses, so that networks and addresses meet often.
_ADDRESSES = st.one_of(
    st.integers(0, 31).map(lambda low: IPv4Address(0x0A000000 + low)),
    st.integers(0, 31).map(lambda low: IPv6Address(0x20010DB8 << 96 | low)),
)


@st.composite
def _networks(draw: st.DrawFn) -> Network:
    address = draw(_ADDRESSES)
    prefix = address.max_prefixlen - draw(st.integers(0, 6))
    return ip_network(f"{address}/{prefix}", strict=False)


_LISTS = st.lists(_networks(), max_size=3)


@given(_ADDRESSES, _LISTS, _LISTS, _LISTS, _LISTS, st.sampled_from([None, A, B, AccountId("C")]))
def test_the_decision_agrees_with_a_naive_model(
    address: Address,
    everyone: list[Network],
    deny: list[Network],
    of_a: list[Network],
    of_b: list[Network],
    account: AccountId | None,
) -> None:
    """Who may connect is decided here alone: deny wins, then everyone, then one's own list."""

    def covers(networks: list[Network]) -> bool:
        return any(
            network.version == address.version
            and int(network[0]) <= int(address) <= int(network[-1])
            for network in networks
        )

    allowlist = Allowlist(
        everyone=_rules(*everyone),
        deny=_rules(*deny),
        accounts={A: _rules(*of_a), B: _rules(*of_b)},
    )
    own = {None: [*of_a, *of_b], A: of_a, B: of_b}.get(account, [])
    decision = allowlist.decide(address, account)
    assert decision.admitted == (not covers(deny) and covers([*everyone, *own]))
    assert allowlist.admits(address, account) == decision.admitted
    assert (decision.reason == DENIED) == covers(deny)
    if decision.rule is not None:
        assert address in decision.rule.network
    if decision.admitted:
        assert decision.rule is not None


@given(_ADDRESSES, _LISTS, _LISTS, _LISTS)
def test_whoever_may_try_an_account_may_connect(
    address: Address, everyone: list[Network], deny: list[Network], of_a: list[Network]
) -> None:
    """The question before the banner never turns away whom the next question would let in."""
    allowlist = Allowlist(
        everyone=_rules(*everyone), deny=_rules(*deny), accounts={A: _rules(*of_a)}
    )
    if allowlist.admits(address, A):
        assert allowlist.admits(address)


@given(_ADDRESSES, st.sampled_from([None, A]))
def test_an_empty_allowlist_admits_nobody(address: Address, account: AccountId | None) -> None:
    """A fresh installation is closed."""
    assert not Allowlist().admits(address, account)


@given(st.integers(0, 31), _LISTS)
def test_ipv4_inside_ipv6_is_judged_as_ipv4(low: int, deny: list[Network]) -> None:
    """A dual-stack socket shows IPv4 peers as IPv6: no rule may be evaded that way."""
    plain = IPv4Address(0x0A000000 + low)
    allowlist = Allowlist(everyone=_rules("0.0.0.0/0"), deny=_rules(*deny))
    assert allowlist.decide(IPv6Address(f"::ffff:{plain}")) == allowlist.decide(plain)


def test_every_address_of_ipv6_does_not_mean_ipv4() -> None:
    """`::/0` opens IPv6 only; who means both writes both."""
    allowlist = Allowlist(everyone=_rules("::/0"))
    assert not allowlist.admits(IPv4Address("10.0.0.1"))
    assert allowlist.admits(parse_address("fe80::1%eth0"))


def test_an_address_of_another_account_is_told_apart_for_operators_only() -> None:
    """The log says why; the client sees what a wrong key would show."""
    allowlist = Allowlist(accounts={A: _rules("10.0.0.0/8"), B: ()})
    decision = allowlist.decide(ip_address("10.0.0.1"), B)
    assert (decision.admitted, decision.reason) == (False, LISTED_FOR_ANOTHER_ACCOUNT)
    assert str(decision.rule) == "10.0.0.0/8 in somewhere (line 1)"


def test_an_unknown_user_looks_like_one_listed_for_other_addresses() -> None:
    """User names cannot be probed from outside."""
    access = Access(accounts={}, allowlist=Allowlist(everyone=_rules("10.0.0.0/8")))
    assert access.account_for("nobody", ip_address("10.0.0.1")) is None
    assert access.account_for("nobody", ip_address("11.0.0.1")) is None


def test_listeners_hear_of_new_rules_after_they_are_in_force() -> None:
    """Sessions are closed by the rules that replaced theirs, not by the old ones."""
    keeper = AccessKeeper(Access(accounts={}, allowlist=Allowlist()))
    heard: list[tuple[Access, Access]] = []
    keeper.on_change(lambda access: heard.append((access, keeper.current)))
    opened = Access(accounts={}, allowlist=Allowlist(everyone=_rules("10.0.0.0/8")))
    keeper.replace(opened)
    assert heard == [(opened, opened)]


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.1/32", "localhost"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """A name is never resolved where access is decided."""
    with pytest.raises(ValueError, match="does not appear"):
        parse_address(text)


def test_ipv4_networks_compare_by_value() -> None:
    """A reloaded file with the same content is the same access."""
    assert _rules("10.0.0.0/8") == _rules(IPv4Network("10.0.0.0/8"))
