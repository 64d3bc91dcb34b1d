"""The page of tokens, and the commands: made once, shown once, revoked at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from ingestd.service.people.audit import list_audit
from ingestd.service.people.scopes import DAYS, DAYS_MAX, TokenScope
from ingestd.service.people.tokens import TokenKeeper, TokenState
from ingestd.values.errors import UsageError
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, TEST, Console

FIELDS = {"name": "Nightly-Export", "account": SPRINGFIELD, "scope": "upload", "days": "30"}


def keeper(console: Console) -> TokenKeeper:
    return TokenKeeper(console.database, console.clock)


async def test_a_token_is_shown_once_to_who_made_it(either: Console) -> None:
    """Not on the next look, and not to another admin who knows the address."""
    ada, bob = await either.let_in("ada"), await either.let_in("bob")
    made = await ada.post("/tokens", FIELDS)
    assert made.status == 303
    assert "nightly-export" in (await bob.get(made.way)).text
    shown = await ada.get(made.way)
    [written] = re.findall(r'value="(ing_[^"]+)"', shown.text)
    found = keeper(either).look_at(written)
    assert (found.refusal, found.token and found.token.name) == ("", "nightly-export")
    for visitor in (ada, bob):
        assert written not in (await visitor.get(made.way)).text
    with either.database.reading() as connection:
        [event] = list_audit(connection, limit=1, deed="token_made")
    assert (event.by, event.subject) == ("ada", found.token and found.token.token_id)
    assert written.split("_", 2)[2] not in repr(event)


async def test_a_token_is_revoked_at_once(either: Console) -> None:
    """And stays in the list, with who made it."""
    ada = await either.let_in("ada")
    made = keeper(either).add("erp", [TokenScope.READ], [SPRINGFIELD], by=TEST)
    token_id = made.token.token_id
    for _ in range(2):
        assert (await ada.post(f"/tokens/{token_id}/revoke")).way == "/tokens"
    assert keeper(either).look_at(made.written).refusal == "revoked"
    assert "revoked" in (await ada.get("/tokens")).text
    with either.database.reading() as connection:
        assert len(list_audit(connection, limit=9, deed="token_revoked")) == 1
    for nobody in ("23456789", "%00", "x" * 300, "%2e%2e"):
        assert (await ada.post(f"/tokens/{nobody}/revoke")).status in {404, 303}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "<b>"}, "No token can be called &#39;&lt;b&gt;&#39;"),
        ({"name": ""}, "No token can be called"),
        ({"account": "NOBODY"}, "There is no account NOBODY."),
        ({"account": ""}, "There is no account"),
        ({"scope": "all"}, "A scope is one of"),
        ({"scope": "contacts"}, "contacts adds to read"),
        ({"days": "0"}, f"1 to {DAYS_MAX} days"),
        ({"days": "731"}, f"1 to {DAYS_MAX} days"),
        ({"days": "-1"}, "write a number"),
        ({"days": "9" * 400}, "write a number"),
    ],
)
async def test_what_cannot_be_a_token_is_told(
    console: Console, change: dict[str, str], told: str
) -> None:
    """What was typed stays in the form."""
    ada = await console.let_in("ada")
    answer = await ada.post("/tokens", FIELDS | change)
    assert (answer.status, told in answer.text) == (422, True)
    assert keeper(console).list() == []


def test_a_token_opens_for_who_has_all_of_it_and_until_it_ends(either: Console) -> None:
    """Cut off, guessed, of another token, with anything before or behind: it opens nothing."""
    tokens = keeper(either)
    made = tokens.add("erp", TokenScope, [SPRINGFIELD, SHELBYVILLE], by=TEST)
    other = tokens.add("erp", [TokenScope.READ], [SPRINGFIELD], by=TEST)
    assert tokens.look_at(made.written).token == made.token
    prefix, token_id, secret = made.written.split("_", 2)
    wrong = [
        *(made.written[:-1], made.written + "A", f" {made.written}", made.written.upper()),
        *(f"{prefix}_{other.token.token_id}_{secret}", f"{prefix}_{token_id}_{'A' * 43}"),
        *(f"{prefix}_22222222_{secret}", "", "ing__", made.written + "\n", "\udc80" * 56),
    ]
    for written in wrong:
        assert tokens.look_at(written).refusal in {"malformed", "unknown", "wrong"}, written
    either.clock.pass_(timedelta(days=DAYS) - timedelta(microseconds=1))
    assert tokens.look_at(made.written).refusal == ""
    either.clock.pass_(timedelta(microseconds=1))
    assert tokens.look_at(made.written).refusal == "expired"
    assert {one.state(either.clock.now()) for one in tokens.list()} == {TokenState.EXPIRED}


def test_the_last_use_is_remembered_by_the_minute(either: Console) -> None:
    """A request a second is not a write a second."""
    tokens = keeper(either)
    made = tokens.add("erp", [TokenScope.READ], [SPRINGFIELD], by=TEST)
    assert tokens.look_at(made.written).is_to_be_seen
    tokens.see(made.token)
    assert not tokens.look_at(made.written).is_to_be_seen
    either.clock.pass_(timedelta(minutes=1))
    assert tokens.look_at(made.written).is_to_be_seen


def test_a_token_without_anything_to_do_is_none(console: Console) -> None:
    """Nor is one that nobody's account is behind."""
    for scopes, accounts in (([], [SPRINGFIELD]), ([TokenScope.READ], [])):
        with pytest.raises(UsageError):
            keeper(console).add("erp", scopes, accounts, by=TEST)
