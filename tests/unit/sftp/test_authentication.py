"""What a guess costs: it must not tell whether the account is there."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher

from ingestd.access.accounts import Access, Account
from ingestd.access.allowlist import Allowlist, Rule
from ingestd.access.keeper import AccessKeeper
from ingestd.sftp.door.authentication import Authenticator
from ingestd.values.identifiers import AccountId

HOME = ip_address("192.0.2.1")
EVERYONE = Allowlist(everyone=(Rule(network=ip_network("192.0.2.0/24"), listed_in="everyone"),))
COSTS = {"CHEAP": 1, "DEAR": 2}


def _hash(rounds: int) -> str:
    return PasswordHasher(time_cost=rounds, memory_cost=64, parallelism=1).hash("open sesame")


def _access(**hashes: str | None) -> Access:
    accounts = {
        AccountId(name): Account(
            account_id=AccountId(name),
            name=name,
            timezone=ZoneInfo("UTC"),
            currency="USD",
            password_hash=password_hash,
        )
        for name, password_hash in hashes.items()
    }
    return Access(accounts=accounts, allowlist=EVERYONE)


@pytest.fixture
def authenticator() -> Iterator[Authenticator]:
    hashes = {name: _hash(rounds) for name, rounds in COSTS.items()}
    authenticator = Authenticator(AccessKeeper(_access(**hashes, KEYS_ONLY=None)))
    yield authenticator
    authenticator.close()


def test_a_name_without_a_password_costs_what_some_password_costs(
    authenticator: Authenticator,
) -> None:
    """A stopwatch finds cheap names and dear ones, and not which of them are accounts."""
    names = ["KEYS_ONLY", *(f"NOBODY{number}" for number in range(100))]
    rounds = {}
    for name in names:
        cost = authenticator._cost_for(name)
        assert cost is not None
        rounds[name] = cost.time_cost
        assert authenticator._cost_for(name) == cost
    assert set(rounds.values()) == set(COSTS.values())


async def test_nobody_gets_in_where_no_password_is(authenticator: Authenticator) -> None:
    """What is hashed only for the time that it takes is no proof."""
    for name in ("KEYS_ONLY", "NOBODY"):
        assert await authenticator.check_password(name, HOME, "open sesame") is None
    assert await authenticator.check_password("DEAR", HOME, "open sesame") is not None
    assert await authenticator.check_password("DEAR", HOME, "open barley") is None


async def test_without_any_password_a_guess_is_refused_too() -> None:
    """The last password may be taken out while somebody types."""
    authenticator = Authenticator(AccessKeeper(_access(A=None)))
    assert await authenticator.check_password("A", HOME, "open sesame") is None
    authenticator.close()
