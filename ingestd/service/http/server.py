"""The HTTP server: one port in the daemon's loop, and whatever application answers there."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from ingestd.config.judging.values import ListenAddress, Network
from ingestd.service.http.bounds import Bounds
from ingestd.service.http.connections import HEAD_SECONDS, Connection
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import ListenError

_BACKLOG = 128
_IDLE_SECONDS = 5
_LEAVE_SECONDS = 2

log = get_logger("ingestd.http")


class HttpServer:
    """Listens on one address, plainly or by TLS. Source: the contract, section 8."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        listen: ListenAddress,
        tls: ssl.SSLContext | None,
        trusted_proxies: Sequence[Network],
    ) -> None:
        self.port = listen.port
        self._listen = listen
        self._tls = tls
        self._server = _Server(
            uvicorn.Config(
                Bounds(app),
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",  # what it warns of is how scanners write
                access_log=False,
                server_header=False,
                # Whoever is no proxy of ours could say that it comes from anywhere.
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=[str(network) for network in trusted_proxies],
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=_LEAVE_SECONDS,
            ),
            tls,
        )

    async def start(self) -> None:
        """Listen. Raises ListenError when the address cannot be had."""
        try:
            sockets = await asyncio.to_thread(_bind, self._listen)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise ListenError(
                f"Cannot listen on {self._listen} for HTTP: {reason}. "
                "Stop what uses it, or change [http] listen.",
                detail=repr(error),
            ) from error
        host, self.port = sockets[0].getsockname()[:2]
        await self._server.startup(sockets)
        address = str(ListenAddress(host=host, port=self.port))
        log.info(Event.HTTP_LISTENING, address=address, port=self.port, tls=self._tls is not None)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.main_loop()

    async def stop(self) -> None:
        """Stop listening and finish the answers that are under way."""
        self._server.should_exit = True
        if self._server.started:
            await self._server.shutdown()


class _Server(uvicorn.Server):
    """uvicorn's, in a loop that is not its own: it takes no signals, and no port by itself."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer on sockets that are bound."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                lambda: Connection(self.config, self.server_state, self.lifespan.state),
                sock=bound,
                ssl=self._tls,
                ssl_handshake_timeout=HEAD_SECONDS if self._tls else None,
                backlog=_BACKLOG,
            )
            for bound in sockets or ()
        ]
        self.started = True


def _bind(listen: ListenAddress) -> list[socket.socket]:
    """Return a socket for each address that the host's name stands for. Raises OSError."""
    found = socket.getaddrinfo(
        listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            bound.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound
