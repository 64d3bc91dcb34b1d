"""The second factor: asked for after the password, counted once, and taken away by an admin."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pyotp
import pytest

from ingestd.config.files.settings import ConsoleSettings
from ingestd.console.door.attempts import BY_NAME_MAX
from ingestd.console.door.gate import COOKIE
from ingestd.console.door.letting_pass import HALF_COOKIE
from ingestd.database.engine import Database
from ingestd.service.people.audit import list_audit
from ingestd.service.people.half_sessions import TRIES_MAX
from ingestd.service.people.second_factor import RECOVERY_CODES, STEP_SECONDS
from ingestd.service.people.secrecy import Secrecy
from ingestd.values.errors import StorageError
from tests.integration.console.conftest import (
    PASSWORD,
    TEST,
    Answer,
    Console,
    Visitor,
    console_on,
)
from tests.integration.console.test_users_page import link_in

STEP = timedelta(seconds=STEP_SECONDS)


def code_at(console: Console, secret: str, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(console.clock.instant, counter_offset=steps)


def recovery_codes(text: str) -> list[str]:
    return re.findall(r"<code>((?:[a-z2-9]{4}-){3}[a-z2-9]{4})</code>", text)


def key_in(text: str) -> str:
    found = re.search(r'<code class="key">([A-Z2-7]+)</code>', text)
    assert found
    return found[1]


async def switch_on(console: Console, visitor: Visitor) -> tuple[str, list[str]]:
    """Make a telephone known; return what it makes codes from, and the recovery codes."""
    assert (await visitor.post("/me/totp/begin", {"old": PASSWORD})).way == "/me/totp"
    secret = key_in((await visitor.get("/me/totp")).text)
    shown = await visitor.post("/me/totp", {"code": code_at(console, secret)})
    codes = recovery_codes(shown.text)
    assert (shown.status, len(set(codes))) == (200, RECOVERY_CODES)
    console.clock.pass_(STEP)
    return secret, codes


async def with_password(console: Console, name: str = "ada", way: str = "/") -> Visitor:
    """Return somebody who gave the password and owes a code."""
    visitor = console.visitor()
    answer = await visitor.sign_in(name, way=way)
    assert answer.way.startswith("/sign-in/code?next=")
    assert COOKIE not in visitor.cookies
    return visitor


async def give(visitor: Visitor, code: str, way: str = "/") -> Answer:
    return await visitor.post("/sign-in/code", {"code": code, "next": way})


async def test_a_code_is_asked_for_after_the_password(either: Console) -> None:
    """Until it is given no page opens; then the one that was asked for does."""
    ada = await either.let_in("ada")
    secret, _ = await switch_on(either, ada)
    visitor = await with_password(either, way="/me?x=1")
    assert {(await visitor.get(path)).status for path in ("/", "/me", "/users")} == {303}
    assert (await visitor.get("/sign-in/code?next=%2Fme%3Fx%3D1")).status == 200
    cookie = visitor.cookies[HALF_COOKIE]
    assert (await give(visitor, "000000", "/me?x=1")).status == 403
    entered = await give(visitor, code_at(either, secret), "/me?x=1")
    assert (entered.status, entered.way) == (303, "/me?x=1")
    assert HALF_COOKIE not in visitor.cookies
    assert (await visitor.get("/me")).status == 200
    again = either.visitor()
    again.cookies[HALF_COOKIE] = cookie
    either.clock.pass_(STEP)
    assert (await give(again, code_at(either, secret))).status == 403
    again.cookies[COOKIE] = cookie
    assert (await again.get("/")).status == 303
    elsewhere = await with_password(either)
    assert (await give(elsewhere, code_at(either, secret), "//evil.example")).way == "/"


async def test_a_code_counts_once_and_no_earlier_one_after_it(either: Console) -> None:
    """Whoever looks over a shoulder is too late; a clock may be half a minute off, not more."""
    secret, _ = await switch_on(either, await either.let_in("ada"))
    either.clock.pass_(4 * STEP)
    for steps, status in ((-2, 403), (2, 403), (-1, 303), (-1, 403), (0, 303), (1, 303), (0, 403)):
        visitor = await with_password(either)
        assert (await give(visitor, code_at(either, secret, steps=steps))).status == status, steps


async def test_of_two_who_give_one_code_at_once_one_comes_in(either: Console) -> None:
    """What is compared is compared where it is kept."""
    secret, codes = await switch_on(either, await either.let_in("ada"))
    for code in (code_at(either, secret), codes[0]):
        visitors = [await with_password(either) for _ in range(4)]
        answers = await asyncio.gather(*(give(visitor, code) for visitor in visitors))
        assert sorted(answer.status for answer in answers) == [303, 403, 403, 403]


async def test_a_recovery_code_counts_once_and_new_ones_end_the_old(either: Console) -> None:
    """However it is written; and what is left is told."""
    ada = await either.let_in("ada")
    _, codes = await switch_on(either, ada)
    assert (await give(await with_password(either), f" {codes[0].upper()} ")).status == 303
    assert (await give(await with_password(either), codes[0])).status == 403
    assert (await give(await with_password(either), codes[1].replace("-", ""))).status == 303
    assert "Recovery codes left: 8." in (await ada.get("/me")).text
    wrong = await ada.post("/me/totp/codes", {"old": "no password of mine"})
    assert (wrong.status, recovery_codes(wrong.text)) == (422, [])
    new = recovery_codes((await ada.post("/me/totp/codes", {"old": PASSWORD})).text)
    assert len(set(new) - set(codes)) == RECOVERY_CODES
    assert (await give(await with_password(either), codes[2])).status == 403
    assert (await give(await with_password(either), new[2])).status == 303


async def test_no_recovery_code_is_there_before_a_telephone_is(console: Console) -> None:
    """Codes that were made before would open the door beside it."""
    ada = await console.let_in("ada")
    answer = await ada.post("/me/totp/codes", {"old": PASSWORD})
    assert (answer.status, answer.way) == (303, "/me")
    await ada.post("/me/totp/begin", {"old": PASSWORD})
    assert (await ada.post("/me/totp/codes", {"old": PASSWORD})).way == "/me"
    assert (await ada.post("/me/totp", {"code": "000000"})).status == 422
    assert (await console.visitor().sign_in("ada")).way == "/"


async def test_codes_are_not_guessed(console: Console) -> None:
    """A few for each password, and a few for each name, however often the password is given."""
    secret, _ = await switch_on(console, await console.let_in("ada"))
    visitor = await with_password(console)
    for number in range(TRIES_MAX):
        answer = await give(visitor, "000000")
        assert (answer.status, "Begin again" in answer.text) == (403, number == TRIES_MAX - 1)
    assert (await give(visitor, code_at(console, secret))).status == 403
    another = await with_password(console)
    for _ in range(BY_NAME_MAX - TRIES_MAX):
        await give(another, "000000")
    locked = await give(await with_password(console), code_at(console, secret))
    assert locked.status == 429
    console.clock.pass_(timedelta(minutes=15, seconds=1))
    entered = await give(await with_password(console), code_at(console, secret))
    assert entered.status == 303


async def test_guesses_that_come_at_once_are_no_more(either: Console) -> None:
    """Each is counted before it is looked at."""
    await switch_on(either, await either.let_in("ada"))
    visitor = await with_password(either)
    answers = await asyncio.gather(*(give(visitor, "000000") for _ in range(2 * TRIES_MAX)))
    assert {answer.status for answer in answers} == {403}
    with either.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT tries FROM console_half_session")
        assert [row.tries for row in rows] == [TRIES_MAX]


@pytest.mark.parametrize("end", ["late", "disabled", "reset", "password"])
async def test_who_owes_a_code_owes_it_not_for_long(either: Console, end: str) -> None:
    """Five minutes; and not beyond what ends all else."""
    ada = await either.let_in("ada")
    either.invite("another-admin")
    secret, _ = await switch_on(either, ada)
    visitor = await with_password(either)
    match end:
        case "late":
            either.clock.pass_(timedelta(minutes=5))
        case "disabled":
            either.doorkeeper.disable("ada", by=TEST)
        case "reset":
            either.doorkeeper.reset("ada", by=TEST)
        case "password":
            new = "another long password"
            await ada.post("/me/password", {"old": PASSWORD, "password": new, "again": new})
    assert (await give(visitor, code_at(either, secret))).status == 403
    assert (await visitor.get("/sign-in/code")).way == "/sign-in"


async def test_an_admin_takes_it_away_from_who_lost_the_telephone(either: Console) -> None:
    """With the password: a new link lets them choose both anew. It is kept who did that."""
    admin = await either.let_in("root")
    secret, codes = await switch_on(either, await either.let_in("ada"))
    path = link_in((await admin.post("/users/ada/reset")).text)
    ada = either.visitor()
    assert (await ada.post(path, {"password": PASSWORD, "again": PASSWORD})).way == "/"
    assert (await either.visitor().sign_in("ada")).way == "/"
    new_secret, _ = await switch_on(either, ada)
    assert new_secret != secret
    assert (await give(await with_password(either), codes[0])).status == 403
    with either.database.reading() as connection:
        kept = [(one.by, one.deed) for one in list_audit(connection, limit=50)]
    assert kept.count(("root", "totp_switched_off")) == 1
    assert kept.count(("ada", "totp_switched_on")) == 2


async def test_it_is_switched_off_by_who_knows_the_password(either: Console) -> None:
    """Not by who finds an open session."""
    ada = await either.let_in("ada")
    await switch_on(either, ada)
    assert (await ada.post("/me/totp/off", {"old": "no password of mine"})).status == 422
    await with_password(either)
    assert (await ada.post("/me/totp/off", {"old": PASSWORD})).way == "/me?done=off"
    assert (await either.visitor().sign_in("ada")).way == "/"


async def test_an_open_session_does_not_change_the_telephone(console: Console) -> None:
    """Somebody else's telephone would lock the owner out."""
    ada = await console.let_in("ada")
    assert (await ada.post("/me/totp/begin", {"old": "no password of mine"})).status == 422
    assert (await ada.get("/me/totp")).way == "/me"
    secret, _ = await switch_on(console, ada)
    assert (await ada.post("/me/totp/begin", {"old": PASSWORD})).way == "/me/totp"
    assert (await ada.get("/me/totp")).way == "/me"
    assert (await give(await with_password(console), code_at(console, secret))).status == 303


async def test_a_backup_of_the_database_makes_no_codes(either: Console, tmp_path: Path) -> None:
    """What codes are made from is encrypted with a key that lies elsewhere, for its owner alone."""
    secret, codes = await switch_on(either, await either.let_in("ada"))
    with either.database.reading() as connection:
        stored = [
            [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
            for table in ("totp", "recovery_code", "half_session", "audit")
            for row in connection.exec_driver_sql(f"SELECT * FROM console_{table}")
        ]
        [hidden] = [row[1] for row in stored if isinstance(row[1], bytes) and len(row[1]) > 32]
    assert not any(text in str(stored) for text in (secret, *codes))
    key = either.installation.folders.console_key
    assert key.stat().st_mode & 0o777 == 0o600
    assert Secrecy(key).reveal(hidden, purpose="totp of user 1").decode() == secret
    with pytest.raises(StorageError):
        Secrecy(key).reveal(hidden, purpose="totp of user 2")
    other = Secrecy(tmp_path / "other_key")
    other.hide(b"", purpose="")
    with pytest.raises(StorageError, match="is not the key"):
        other.reveal(hidden, purpose="totp of user 1")
    key.chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        Secrecy(key).reveal(hidden, purpose="totp of user 1")


@pytest.fixture
async def demanding(database: Database, tmp_path: Path) -> AsyncIterator[Console]:
    """Return a console that demands a second factor of everybody."""
    async with console_on(
        database,
        tmp_path,
        lambda settings: settings.model_copy(update={"console": ConsoleSettings(totp="required")}),
    ) as found:
        yield found


async def test_where_it_is_demanded_nobody_comes_in_without(demanding: Console) -> None:
    """The telephone is made known right after the password, and opens nothing before."""
    visitor = demanding.visitor()
    chosen = await visitor.post(demanding.invite("ada"), {"password": PASSWORD, "again": PASSWORD})
    assert unquote(chosen.way) == "/sign-in/set-up?next=/"
    assert (await visitor.get("/me")).status == 303
    shown = html.unescape((await visitor.get("/sign-in/set-up?next=/me")).text)
    secret = key_in(shown)
    assert shown.count("data:image/svg+xml") == 1
    assert (await give(visitor, code_at(demanding, secret))).status == 403
    wrong = await visitor.post("/sign-in/set-up", {"code": "000000", "next": "/me"})
    assert (wrong.status, key_in(wrong.text)) == (403, secret)
    done = await visitor.post(
        "/sign-in/set-up", {"code": code_at(demanding, secret), "next": "/me"}
    )
    assert (done.status, len(recovery_codes(done.text))) == (200, RECOVERY_CODES)
    assert (await visitor.get("/me")).status == 200
    again = await visitor.post("/sign-in/set-up", {"code": code_at(demanding, secret)})
    assert recovery_codes(again.text) == []
    await with_password(demanding)
    assert (await visitor.post("/me/totp/off", {"old": PASSWORD})).status == 303
    assert (await visitor.get("/me")).status == 303
    back = await demanding.visitor().sign_in("ada")
    assert back.way.startswith("/sign-in/set-up")
