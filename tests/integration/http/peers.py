"""Peers of the HTTP server: what they send, and what comes back."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingestd.service.http.server import HttpServer

PATIENCE = 20.0


@asynccontextmanager
async def running(server: HttpServer) -> AsyncIterator[HttpServer]:
    """Run a server."""
    await server.start()
    task = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        await server.stop()
        await task


async def ask(port: int, *pieces: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Send some bytes; return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    for piece in pieces:
        writer.write(piece)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()


def get(path: str = "/", *headers: str) -> bytes:
    """Return a request after which the server closes."""
    lines = (f"GET {path} HTTP/1.1", "Host: here", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode()


def post(*headers: str) -> bytes:
    """Return the head of a request that brings a body."""
    lines = ("POST /count HTTP/1.1", "Host: here", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode()


def status(answer: bytes) -> int:
    """Return the status of an answer."""
    return int(answer.split(b" ", 2)[1])
