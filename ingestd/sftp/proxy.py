"""PROXY protocol: the real peer behind a load balancer, read before one byte of SSH.

Source: The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`).
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address

from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.detect import ProxyProtocolDetect
from proxyprotocol.result import ProxyResult

from ingestd.access.allowlist import Address, plain_address

HEADER_SECONDS = 5.0
_LINE_BYTES_MAX = 107  # version 1: the longest line that the specification allows

_PROTOCOL = ProxyProtocolDetect()


class ProxyHeaderError(Exception):
    """A configured balancer did not say, in time and in either version, whom it speaks for."""


async def read_peer(sock: socket.socket) -> Address | None:
    """Return the address that the header names; None when the balancer speaks for itself.

    That is how balancers ask whether we are alive. Not one byte behind the header is read.
    Raises ProxyHeaderError.
    """
    try:
        async with asyncio.timeout(HEADER_SECONDS):
            result = await _read_header(sock)
    except TimeoutError as error:
        raise ProxyHeaderError("no header in time") from error
    except (ValueError, OSError, EOFError) as error:
        raise ProxyHeaderError("no header") from error
    source = result.source
    if isinstance(source, tuple) and isinstance(source[0], IPv4Address | IPv6Address):
        return plain_address(source[0])
    if result.proxied:
        raise ProxyHeaderError("no address")
    return None


async def _read_header(sock: socket.socket) -> ProxyResult:
    header = b""
    while True:
        try:
            return _PROTOCOL.unpack(header)
        except ProxyProtocolIncompleteError as incomplete:
            want = incomplete.want_read
        if want.want_bytes is not None:
            header += await _read_exactly(sock, want.want_bytes)
        elif len(header) < _LINE_BYTES_MAX:
            header += await _read_exactly(sock, 1)
        else:
            raise ValueError("the line does not end")


async def _read_exactly(sock: socket.socket, count: int) -> bytes:
    loop = asyncio.get_running_loop()
    content = b""
    while len(content) < count:
        piece = await loop.sock_recv(sock, count - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content
