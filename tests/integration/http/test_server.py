"""The HTTP server against peers that send nothing, too much, too slowly, or what is no HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import ip_network

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from ingestd.config.judging.values import ListenAddress
from ingestd.service.http import bounds, connections
from ingestd.service.http.bounds import BODY_BYTES_MAX
from ingestd.service.http.connections import CONNECTIONS_MAX
from ingestd.service.http.server import HttpServer
from ingestd.values.errors import ListenError
from tests.integration.http.peers import PATIENCE, ask, get, post, running, status

SECRET = "00042 Marchetti"


class Site:
    """A server with pages that count, fail and wait, and how to reach it."""

    def __init__(self, *, trusted: str | None = None, port: int = 0) -> None:
        self.may_answer = asyncio.Event()
        self.waits = asyncio.Event()
        self.server = HttpServer(
            Router(
                [
                    Route("/", _hello),
                    Route("/who", _who),
                    Route("/count", _count, methods=["POST"]),
                    Route("/fail", _fail),
                    Route("/wait", self._wait),
                ]
            ),
            listen=ListenAddress(host="127.0.0.1", port=port),
            tls=None,
            trusted_proxies=() if trusted is None else (ip_network(trusted),),
        )

    async def _wait(self, _: Request) -> Response:
        self.waits.set()
        await self.may_answer.wait()
        return PlainTextResponse("at last\n")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server.port)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to it."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *pieces: bytes) -> bytes:
        """Send some bytes; return all that comes until the server closes."""
        return await ask(self.port, *pieces)


async def _hello(_: Request) -> Response:
    return PlainTextResponse("hello\n")


async def _who(request: Request) -> Response:
    assert request.client is not None
    return JSONResponse({"client": request.client.host, "scheme": request.url.scheme})


async def _count(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())}\n")


async def _fail(_: Request) -> Response:
    raise RuntimeError(SECRET)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Return a site that runs."""
    found = Site()
    async with running(found.server):
        yield found


async def test_a_page_is_answered(site: Site) -> None:
    """And no answer is for another site to frame, or for a cache to keep."""
    answer = await site.ask(get())
    assert status(answer) == 200
    assert answer.endswith(b"hello\n")
    for header in (b"x-content-type-options: nosniff", b"cache-control: no-store"):
        assert header in answer.lower()
    assert b"server:" not in answer.lower()


async def test_silent_connections_lock_nobody_out(site: Site) -> None:
    """Those that wait longest make room: somebody with a page to read is served at once."""
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS_MAX + 100):
            _, writer = await site.connect()
            stack.callback(writer.close)
        assert status(await site.ask(get())) == 200


async def test_answers_under_way_make_no_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for an answer gets it, however many connect meanwhile."""
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 3)
    answers = [asyncio.create_task(site.ask(get("/wait"))) for _ in range(3)]
    await asyncio.wait_for(site.waits.wait(), PATIENCE)
    assert await site.ask() == b""
    site.may_answer.set()
    assert [status(answer) for answer in await asyncio.gather(*answers)] == [200, 200, 200]


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", get()[:-2]], ids=["nothing", "half a line", "half a head"]
)
async def test_a_head_that_does_not_come_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """A peer that sends nothing, or a byte now and then, gives its place back."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    assert await site.ask(sent) == b""


async def test_a_second_head_is_not_waited_for_either(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that dribble in behind an answer must not hold the connection for ever."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    reader, writer = await site.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/1.1\r\n")
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    assert answer.count(b"hello\n") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["TLS", "SSH", "no host"],
)
async def test_what_is_no_request_is_refused(site: Site, sent: bytes) -> None:
    """Scanners are told so, and the next one is served."""
    assert status(await site.ask(sent)) == 400
    assert status(await site.ask(get())) == 200


async def test_a_head_without_end_is_cut_off(site: Site) -> None:
    """It would fill the memory of the daemon that takes the districts' files."""
    reader, writer = await site.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nX: ")
    try:
        for _ in range(1 << 12):
            writer.write(b"x" * (1 << 16))
            await asyncio.wait_for(writer.drain(), PATIENCE)
        pytest.fail("256 MiB were taken")
    except ConnectionError:
        pass
    finally:
        writer.close()
    assert status(await site.ask(get())) == 200
    assert reader.at_eof() or reader.exception() is not None


async def test_a_body_is_taken_whole(site: Site) -> None:
    """As long as it is not too long."""
    body = b"x" * BODY_BYTES_MAX
    answer = await site.ask(post(f"Content-Length: {len(body)}"), body)
    assert answer.endswith(b"%d\n" % len(body))


@pytest.mark.parametrize("length", [BODY_BYTES_MAX + 1, 10**15])
async def test_a_body_that_is_said_to_be_too_long_is_refused_at_once(
    site: Site, length: int
) -> None:
    """Before any of it comes."""
    assert status(await site.ask(post(f"Content-Length: {length}"))) == 413


async def test_a_body_whose_length_nobody_told_is_counted(site: Site) -> None:
    """In chunks anybody can send without end."""
    chunk = b"%x\r\n%s\r\n" % (BODY_BYTES_MAX, b"x" * BODY_BYTES_MAX)
    head = post("Transfer-Encoding: chunked")
    assert status(await site.ask(head, chunk, chunk)) == 413


async def test_a_body_that_does_not_come_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who sends a byte an hour is told that it takes too long."""
    monkeypatch.setattr(bounds, "BODY_SECONDS", 0.2)
    assert status(await site.ask(post("Content-Length: 100"), b"x")) == 408


async def test_who_hangs_up_in_the_middle_of_a_body_makes_no_error() -> None:
    """Laptops are closed, trains enter tunnels: nobody is to act on it."""

    async def read(scope: Scope, receive: Receive, _: Send) -> None:
        await Request(scope, receive).body()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    with capture_logs() as lines:
        await bounds.Bounds(read)({"type": "http", "headers": []}, gone, send)
    assert lines == []


async def test_an_error_is_told_by_name_and_keeps_its_words(site: Site) -> None:
    """What it says may quote a row: neither the peer nor the log learns it."""
    with capture_logs() as lines:
        answer = await site.ask(get("/fail"))
    assert status(answer) == 500
    assert SECRET.encode() not in answer
    [line] = lines
    assert (line["event"], line["during"]) == ("error_escaped", "request")
    assert line["error"] == "RuntimeError"
    assert SECRET not in str(line["exc_info"][1])


async def test_a_port_in_use_is_named(site: Site) -> None:
    """The operator reads which setting to change."""
    second = Site(port=site.port)
    with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{site.port}.*\[http\] listen"):
        await second.server.start()
    await second.server.stop()


async def test_an_answer_under_way_is_finished_at_a_stop(site: Site) -> None:
    """And nobody new is let in."""
    answer = asyncio.create_task(site.ask(get("/wait")))
    await asyncio.wait_for(site.waits.wait(), PATIENCE)
    stopping = asyncio.create_task(site.server.stop())
    site.may_answer.set()
    assert status(await answer) == 200
    await stopping
    with pytest.raises(ConnectionRefusedError):
        await site.connect()


async def test_an_answer_that_does_not_end_does_not_hold_the_stop(site: Site) -> None:
    """A daemon that was told to stop is gone in time."""
    answer = asyncio.create_task(site.ask(get("/wait")))
    await asyncio.wait_for(site.waits.wait(), PATIENCE)
    await asyncio.wait_for(site.server.stop(), PATIENCE)
    assert b"at last" not in await answer


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [(None, "127.0.0.1"), ("192.0.2.0/24", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7")],
)
async def test_only_a_trusted_proxy_says_who_asks(trusted: str | None, seen: str) -> None:
    """Anybody can write a header; limits that go by addresses must not believe it."""
    found = Site(trusted=trusted)
    async with running(found.server):
        answer = await found.ask(get("/who", "X-Forwarded-For: 203.0.113.7"))
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["client"] == seen
