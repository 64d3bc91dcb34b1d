"""Behind a load balancer: the peer that counts is the real one, and only balancers can name it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from proxyprotocol.result import ProxyResultIPv4, ProxyResultLocal
from proxyprotocol.v1 import ProxyProtocolV1
from proxyprotocol.v2 import ProxyProtocolV2

from ingestd.access.accounts import Access

BALANCER = "127.0.0.50"
LISTED, UNLISTED = "127.0.0.77", "127.0.0.78"
PATIENCE_SECONDS = 15.0

VERSIONS = [pytest.param(ProxyProtocolV1(), id="v1"), pytest.param(ProxyProtocolV2(), id="v2")]


@pytest.fixture
async def school(open_door: Any, allow: Any) -> Any:
    """A door that believes one balancer, and admits one address behind it."""
    access = Access(accounts={}, allowlist=allow(LISTED))
    return await open_door(access=access, proxies=(f"{BALANCER}/32",))


def answer_to(port: int, content: bytes, source: str = BALANCER) -> bytes:
    """Connect, send `content`, and return what comes before the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)) as sock:
        sock.sendall(content)
        with contextlib.suppress(ConnectionResetError):
            return sock.recv(100)
    return b""


def header(version: Any, peer: str) -> bytes:
    sides = (IPv4Address(peer), 50_000), (IPv4Address("127.0.0.1"), 2222)
    return bytes(version.pack(ProxyResultIPv4(*sides)))


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_listed_peer_behind_the_balancer_is_admitted(school: Any, version: Any) -> None:
    """The allowlist must go on working when a balancer is put in front."""
    answer = await asyncio.to_thread(answer_to, school.port, header(version, LISTED))
    assert answer.startswith(b"SSH-2.0-")


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_unlisted_peer_behind_the_balancer_gets_no_byte(
    school: Any, version: Any
) -> None:
    """A balancer must not open the door to the whole internet."""
    answer = await asyncio.to_thread(answer_to, school.port, header(version, UNLISTED))
    assert answer == b""
    refused = await school.until_event("connection_refused")
    assert (refused["peer"], refused["reason"]) == (UNLISTED, "not_listed")


@pytest.mark.parametrize("version", VERSIONS)
async def test_nobody_else_can_name_a_peer(school: Any, version: Any) -> None:
    """Anybody could write a listed address into a header."""
    answer = await asyncio.to_thread(answer_to, school.port, header(version, LISTED), UNLISTED)
    assert answer == b""
    assert (await school.until_event("connection_refused"))["peer"] == UNLISTED


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="no header"),
        pytest.param(b"PROXY TCP4 " + b"1" * 200, id="endless line"),
        pytest.param(b"PROXY TCP4 a b c d\r\n", id="no addresses"),
        pytest.param(b"PROXY UNKNOWN\r\n", id="unknown peer"),
        pytest.param(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c", id="cut off"),
    ],
)
async def test_a_balancer_that_names_no_peer_is_refused(school: Any, content: bytes) -> None:
    """Without the real peer no rule could be applied: so nobody gets in."""

    def send_and_close() -> bytes:
        with socket.create_connection(
            ("127.0.0.1", school.port), 10, source_address=(BALANCER, 0)
        ) as sock:
            sock.sendall(content)
            sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                return sock.recv(100)
        return b""

    assert await asyncio.to_thread(send_and_close) == b""
    refused = await school.until_event("connection_refused")
    assert (refused["peer"], refused["reason"]) == (BALANCER, "proxy_header_missing")


async def test_a_health_check_of_the_balancer_is_no_refusal(school: Any) -> None:
    """It comes every second, and must not fill the log."""
    check = ProxyProtocolV2().pack(ProxyResultLocal())
    assert await asyncio.to_thread(answer_to, school.port, bytes(check)) == b""
    assert school.events("connection_refused") == []


async def test_what_follows_the_header_in_one_packet_is_not_lost(school: Any) -> None:
    """Some balancers send the client's first bytes together with the header."""
    together = header(ProxyProtocolV2(), LISTED) + b"SSH-2.0-test\r\n"

    def exchange() -> bytes:
        with socket.create_connection(
            ("127.0.0.1", school.port), 10, source_address=(BALANCER, 0)
        ) as sock:
            sock.sendall(together)
            received = b""
            while b"curve25519" not in received:  # in the server's KEXINIT: it read our version
                piece = sock.recv(4096)
                assert piece
                received += piece
            return received

    assert (await asyncio.to_thread(exchange)).startswith(b"SSH-2.0-")


@pytest.fixture
def haproxy(tmp_path: Path) -> str:
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        assert os.environ.get("CI") != "true", "haproxy is missing"
        pytest.skip("haproxy is not installed")
    return program


@contextlib.contextmanager
def running_haproxy(program: str, folder: Path, port: int, option: str) -> Iterator[int]:
    """Run a real HAProxy in front of the door; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        front_port = int(probe.getsockname()[1])
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
        f"listen sftp\n bind 127.0.0.1:{front_port}\n source {BALANCER}\n"
        f" server door 127.0.0.1:{port} {option}\n"
    )
    process = subprocess.Popen([program, "-db", "-q", "-f", str(config)])
    try:
        yield front_port
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
async def test_an_upload_through_haproxy_bears_the_real_peer(
    school: Any, haproxy: str, tmp_path: Path, option: str
) -> None:
    """The log and the ledger must say from where a file came, not through what."""
    with running_haproxy(haproxy, tmp_path, school.port, option) as port:

        def accepts() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        await school.until(accepts, "HAProxy")
        connection = await school.connect(source=LISTED, port=port)
        sftp = await connection.start_sftp_client()
        async with sftp.open("/SPRINGFIELD/incoming/student_billing.csv", "wb") as file:
            await file.write(b"a,b\n1,2\n")
    received = await school.until_event("upload_received")
    assert received["peer"] == LISTED
    assert school.notes()[0].peer == LISTED
