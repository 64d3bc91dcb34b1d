"""Coming in and going out: by a link and a password, for as long as it is the same person."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ingestd.access.passwords import CHARACTERS_MIN
from ingestd.console.door import gate
from ingestd.console.door.attempts import BY_ADDRESS_MAX, BY_NAME_MAX
from ingestd.console.door.gate import COOKIE
from ingestd.values.errors import UsageError
from tests.integration.console.conftest import (
    ADMIN,
    HOST,
    PASSWORD,
    TEST,
    Console,
    fields_of,
)
from tests.integration.http.peers import PATIENCE

OTHER = "another long password"


async def test_the_first_morning(either: Console) -> None:
    """A link, a password, the page that was asked for, and out again."""
    visitor = either.visitor()
    path = either.invite("ada@example.org")
    shown = await visitor.get(path)
    assert (shown.status, "ada@example.org" in shown.text) == (200, True)
    chosen = await visitor.post(path, {"password": PASSWORD, "again": PASSWORD})
    assert (chosen.status, chosen.way) == (303, "/")
    assert "All parts work." in (await visitor.get("/")).text
    out = await visitor.post("/sign-out")
    assert (out.status, out.way) == (303, "/sign-in")
    asked = await visitor.get("/?day=2026-03-02&x=%2F")
    assert asked.status == 303
    form = await visitor.get(asked.way)
    way = fields_of(form.text)["next"]
    assert way == "/?day=2026-03-02&amp;x=%2F"
    back = await visitor.sign_in("Ada@Example.org ", way="/?day=2026-03-02&x=%2F")
    assert (back.status, back.way) == (303, "/?day=2026-03-02&x=%2F")


async def test_who_may_not_come_in_learns_nothing(either: Console) -> None:
    """Wrong, unknown, disabled, or without a password yet: all are told the same."""
    await either.let_in("ada")
    await either.let_in("bob")
    either.doorkeeper.disable("bob", by=TEST)
    either.invite("carol")
    answers = set()
    for name, password in (("ada", OTHER), ("eve", PASSWORD), ("bob", PASSWORD), ("carol", "")):
        visitor = either.visitor()
        answer = await visitor.sign_in(name, password)
        assert not visitor.cookies
        answers.add((answer.status, answer.text))
    [(status, text)] = answers
    assert status == 403
    assert "Name or password is wrong." in text


async def test_a_link_opens_once_and_for_a_day(either: Console) -> None:
    """Whoever finds it in an old mail finds a door that is shut."""
    used = either.invite("ada")
    fields = {"password": PASSWORD, "again": PASSWORD}
    assert (await either.visitor().post(used, fields)).status == 303
    late = either.invite("bob")
    disabled = either.invite("carol")
    either.doorkeeper.disable("carol", by=TEST)
    earlier = either.invite("dan")
    either.doorkeeper.reset("dan", by=TEST)
    either.clock.pass_(timedelta(hours=24))
    for path in (used, late, disabled, earlier, "/invite/x", "/invite/%ED%B3%A9"):
        visitor = either.visitor()
        assert (await visitor.get(path)).status == 404
        answer = await visitor.post(path, fields)
        assert (answer.status, visitor.cookies) == (404, {})


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        (PASSWORD, OTHER, "The two passwords differ."),
        ("x" * (CHARACTERS_MIN - 1), "x" * (CHARACTERS_MIN - 1), "shorter than 12"),
        ("", "", "The password is empty."),
        ("x" * 1025, "x" * 1025, "longer than 1024"),
    ],
)
async def test_what_is_no_good_password_leaves_the_link_as_it_is(
    console: Console, password: str, again: str, told: str
) -> None:
    """Somebody who mistypes tries again at once."""
    path = console.invite("ada")
    visitor = console.visitor()
    answer = await visitor.post(path, {"password": password, "again": again})
    assert (answer.status, told in answer.text) == (422, True)
    assert not visitor.cookies
    assert (await visitor.post(path, {"password": PASSWORD, "again": PASSWORD})).status == 303


async def test_a_cookie_is_for_this_host_and_for_no_script(console: Console) -> None:
    """It is new at each signing in: one that somebody planted before opens nothing."""
    visitor = await console.let_in("ada")
    planted = console.visitor()
    planted.cookies[COOKIE] = "planted"
    await planted.sign_in("ada")
    assert planted.cookies[COOKIE] not in {"planted", visitor.cookies[COOKIE]}
    [written] = planted.given
    for flag in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert flag in written
    assert "domain" not in written.lower()
    assert (await planted.get("/")).status == 200
    other = console.visitor()
    other.cookies[COOKIE] = "planted"
    assert (await other.get("/")).status == 303


@pytest.mark.parametrize("end", ["sign-out", "idle", "day", "disabled", "reset"])
async def test_a_session_that_has_ended_opens_nothing(either: Console, end: str) -> None:
    """Nor does its cookie, when somebody kept it."""
    visitor = await either.let_in("ada")
    either.invite("another-admin")
    cookies = dict(visitor.cookies)
    match end:
        case "sign-out":
            await visitor.post("/sign-out")
        case "idle":
            either.clock.pass_(timedelta(minutes=30))
        case "day":
            for _ in range(24):
                either.clock.pass_(timedelta(minutes=29))
                assert (await visitor.get("/")).status == 200
            either.clock.pass_(timedelta(minutes=24))
        case "disabled":
            either.doorkeeper.disable("ada", by=TEST)
        case "reset":
            either.doorkeeper.reset("ada", by=TEST)
    visitor.cookies = cookies
    assert (await visitor.get("/")).status == 303


async def test_a_page_is_read_while_a_file_is_posted(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite there is one writer: that a session was used is remembered behind it.

    However many read meanwhile, the door has all of the daemon's threads for what is uploaded.
    """
    visitor, *others = [await console.let_in(f"user{number}") for number in range(8)]
    console.clock.pass_(timedelta(minutes=2))
    monkeypatch.setattr(gate, "SEEN_SECONDS", 0.05)
    with console.database.writing():
        pages = await asyncio.gather(*(each.get("/") for each in (visitor, *others)))
        assert [page.status for page in pages] == [200] * 8
        beside = (asyncio.to_thread(threading.get_ident) for _ in range(4))
        assert await asyncio.wait_for(asyncio.gather(*beside), PATIENCE)
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == gate.SEEING))
    console.clock.pass_(timedelta(minutes=29))
    assert (await visitor.get("/")).status == 200


async def test_guesses_are_few_and_lock_nobody_else_out(console: Console) -> None:
    """After some even the right password has to wait a quarter of an hour; others have not."""
    await console.let_in("ada")
    await console.let_in("bob")
    for _ in range(BY_NAME_MAX):
        assert (await console.visitor().sign_in("ada", OTHER)).status == 403
    locked = await console.visitor().sign_in("ada")
    assert locked.status == 429
    assert 0 < int(locked.headers["retry-after"]) <= 901
    assert (await console.visitor().sign_in("bob")).status == 303
    console.clock.pass_(timedelta(minutes=15, seconds=1))
    assert (await console.visitor().sign_in("ada")).status == 303


async def test_guesses_that_come_at_once_are_no_more(console: Console) -> None:
    """Each is counted before its password is looked at."""
    await console.let_in("ada")
    answers = await asyncio.gather(
        *(console.visitor().sign_in("ada", OTHER) for _ in range(2 * BY_NAME_MAX))
    )
    assert sorted(answer.status for answer in answers) == [403] * BY_NAME_MAX + [429] * BY_NAME_MAX


async def test_one_address_does_not_try_every_name(console: Console) -> None:
    """Whatever names it tries."""
    for number in range(BY_ADDRESS_MAX):
        assert (await console.visitor().sign_in(f"user{number}", OTHER)).status == 403
    assert (await console.visitor().sign_in("another", OTHER)).status == 429


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/invite/x"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": f"https://{HOST}"}, False),
        ({"sec_fetch_site": "", "origin": "https://evil.example"}, False),
        ({"sec_fetch_site": "", "origin": "null"}, False),
        ({"sec_fetch_site": ""}, False),
        ({"sec_fetch_site": "", "origin": f"https://{HOST}"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
    ],
)
async def test_no_other_site_makes_a_browser_do_something(
    console: Console, path: str, headers: dict[str, str], passes: bool
) -> None:
    """Browsers say where a request comes from; what says nothing is no browser."""
    answer = await console.visitor().post(path, {}, **headers)
    assert (answer.text == "Another site asked for this.\n") is not passes
    assert (answer.status == 403 and not answer.headers.get("location")) or passes


@pytest.mark.parametrize(
    "way",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "", "x"],
)
async def test_nobody_is_sent_elsewhere(console: Console, way: str) -> None:
    """A link to the sign-in page cannot end on another site."""
    await console.let_in("ada")
    assert (await console.visitor().sign_in("ada", way=way)).way == "/"


async def test_a_page_that_is_none_is_told_to_whoever_signed_in(console: Console) -> None:
    """A typing error is told as one."""
    assert (await (await console.let_in("ada")).get("/no-such-page")).status == 404


async def test_what_a_link_says_is_no_markup(console: Console) -> None:
    """A page repeats what stands in its address, and only as text."""
    page = await console.visitor().get("/sign-in?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("path", ["/sign-in", "/", "/invite/x", "/nothing", "/static/console.css"])
async def test_every_answer_lets_nothing_foreign_in(console: Console, path: str) -> None:
    """No script, no frame, no address of another site, whatever gets into a page one day."""
    visitor = await console.let_in("ada")
    headers = (await visitor.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/nothing", "/users", "/static", "/invite", "/sign-inx"])
async def test_without_a_session_nothing_is_told(console: Console, path: str) -> None:
    """Not even which pages there are."""
    answer = await console.visitor().get(path)
    assert (answer.status, answer.text) == (303, "")
    assert answer.way.startswith("/sign-in?next=")


@pytest.mark.parametrize("up", ["../", "%2e%2e/", "..%2f", "..%5c"])
async def test_nothing_but_what_is_meant_for_browsers_is_served(console: Console, up: str) -> None:
    """No way leads out of the folder."""
    assert "class Gate" not in (await console.visitor().get(f"/static/{up}gate.py")).text


async def test_neither_the_database_nor_the_log_holds_a_secret(either: Console) -> None:
    """Whoever reads a backup signs in as nobody."""
    with capture_logs() as lines:
        path = either.invite("ada")
        visitor = either.visitor()
        await visitor.post(path, {"password": PASSWORD, "again": PASSWORD})
        await either.visitor().sign_in("ada", OTHER)
        await either.visitor().sign_in(OTHER, OTHER)
    secrets = (path.rpartition("/")[2], visitor.cookies[COOKIE], PASSWORD, OTHER)
    assert not any(secret in str(lines) for secret in secrets)
    with either.database.reading() as connection:
        stored = [
            [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
            for table in ("user", "role", "link", "session")
            for row in connection.exec_driver_sql(f"SELECT * FROM console_{table}")
        ]
    assert stored
    assert not any(secret in str(stored) for secret in secrets)
    told = [(line["event"], line["user"]) for line in lines]
    assert told == [("user_signed_in", "ada"), ("sign_in_failed", "ada"), ("sign_in_failed", None)]


def test_a_name_is_taken_once_and_is_plain(either: Console) -> None:
    """Two who sign in by one name could not be told apart."""
    either.invite("Ada")
    for name in ("ada", " ADA "):
        with pytest.raises(UsageError, match="There is a user ada already"):
            either.invite(name, ADMIN)
    for name in ("", "<b>", "a b", "ä", "x" * 65, "-a"):
        with pytest.raises(UsageError, match="cannot be signed in with"):
            either.invite(name, ADMIN)
