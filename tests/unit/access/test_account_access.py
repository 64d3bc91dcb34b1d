"""Which account a user name opens from which address, and what is said of the decision."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import pytest

from ingestd.access.accounts import Access, Account, Policy
from ingestd.access.allowlist import Allowlist, Rule, parse_address
from ingestd.access.keeper import AccessKeeper
from ingestd.values.identifiers import AccountId

A, B = AccountId("A"), AccountId("B")


def _account(account_id: AccountId, *, catalog_over_sftp: bool = False) -> Account:
    return Account(
        account_id=account_id,
        name=f"District {account_id}",
        timezone=ZoneInfo("America/Chicago"),
        currency="USD",
        catalog_over_sftp=catalog_over_sftp,
    )


def _rule(network: str, listed_in: str, line: int | None) -> Rule:
    return Rule(network=ip_network(network), listed_in=listed_in, line=line)


ALLOWLIST = Allowlist(
    everyone=(_rule("10.0.0.0/8", "everyone", 2),),
    deny=(_rule("10.9.0.0/16", "deny", 3),),
    accounts={
        A: (_rule("11.0.0.0/8", "accounts.A", 6),),
        B: (_rule("12.0.0.0/8", "accounts.B", 7), _rule("2001:db8::/32", "accounts.B", None)),
    },
)
ACCESS = Access(
    accounts={A: _account(A), B: _account(B, catalog_over_sftp=True)}, allowlist=ALLOWLIST
)

EVERYBODYS, DENIED, ONLY_A, ONLY_B = "10.0.0.1", "10.9.0.1", "11.0.0.1", "12.0.0.1"
NOBODYS = "13.0.0.1"


@pytest.mark.parametrize("user_name", ["A", "B"])
@pytest.mark.parametrize("address", [EVERYBODYS, DENIED, ONLY_A, ONLY_B, NOBODYS])
def test_an_account_opens_from_its_own_addresses_and_from_everybodys(
    user_name: str, address: str
) -> None:
    """A district's key, stolen, is of no use from another district's network."""
    opens = address == EVERYBODYS or address == {"A": ONLY_A, "B": ONLY_B}[user_name]
    account = ACCESS.account_for(user_name, ip_address(address))
    assert account == (ACCESS.accounts[AccountId(user_name)] if opens else None)
    assert ALLOWLIST.admits(ip_address(address), AccountId(user_name)) == opens


@pytest.mark.parametrize("user_name", ["a", "", "C", "A "])
def test_a_user_name_opens_the_account_that_is_called_exactly_so(user_name: str) -> None:
    """A name that is nearly right must not end up in another district's folder."""
    assert ACCESS.account_for(user_name, ip_address(EVERYBODYS)) is None


@pytest.mark.parametrize(
    ("address", "account", "told"),
    [
        (EVERYBODYS, None, (True, "listed", "10.0.0.0/8 in everyone (line 2)")),
        (EVERYBODYS, A, (True, "listed", "10.0.0.0/8 in everyone (line 2)")),
        (DENIED, None, (False, "denied", "10.9.0.0/16 in deny (line 3)")),
        (DENIED, B, (False, "denied", "10.9.0.0/16 in deny (line 3)")),
        (ONLY_B, None, (True, "listed", "12.0.0.0/8 in accounts.B (line 7)")),
        (ONLY_B, B, (True, "listed", "12.0.0.0/8 in accounts.B (line 7)")),
        ("2001:db8::1", B, (True, "listed", "2001:db8::/32 in accounts.B")),
        (ONLY_B, A, (False, "listed_for_another_account", "12.0.0.0/8 in accounts.B (line 7)")),
        (NOBODYS, None, (False, "not_listed", "None")),
        (NOBODYS, A, (False, "not_listed", "None")),
    ],
)
def test_a_decision_names_its_reason_and_the_line_that_decided(
    address: str, account: AccountId | None, told: tuple[bool, str, str]
) -> None:
    """An admin finds the line to change without trying."""
    decision = ALLOWLIST.decide(ip_address(address), account)
    assert (decision.admitted, decision.reason, str(decision.rule)) == told


def test_an_accounts_own_line_is_named_before_anothers() -> None:
    """Two districts behind one provider are each told of the line that is theirs."""
    shared = Allowlist(
        accounts={A: (_rule("11.0.0.0/8", "accounts.A", 1),), B: (_rule("11.0.0.0/8", "B", 2),)}
    )
    assert str(shared.decide(ip_address(ONLY_A), B).rule) == "11.0.0.0/8 in B (line 2)"


def test_catalogs_are_taken_from_accounts_that_may_send_them_alone() -> None:
    """A file called students.csv changes no roster unless the operator said that it may."""
    taken = {name: ACCESS.takes_catalogs(AccountId(name)) for name in ("A", "B", "C")}
    assert taken == {"A": False, "B": True, "C": False}


def test_an_address_is_the_same_on_whichever_interface_it_comes_in() -> None:
    """A link-local peer is judged, and counted against its limits, as one peer."""
    assert parse_address("fe80::1%eth0") == ip_address("fe80::1")
    assert parse_address("2001:db8::1") == ip_address("2001:db8::1")


def test_the_rules_of_the_start_are_in_force_until_they_are_replaced() -> None:
    """The first client may come before the first change."""
    assert AccessKeeper(ACCESS).current is ACCESS


def test_an_upload_is_continued_only_where_the_account_says_so() -> None:
    """A client that resumes where nobody may would leave half a file for a whole one."""
    resuming = replace(_account(A), policy=Policy(resume=True))
    access = Access(accounts={A: resuming, B: _account(B)}, allowlist=ALLOWLIST)
    assert access.resumes(A)
    assert not access.resumes(B)
    assert not access.resumes(AccountId("C"))
