"""The entrance: a token that is stolen, over, revoked, cut off or in the wrong place."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ingestd.console.api.entrance import SEEING
from ingestd.console.door.attempts import BY_ADDRESS_MAX, SECONDS
from ingestd.service.people.scopes import DAYS, TokenScope
from ingestd.service.people.tokens import TokenKeeper
from tests.integration.api.conftest import Program, program
from tests.integration.console.conftest import SPRINGFIELD, TEST, Console
from tests.integration.http.peers import PATIENCE

HEAD = "/ledger/head"


def keeper(console: Console) -> TokenKeeper:
    return TokenKeeper(console.database, console.clock)


async def test_a_token_that_is_none_is_told_the_same_whatever_is_wrong(either: Console) -> None:
    """Nobody learns which part was right; the log says which, and never the token."""
    tokens = keeper(either)
    good = tokens.add("good", [TokenScope.READ], [SPRINGFIELD], by=TEST)
    revoked = tokens.add("lost", [TokenScope.READ], [SPRINGFIELD], by=TEST)
    tokens.revoke(revoked.token.token_id, by=TEST)
    short = tokens.add("short", [TokenScope.READ], [SPRINGFIELD], days=1, by=TEST)
    either.clock.pass_(timedelta(days=1))
    shown = {
        revoked.written: "revoked",
        short.written: "expired",
        good.written[:-1]: "malformed",
        good.written[:-1] + ("A" if good.written[-1] != "A" else "B"): "wrong",
        f"ing_23456789_{'A' * 43}": "unknown",
        "hunter2": "malformed",
        "": "malformed",
    }
    answers = set()
    for written, reason in shown.items():
        with capture_logs() as lines:
            reply = await Program(port=either.port).get(HEAD, authorization=f"Bearer {written} ")
        answers.add((reply.status, reply.content, reply.headers["www-authenticate"]))
        [line] = [line for line in lines if line["event"] == "token_refused"]
        assert line["reason"] == reason
        assert not written or written not in repr(line)
    [(status, _, challenge)] = answers
    assert (status, challenge) == (401, 'Bearer realm="ingestd", error="invalid_token"')
    assert (await Program(port=either.port, token=good.written).get(HEAD)).status == 200


async def test_a_token_counts_in_its_header_alone(console: Console) -> None:
    """What stands in an address ends up in logs; two are one too many to guess between."""
    asking = program(console)
    nobody = Program(port=console.port)
    for path in (f"?access_token={asking.token}", f"?token={asking.token}"):
        assert (await nobody.get(HEAD + path)).code == "token_missing"
    for written in (
        f"Basic {asking.token}",
        f"Bearer{asking.token}",
        f"Bearer {asking.token}\r\nauthorization: Bearer {asking.token}",
        f"Bearer {asking.token}, Bearer {asking.token}",
        f"{asking.token}",
    ):
        assert (await nobody.get(HEAD, authorization=written)).code == "token_invalid"
    assert (await nobody.get(HEAD, authorization=f"bearer {asking.token}")).status == 200


async def test_an_address_that_guesses_waits(console: Console) -> None:
    """It is let in again after a quarter of an hour; a good token before does not end the wait."""
    asking, guessing = program(console), Program(port=console.port, token="ing_guess")
    for _ in range(BY_ADDRESS_MAX):
        assert (await guessing.get(HEAD)).code == "token_invalid"
    for one in (guessing, asking):
        reply = await one.get(HEAD)
        assert (reply.status, reply.code) == (429, "too_many_attempts")
        assert 0 < int(reply.headers["retry-after"]) <= SECONDS + 1
    console.clock.pass_(timedelta(seconds=SECONDS + 1))
    assert (await asking.get(HEAD)).status == 200


async def test_many_good_requests_at_once_are_no_guesses(console: Console) -> None:
    """A program that works in parallel is not taken for one that tries."""
    asking = program(console)
    replies = await asyncio.gather(*(asking.get(HEAD) for _ in range(BY_ADDRESS_MAX + 10)))
    assert {reply.status for reply in replies} == {200}


async def test_the_use_of_a_token_is_remembered_without_making_it_wait(console: Console) -> None:
    """A file that is being posted holds the database for a minute; the answer comes at once."""
    asking = program(console)
    with console.database.writing():
        for _ in range(3):
            assert (await asking.get(HEAD)).status == 200
        seeing = [task for task in asyncio.all_tasks() if task.get_name() == SEEING]
        assert len(seeing) == 1
        assert [one.used_at for one in keeper(console).list()] == [None]
    await asyncio.wait_for(seeing[0], PATIENCE)
    assert [one.used_at for one in keeper(console).list()] == [console.clock.now()]


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1:1", "", "a b", "api.test, evil.test"])
async def test_a_host_changes_nothing(console: Console, host: str) -> None:
    """No answer is made from what a request calls its host."""
    reply = await program(console).get(HEAD, host=host)
    assert reply.status in {200, 400}
    assert "evil" not in f"{reply.headers} {reply.content!r}"


async def test_a_year_ends_every_token(console: Console) -> None:
    """Whoever forgot it is no danger for ever."""
    asking = program(console)
    console.clock.pass_(timedelta(days=DAYS))
    assert (await asking.get(HEAD)).code == "token_invalid"
