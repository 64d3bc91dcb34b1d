"""Behind a load balancer: the peer that counts is the real one, and only balancers can name it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ingestd.access.accounts import Access
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.door.proxy import HEADER_SECONDS

BALANCER = "127.0.0.50"
LISTED, UNLISTED = "127.0.0.77", "127.0.0.78"
PATIENCE_SECONDS = 15.0

VERSIONS = [1, 2]
BEGIN_V2 = b"\r\n\r\n\0\r\nQUIT\n"
HEALTH_CHECK = BEGIN_V2 + b"\x20\x00\x00\x00"


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


def header(version: int, peer: str) -> bytes:
    if version == 1:
        return f"PROXY TCP4 {peer} 127.0.0.1 50000 2222\r\n".encode()
    sides = IPv4Address(peer).packed + IPv4Address("127.0.0.1").packed + b"\xc3\x50\x08\xae"
    return BEGIN_V2 + b"\x21\x11" + len(sides).to_bytes(2, "big") + sides


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_listed_peer_behind_the_balancer_is_admitted(school: Any, version: int) -> None:
    """The allowlist must go on working when a balancer is put in front."""
    answer = await asyncio.to_thread(answer_to, school.port, header(version, LISTED))
    assert answer.startswith(b"SSH-2.0-")


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_unlisted_peer_behind_the_balancer_gets_no_byte(
    school: Any, version: int
) -> None:
    """A balancer must not open the door to the whole internet."""
    answer = await asyncio.to_thread(answer_to, school.port, header(version, UNLISTED))
    assert answer == b""
    refused = await school.until_event("connection_refused")
    assert (refused["peer"], refused["reason"]) == (UNLISTED, "not_listed")


@pytest.mark.parametrize("version", VERSIONS)
async def test_nobody_else_can_name_a_peer(school: Any, version: int) -> None:
    """Anybody could write a listed address into a header."""
    answer = await asyncio.to_thread(answer_to, school.port, header(version, LISTED), UNLISTED)
    assert answer == b""
    assert (await school.until_event("connection_refused"))["peer"] == UNLISTED


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "not_a_header", id="no header"),
        pytest.param(b"PROXY TCP4 " + b"1" * 200, "too_long", id="endless line"),
        pytest.param(b"PROXY TCP4 a b c d\r\n", "line_invalid", id="no addresses"),
        pytest.param(b"PROXY UNKNOWN\r\n", "no_address", id="unknown peer"),
        pytest.param(BEGIN_V2 + b"\x21\x11\x00\x0c", "cut_off", id="cut off"),
        pytest.param(BEGIN_V2 + b"\x21\x12\x00\x0c" + bytes(12), "not_tcp", id="udp"),
        pytest.param(
            BEGIN_V2 + b"\x21\x11\x00\x13" + bytes(12) + b"\x03\x00\x04\0\0\0\0",
            "checksum_wrong",
            id="checksum",
        ),
        pytest.param(BEGIN_V2 + b"\x21\x11\xff\xff" + bytes(9), "too_long", id="too long"),
        pytest.param(b"", "absent", id="nothing"),
    ],
)
async def test_a_balancer_that_names_no_peer_is_refused(
    school: Any, content: bytes, fault: str
) -> None:
    """Without the real peer no rule could be applied: so nobody gets in."""

    def send_and_close() -> bytes:
        with socket.create_connection(
            ("127.0.0.1", school.port), 10, source_address=(BALANCER, 0)
        ) as sock:
            # The door may be quicker than whoever says goodbye to it.
            with contextlib.suppress(OSError):
                sock.sendall(content)
                sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                return sock.recv(100)
        return b""

    assert await asyncio.to_thread(send_and_close) == b""
    refused = await school.until_event("connection_refused")
    assert (refused["peer"], refused["reason"]) == (BALANCER, "proxy_header_missing")
    assert refused["detail"] == fault


@pytest.mark.parametrize("content", [b"", b"PROXY TCP4 127.0.0", BEGIN_V2])
async def test_a_header_that_does_not_come_to_its_end_is_not_waited_for(
    school: Any, content: bytes
) -> None:
    """Connections of which nobody knows whose they are must not pile up."""
    answer = await asyncio.wait_for(
        asyncio.to_thread(answer_to, school.port, content), HEADER_SECONDS + PATIENCE_SECONDS
    )
    assert answer == b""
    refused = await school.until_event("connection_refused")
    assert (refused["reason"], refused["detail"]) == ("proxy_header_missing", "too_late")


async def test_a_connection_that_dies_in_its_header_is_refused(school: Any) -> None:
    """A balancer that is restarted resets what it had begun."""
    with socket.create_connection(
        ("127.0.0.1", school.port), 10, source_address=(BALANCER, 0)
    ) as sock:
        sock.sendall(b"PROXY")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    refused = await school.until_event("connection_refused")
    assert refused["detail"] == "connection_lost"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_header_may_come_byte_by_byte(school: Any, version: int) -> None:
    """A network cuts where it likes."""

    def dribble() -> bytes:
        with socket.create_connection(
            ("127.0.0.1", school.port), 10, source_address=(BALANCER, 0)
        ) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header(version, LISTED):
                sock.sendall(bytes([byte]))
            return sock.recv(100)

    assert (await asyncio.to_thread(dribble)).startswith(b"SSH-2.0-")


async def test_connections_without_a_name_are_limited(open_door: Any, allow: Any) -> None:
    """They count before anybody can say whose they are."""
    school = await open_door(
        access=Access(accounts={}, allowlist=allow(LISTED)),
        proxies=(f"{BALANCER}/32",),
        limits=DoorLimits(max_connections=3),
    )
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(
                socket.create_connection(
                    ("127.0.0.1", school.port), 10, source_address=(BALANCER, 0)
                )
            )
        refused = await school.until_event("connection_refused")
    assert (refused["peer"], refused["reason"]) == (BALANCER, "too_many_connections")


async def test_a_health_check_of_the_balancer_is_no_refusal(school: Any) -> None:
    """It comes every second, and must not fill the log."""
    assert await asyncio.to_thread(answer_to, school.port, HEALTH_CHECK) == b""
    assert school.events("connection_refused") == []


async def test_what_follows_the_header_in_one_packet_is_not_lost(school: Any) -> None:
    """Some balancers send the client's first bytes together with the header."""
    together = header(2, LISTED) + b"SSH-2.0-test\r\n"

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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate with its key, as HAProxy wants them: in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "district.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        signed.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


@contextlib.contextmanager
def running_haproxy(
    program: str, folder: Path, port: int, option: str, *, bind: str = ""
) -> Iterator[int]:
    """Run a real HAProxy in front of the door; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        front_port = int(probe.getsockname()[1])
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
        f"listen sftp\n bind 127.0.0.1:{front_port} {bind}\n source {BALANCER}\n"
        " unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt\n"
        f" server door 127.0.0.1:{port} {option}\n"
    )
    process = subprocess.Popen([program, "-db", "-q", "-f", str(config)])
    try:
        yield front_port
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


OPTIONS = [
    "send-proxy",
    "send-proxy-v2",
    "send-proxy-v2 proxy-v2-options crc32c",
    "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority",
    "send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id,cert-sig,cert-key,ssl-cipher",
]


@pytest.mark.parametrize("option", OPTIONS)
async def test_an_upload_through_haproxy_bears_the_real_peer(
    school: Any, haproxy: str, tmp_path: Path, option: str
) -> None:
    """The log and the ledger must say from where a file came, not through what."""
    with running_haproxy(haproxy, tmp_path, school.port, option) as port:
        await school.until(lambda: is_open(port), "HAProxy")
        connection = await school.connect(source=LISTED, port=port)
        sftp = await connection.start_sftp_client()
        async with sftp.open("/SPRINGFIELD/incoming/student_billing.csv", "wb") as file:
            await file.write(b"a,b\n1,2\n")
    received = await school.until_event("upload_received")
    assert received["peer"] == LISTED
    assert school.notes()[0].peer == LISTED


@pytest.mark.parametrize("option", OPTIONS[-1:])
async def test_what_haproxy_tells_of_tls_is_taken(
    school: Any, haproxy: str, certificate: Path, tmp_path: Path, option: str
) -> None:
    """Names and ciphers of a TLS front come as values within values."""
    bind = f"ssl crt {certificate}"
    with running_haproxy(haproxy, tmp_path, school.port, option, bind=bind) as port:
        await school.until(lambda: is_open(port), "HAProxy")

        def banner() -> bytes:
            context = ssl.create_default_context(cafile=str(certificate))
            context.check_hostname = False
            with (
                socket.create_connection(("127.0.0.1", port), 10, (LISTED, 0)) as sock,
                context.wrap_socket(sock) as tls,
            ):
                return tls.recv(100)

        assert (await asyncio.to_thread(banner)).startswith(b"SSH-2.0-")


async def test_health_checks_of_haproxy_are_no_refusals(
    school: Any, haproxy: str, tmp_path: Path
) -> None:
    """They come several times a second here, and must not fill the log."""
    option = "send-proxy-v2 check inter 50ms"
    with running_haproxy(haproxy, tmp_path, school.port, option) as port:
        await school.until(lambda: is_open(port), "HAProxy")
        for _ in range(5):
            connection = await school.connect(source=LISTED, port=port)
            connection.close()
            await connection.wait_closed()
    refused = [line for line in school.events("connection_refused") if line["peer"] == BALANCER]
    assert refused == []
