"""The door itself: it listens, turns away who may not come in, and drains when it closes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Coroutine, Sequence

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Address, Network, parse_address
from ingestd.access.keeper import AccessKeeper
from ingestd.sftp.bounds.bans import Bans
from ingestd.sftp.bounds.flow import Budget
from ingestd.sftp.bounds.limits import ConnectionCount, DoorLimits
from ingestd.sftp.door.authentication import Authenticator
from ingestd.sftp.door.host_keys import load_or_create_host_keys
from ingestd.sftp.door.login import Door
from ingestd.sftp.door.protocol import connection_options
from ingestd.sftp.door.proxy import ProxyHeaderError, read_peer
from ingestd.sftp.door.session import Session
from ingestd.sftp.door.sockets import bind_all
from ingestd.sftp.internals.connections import serve_connection
from ingestd.sftp.uploads.announcing import OtherNodes
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.sftp.uploads.staged_upload import sweep_staging
from ingestd.spool.folders import Folders
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import Clock

_log = get_logger("ingestd.sftp")

_ACCEPT_PAUSE_SECONDS = 0.5
_DRAIN_LOOK_SECONDS = 0.05
# After the connections are cut, their uploads are still noted as interrupted: disk work only.
_CLEAN_UP_SECONDS = 5.0


class SftpDoor:
    """Accepts SFTP connections from listed addresses, and keeps what they upload."""

    def __init__(
        self,
        *,
        listen: Sequence[tuple[str, int]],
        folders: Folders,
        keeper: AccessKeeper,
        limits: DoorLimits,
        clock: Clock,
        metrics: Metrics,
        proxies: Sequence[Network] = (),
        others: OtherNodes = OtherNodes(),  # noqa: B008 - it is frozen
    ) -> None:
        self._listen = tuple(listen)
        self._proxies = tuple(proxies)
        self._keeper = keeper
        self._door = Door(
            folders=folders,
            limits=limits,
            clock=clock,
            metrics=metrics,
            authenticator=Authenticator(keeper),
            bans=Bans(limits, clock),
            uploads=Uploads(
                folders=folders,
                keeper=keeper,
                limits=limits,
                clock=clock,
                metrics=metrics,
                others=others,
            ),
            channels=Budget(limits.channels_bytes),
            windows=Budget(limits.windows_bytes),
        )
        self._count = ConnectionCount(limits)
        self._nameless = 0  # connections of which the balancer has not said whose they are
        self._sessions: set[Session] = set()
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def uploads(self) -> Uploads:
        """How uploads begin and end, for whoever takes files in another way."""
        return self._door.uploads

    @property
    def bans(self) -> Bans:
        """Whom this door turns away."""
        return self._door.bans

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The hosts and ports that are listened on; a port asked for as 0 is told as it is."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    @property
    def listening(self) -> bool:
        """Whether every socket accepts connections now."""
        return bool(self._accepting) and not any(task.done() for task in self._accepting)

    async def start(self) -> None:
        """Listen. Host keys are there afterwards, and what a crash left in staging is gone.

        Raises ListenError and StorageError, each with one line that says what to do.
        """
        folders = self._door.folders
        keys = await asyncio.to_thread(load_or_create_host_keys, folders.host_keys)
        await asyncio.to_thread(sweep_staging, folders)
        self._options = await connection_options(keys, self._door.limits)
        self._sockets = bind_all(self._listen)
        self._loop = asyncio.get_running_loop()
        self._keeper.on_change(self._on_access_changed)
        self._accepting = [asyncio.create_task(self._accept(sock)) for sock in self._sockets]
        places = [
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses
        ]
        _log.info(Event.SFTP_LISTENING, addresses=places)

    async def stop(self, deadline_seconds: float) -> None:
        """Stop accepting, let uploads under way end until the deadline, then cut the rest off.

        Afterwards no connection is open, and what was cut off is noted as interrupted.
        """
        deadline = self._door.clock.monotonic() + deadline_seconds
        await self._stop_accepting()
        while self._sessions and self._door.clock.monotonic() < deadline:
            for session in list(self._sessions):
                if session.drain():
                    session.close("stopping", message="the server is stopping")
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        for session in list(self._sessions):
            session.close("stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLEAN_UP_SECONDS):
                await asyncio.gather(*self._tasks)
        self._door.authenticator.close()

    async def _stop_accepting(self) -> None:
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        self._accepting = []
        for sock in self._sockets:
            sock.close()
        self._sockets = []

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, source = await loop.sock_accept(listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                # Out of descriptors or memory, as a rule; both come back.
                _log.error(Event.CONNECTION_REFUSED, reason=errno.errorcode.get(error.errno or 0))
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            sock.setblocking(False)
            address = parse_address(source[0])
            if not any(address in network for network in self._proxies):
                self._admit(sock, address)
            elif self._nameless >= self._door.limits.max_connections:
                self._refuse(sock, address, "too_many_connections")
            else:
                self._nameless += 1
                self._start(self._admit_proxied(sock, address))

    async def _admit_proxied(self, sock: socket.socket, balancer: Address) -> None:
        """Admit the peer that a balancer speaks for; every rule and log line means that peer."""
        try:
            address = await read_peer(sock)
        except ProxyHeaderError as error:
            self._refuse(sock, balancer, "proxy_header_missing", detail=error.fault)
            return
        except asyncio.CancelledError:
            sock.close()
            raise
        finally:
            self._nameless -= 1
        if address is None:
            sock.close()  # the balancer's own health check: it got its connection
            return
        self._admit(sock, address)

    def _admit(self, sock: socket.socket, address: Address) -> None:
        """Begin a session, or close the socket without having sent one byte."""
        reason = self._refusal(address)
        if reason is not None:
            self._refuse(sock, address, reason)
            return
        self._count.add(address)
        session = Session(self._door, address, self._forget)
        self._sessions.add(session)
        self._start(self._run(session, sock))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse(self, sock: socket.socket, address: Address, reason: str, **context: str) -> None:
        sock.close()
        self._door.metrics.connections_refused.labels(reason=reason).inc()
        _log.warning(Event.CONNECTION_REFUSED, peer=str(address), reason=reason, **context)

    def _refusal(self, address: Address) -> str | None:
        decision = self._keeper.current.allowlist.decide(address)
        if not decision.admitted:
            return decision.reason
        if self._door.bans.is_banned(address):
            return "banned"
        return self._count.refusal(address)

    async def _run(self, session: Session, sock: socket.socket) -> None:
        try:
            await serve_connection(sock, self._options, session)
        except OSError:
            sock.close()
            session.abandon()
        await session.ended.wait()

    def _forget(self, session: Session) -> None:
        self._sessions.discard(session)
        self._count.remove(session.address)

    def _on_access_changed(self, _access: Access) -> None:
        # Called from whichever thread read the new rules, also after this door has closed.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._review_sessions)

    def _review_sessions(self) -> None:
        for session in list(self._sessions):
            session.review()
