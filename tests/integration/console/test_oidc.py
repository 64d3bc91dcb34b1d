"""Single sign-on: who is vouched for comes in, in the browser that began, once."""

from __future__ import annotations

import asyncio
import html
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from ingestd.config.files.settings import ConsoleSettings, OidcSettings, Settings
from ingestd.console.door.attempts import BY_ADDRESS_MAX
from ingestd.console.door.single_sign_on import BROWSER_COOKIE
from ingestd.database.engine import Database
from ingestd.service.people.audit import list_audit
from ingestd.service.sign_on.requests import LIFETIME
from tests.integration.console.conftest import (
    ADMIN,
    PASSWORD,
    TEST,
    Answer,
    Console,
    Visitor,
    console_on,
)
from tests.integration.console.issuer import (
    CLIENT_ID,
    CLIENT_SECRET,
    LEFT_OUT,
    Issuer,
    issuer_running,
)
from tests.integration.console.test_totp import switch_on
from tests.integration.database import conftest as databases
from tests.integration.http.peers import PATIENCE

ADDRESS = "Ada@Example.org"


@asynccontextmanager
async def trusting(database: Database, folder: Path, issuer: str) -> AsyncIterator[Console]:
    """Run a console that believes an issuer, and knows ada by her address."""
    secret = folder / "client_secret"
    secret.write_text(f"{CLIENT_SECRET}\n")

    def set_up(settings: Settings) -> Settings:
        oidc = OidcSettings(
            issuer=issuer, client_id=CLIENT_ID, client_secret_file=secret, name="Example <b>"
        )
        console = ConsoleSettings(address="https://console.example", oidc=oidc)
        return settings.model_copy(update={"console": console})

    async with console_on(database, folder, set_up) as console:
        console.clock.instant = datetime.now(UTC)
        console.doorkeeper.invite("ada", ADMIN, email=ADDRESS, by=TEST)
        yield console


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Return an issuer that says what is right, until it is told otherwise."""
    async with issuer_running() as found:
        yield found


@pytest.fixture
async def console(
    make_database: databases.MakeDatabase, tmp_path: Path, issuer: Issuer
) -> AsyncIterator[Console]:
    """Return a console on SQLite that believes the issuer."""
    async with trusting(make_database("sqlite"), tmp_path, issuer.address) as found:
        yield found


@pytest.fixture
async def either(database: Database, tmp_path: Path, issuer: Issuer) -> AsyncIterator[Console]:
    """Return a console that believes the issuer, on both databases."""
    async with trusting(database, tmp_path, issuer.address) as found:
        yield found


async def begin(visitor: Visitor, way: str = "/") -> str:
    """Ask to sign in there; return where the browser is sent."""
    sent = await visitor.get(f"/sign-in/oidc?next={way}")
    assert (sent.status, BROWSER_COOKIE in visitor.cookies) == (303, True), sent.text
    return sent.way


async def sign_on(console: Console, issuer: Issuer, way: str = "/") -> Answer:
    visitor = console.visitor()
    return await visitor.get(issuer.let_in(await begin(visitor, way)))


def refused(answer: Answer, visitor: Visitor) -> bool:
    return answer.status == 403 and "Not signed in" in answer.text and not visitor.cookies


async def test_who_was_let_in_by_an_address_comes_in_and_stays_the_same(
    either: Console, issuer: Issuer
) -> None:
    """The first time by the address that was invited, from then on whatever the address is."""
    visitor = either.visitor()
    asked = await visitor.get("/sign-in?next=/me")
    assert 'href="/sign-in/oidc?next=/me"' in asked.text
    assert "Example &lt;b&gt;" in asked.text
    back = await visitor.get(issuer.let_in(await begin(visitor, "/me")))
    assert (back.status, back.way) == (303, "/me")
    assert BROWSER_COOKIE not in visitor.cookies
    assert (await visitor.get("/me")).status == 200
    issuer.claims = {"email": "married@example.org"}
    assert (await sign_on(either, issuer)).status == 303
    issuer.claims = {"email": LEFT_OUT, "email_verified": LEFT_OUT}
    assert (await sign_on(either, issuer)).status == 303
    issuer.claims = {"sub": "subject-2"}
    assert (await sign_on(either, issuer)).status == 403
    with either.database.reading() as connection:
        kept = [one.deed for one in list_audit(connection, limit=50, by="ada")]
    assert (kept.count("identity_bound"), kept.count("signed_in")) == (1, 3)
    assert issuer.asked.count("metadata") == 1


NOT_INVITED: list[dict[str, Any]] = [
    {"email": "eve@example.org"},
    {"email_verified": False},
    {"email_verified": "true"},
    {"email_verified": LEFT_OUT},
    {"email": LEFT_OUT},
    {"email": ["ada@example.org"]},
    {"email": "ada@example.org.evil.example"},
]


async def test_who_was_not_let_in_by_that_address_stays_outside(
    console: Console, issuer: Issuer
) -> None:
    """Nor does whoever claims an address that the issuer has not seen them read."""
    for claims in NOT_INVITED:
        issuer.claims = claims
        visitor = console.visitor()
        answer = await visitor.get(issuer.let_in(await begin(visitor)))
        assert refused(answer, visitor), claims
    for claims in ({"xms_edov": True}, {"xms_edov": "1"}):
        # What Microsoft calls it.
        issuer.claims = {"email_verified": LEFT_OUT, **claims}
        assert (await sign_on(console, issuer)).status == 303
        console.doorkeeper.reset("ada", by=TEST)


FORGED: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": LEFT_OUT},
    {"nonce": ["another"]},
    {"aud": "another client"},
    {"aud": LEFT_OUT},
    {"aud": [CLIENT_ID, "another client"]},
    {"azp": "another client"},
    {"iss": "https://another.example"},
    {"iss": LEFT_OUT},
    {"exp": 1},
    {"exp": LEFT_OUT},
    {"exp": "never"},
    {"iat": 2**40},
    {"sub": LEFT_OUT},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
]


async def test_what_is_said_for_somebody_else_is_not_believed(
    console: Console, issuer: Issuer
) -> None:
    """Another client's token, an old one, one of another request; one that nobody signed."""
    said: list[tuple[str, dict[str, Any]]] = [("", claims) for claims in FORGED]
    said += [(forge, {}) for forge in ("none", "client secret", "public key", "other key", "x")]
    for issuer.forge, issuer.claims in said:
        visitor = console.visitor()
        answer = await visitor.get(issuer.let_in(await begin(visitor)))
        assert refused(answer, visitor), (issuer.forge, issuer.claims)
    issuer.forge, issuer.claims = "", {}
    assert (await sign_on(console, issuer)).status == 303


async def test_an_answer_is_for_the_browser_that_began_and_for_once(
    either: Console, issuer: Issuer
) -> None:
    """Nobody is signed in as somebody else by a link, and no answer counts twice."""
    ada, eve = either.visitor(), either.visitor()
    path = issuer.let_in(await begin(ada))
    assert refused(await either.visitor().get(path), either.visitor())
    await begin(eve)
    assert (await eve.get(path)).status == 403
    cookie = ada.cookies[BROWSER_COOKIE]
    assert (await ada.get(path)).status == 303
    ada.cookies[BROWSER_COOKIE] = cookie
    again = await ada.get(path)
    assert (again.status, "came twice" in again.text) == (403, True)
    late = either.visitor()
    path = issuer.let_in(await begin(late))
    either.clock.pass_(LIFETIME)
    assert (await late.get(path)).status == 403


async def test_of_two_that_bring_one_answer_at_once_one_comes_in(
    either: Console, issuer: Issuer
) -> None:
    """It is taken where it is kept."""
    visitor = either.visitor()
    path = issuer.let_in(await begin(visitor))
    answers = await asyncio.gather(*(visitor.get(path) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [303, 403, 403, 403]


async def test_an_answer_that_says_no_is_told_plainly(console: Console, issuer: Issuer) -> None:
    """And nothing of it is markup."""
    for query in (
        "",
        "code=x",
        "state=x&code=x",
        "state={state}",
        "state={state}&error=access_denied&error_description=%3Cscript>",
        "state={state}&code=unknown",
        "state={state}&code={code}&iss=https://another.example",
    ):
        visitor = console.visitor()
        path = issuer.let_in(await begin(visitor))
        code, state = (part.partition("=")[2] for part in path.partition("?")[2].split("&"))
        asked = query.format(code=code, state=state)
        answer = await visitor.get(f"/sign-in/oidc/callback?{asked}")
        assert refused(answer, visitor), query
        assert "<script>" not in answer.text


async def test_a_user_who_is_disabled_or_begins_anew_is_asked_for_anew(
    either: Console, issuer: Issuer
) -> None:
    """Who may not come in may not this way either; a reset forgets whom the issuer knew."""
    either.invite("another-admin")
    assert (await sign_on(either, issuer)).status == 303
    visitor = either.visitor()
    path = issuer.let_in(await begin(visitor))
    either.doorkeeper.disable("ada", by=TEST)
    assert (await visitor.get(path)).status == 403
    either.doorkeeper.reset("ada", by=TEST)
    issuer.claims = {"sub": "subject-2"}
    assert (await sign_on(either, issuer)).status == 303
    issuer.claims = {}
    assert (await sign_on(either, issuer)).status == 403
    either.doorkeeper.invite("ada2", ADMIN, email="ADA@example.org", by=TEST)
    issuer.claims = {"sub": "subject-3"}
    assert (await sign_on(either, issuer)).status == 403


async def test_a_code_is_asked_for_after_it(console: Console, issuer: Issuer) -> None:
    """Whoever has a second factor has it whichever way they come."""
    visitor = await console.let_in("bob")
    await switch_on(console, visitor)
    console.doorkeeper.change("bob", by=TEST, roles=None, email="bob@example.org")
    issuer.claims = {"email": "bob@example.org", "sub": "subject-bob"}
    console.clock.instant = datetime.now(UTC)
    back = await sign_on(console, issuer, "/me")
    assert (back.status, back.way) == (303, "/sign-in/code?next=%2Fme")


async def test_an_issuer_that_is_not_itself_is_not_asked(console: Console, issuer: Issuer) -> None:
    """It is silent, calls itself otherwise, sends us elsewhere, or wants passwords in the clear."""
    for published, status in (
        ({"issuer": "https://another.example"}, 403),
        ({"token_endpoint": "http://192.0.2.1/token"}, 403),
        ({"authorization_endpoint": "javascript:alert(1)"}, 403),
        ({"jwks_uri": None}, 403),
        ({"elsewhere": "http://127.0.0.1:9/"}, 403),
        ({"x": "x" * 2**21}, 502),
    ):
        issuer.published = published
        answer = await console.visitor().get("/sign-in/oidc")
        assert answer.status == status, published
    issuer.published = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await sign_on(console, issuer)).status == 303
    secret = console.installation.settings.console.oidc.client_secret_file
    assert secret is not None
    secret.unlink()
    answer = await sign_on(console, issuer)
    assert (answer.status, str(secret) in answer.text) == (403, False)


async def test_nobody_makes_us_ask_the_issuer_without_end(console: Console, issuer: Issuer) -> None:
    """Whoever begins, and never comes back as somebody, waits after a while."""
    for _ in range(BY_ADDRESS_MAX):
        await begin(console.visitor())
    assert (await console.visitor().get("/sign-in/oidc")).status == 429
    console.clock.pass_(timedelta(minutes=15, seconds=1))
    for _ in range(2 * BY_ADDRESS_MAX):
        console.clock.instant = datetime.now(UTC) + timedelta(minutes=16)
        issuer.claims = {"iat": int(console.clock.now().timestamp()), "exp": 2**40}
        assert (await sign_on(console, issuer)).status == 303


async def test_no_secret_is_told(either: Console, issuer: Issuer) -> None:
    """Neither in the log nor in the database, nor in where the browser is sent."""
    visitor = either.visitor()
    with capture_logs() as lines:
        address = await begin(visitor)
        path = issuer.let_in(address)
        cookie = visitor.cookies[BROWSER_COOKIE]
        with either.database.reading() as connection:
            [row] = connection.exec_driver_sql("SELECT * FROM console_oidc_request")
            stored = str([bytes(c) if isinstance(c, memoryview) else c for c in row])
        await visitor.get(path)
        issuer.forge = "x"
        await sign_on(either, issuer)
    state = path.rpartition("state=")[2]
    for secret in (CLIENT_SECRET, state, cookie, path.partition("code=")[2][:6]):
        assert secret not in str(lines)
    assert not any(secret in stored for secret in (CLIENT_SECRET, state, cookie))
    assert not any(secret in address for secret in (CLIENT_SECRET, cookie))
    told = [(line["event"], line.get("reason")) for line in lines]
    assert told == [("user_signed_in", None), ("sign_in_failed", "token_unsound")]


async def test_a_provider_that_others_made(
    make_database: databases.MakeDatabase, tmp_path: Path
) -> None:
    """What we understand of the protocol is what everybody does."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oidc_provider_mock", "--port", str(port),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE):
            while b"Uvicorn running" not in await process.stderr.readline():
                assert process.returncode is None
        async with (
            trusting(make_database("sqlite"), tmp_path, address) as console,
            httpx2.AsyncClient() as browser,
        ):
            claims = {"email": ADDRESS, "email_verified": True}
            await browser.put(f"{address}/users/subject-1", json=claims)
            visitor = console.visitor()
            shown = await browser.post(await begin(visitor), data={"sub": "subject-1"})
            back = urlsplit(shown.headers["location"])
            answer = await visitor.get(html.unescape(f"{back.path}?{back.query}"))
            assert (answer.status, answer.way) == (303, "/")
            assert (await visitor.get("/me")).status == 200
            assert (await console.visitor().sign_in("ada", PASSWORD)).status == 403
    finally:
        process.terminate()
        await process.wait()
