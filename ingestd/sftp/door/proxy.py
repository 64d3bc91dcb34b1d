"""PROXY protocol: the real peer behind a load balancer, read before one byte of SSH."""

from __future__ import annotations

import asyncio
import socket

from ingestd.access.allowlist import Address
from ingestd.access.proxy_header import BytesWanted, ProxyFault, read_proxy_header

HEADER_SECONDS = 5.0


class ProxyHeaderError(Exception):
    """A configured balancer did not say, in time and in either version, whom it speaks for.

    `fault` is a ProxyFault, or tells how the header stayed out.
    """

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


async def read_peer(sock: socket.socket) -> Address | None:
    """Return the address that the header names; None when the balancer speaks for itself.

    That is how balancers ask whether we are alive. Not one byte behind the header is read.
    Raises ProxyHeaderError.
    """
    try:
        async with asyncio.timeout(HEADER_SECONDS):
            return await _read_header(sock)
    except TimeoutError as error:
        raise ProxyHeaderError("too_late") from error
    except OSError as error:
        raise ProxyHeaderError("connection_lost") from error


async def _read_header(sock: socket.socket) -> Address | None:
    loop = asyncio.get_running_loop()
    received = b""
    while isinstance(verdict := read_proxy_header(received), BytesWanted):
        piece = await loop.sock_recv(sock, verdict.count)
        if not piece:
            raise ProxyHeaderError("cut_off" if received else "absent")
        received += piece
    if isinstance(verdict, ProxyFault):
        raise ProxyHeaderError(verdict.value)
    return verdict.address
