"""One connection: it logs in, opens SFTP channels, and is closed when it must be."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import asyncssh

from ingestd.access.allowlist import Address
from ingestd.sftp.bounds.flow import CHANNEL_BYTES, Budget, Share
from ingestd.sftp.door.login import Door, Login
from ingestd.sftp.internals.channels import SftpSession, open_channel
from ingestd.sftp.requests.answers import answered
from ingestd.sftp.requests.file_server import FileServer
from ingestd.sftp.requests.tree_server import SessionHold
from ingestd.sftp.uploads.losses import Loss
from ingestd.sftp.uploads.staged_upload import Sender
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.identifiers import AccountId

# A client may rename what it has just uploaded: so long a silence counts as "finished".
_QUIET_SECONDS = 1.0


class Session(Login):
    """One connection from an admitted address, from its first byte to its last.

    `on_lost` is called once, when the connection is gone; `ended` is set once its uploads
    have ended too.
    """

    def __init__(self, door: Door, address: Address, on_lost: Callable[[Session], None]) -> None:
        self._session_id = secrets.token_hex(4)
        log = get_logger("ingestd.sftp").bind(session_id=self._session_id, peer=str(address))
        super().__init__(door, address, log)
        self.ended = asyncio.Event()
        self._on_lost = on_lost
        self._connection: asyncssh.SSHServerConnection | None = None
        self._hold: SessionHold | None = None
        self._opened = 0.0
        self._lost = False
        self._channels_open = 0
        self._channels_serving = 0
        self._channels: list[SftpSession] = []
        self._windows = Budget(door.limits.connection_windows_bytes, within=door.windows)
        loop = asyncio.get_running_loop()
        # Not asyncssh's own login timer: that one ends a connection without a reason.
        self._timer = loop.call_later(door.limits.login_seconds, self.close, "login_timeout")

    # The connection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Take the connection, or end it if the door closed meanwhile."""
        self._connection = conn
        if self._closing is not None:
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the door; the log hears of it once the channels have ended their uploads."""
        self._lost = True
        self._timer.cancel()
        try:
            if self._hold is None:
                self._end_unauthenticated(exc)
            elif self._closing is None:
                self._closing = "client" if exc is None else "connection_lost"
        finally:
            # Of a channel that never came to be, nobody else hears that it is gone.
            for channel in self._channels:
                channel.release_unopened()
            self._on_lost(self)
            self._end_if_over()

    def abandon(self) -> None:
        """End a session whose connection never came to be."""
        if not self._lost:
            self.connection_lost(None)

    def close(self, reason: str, *, message: str = "", loss: Loss | None = None) -> None:
        """Close the connection now. With `loss`, no open upload becomes whole any more."""
        self._closing = self._closing or reason
        if self._hold is not None and loss is not None:
            self._hold.ending = loss
        if self._connection is None:
            return
        if message:
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, message)
        else:
            self._connection.abort()

    def review(self) -> None:
        """Close the session if the rules in force would not let it in any more."""
        authenticator = self._door.authenticator
        if self._hold is None or self._proof is None:
            admitted = authenticator.admits_address(self.address)
        else:
            admitted = authenticator.still_admits(self._user_name, self.address, self._proof)
        if not admitted:
            self.close("no_longer_admitted", loss=Loss.SESSION_CLOSED)

    def drain(self) -> bool:
        """Begin no more uploads. True when nothing is under way any more."""
        if self._hold is None:
            return True
        self._hold.draining = True
        return not self._hold.open_uploads and self._hold.quiet_seconds() >= _QUIET_SECONDS

    # After the login

    def auth_completed(self) -> None:
        """Open the session, unless the rules changed while the client logged in."""
        connection, proof, user_name = self._connection, self._proof, self._user_name
        if (
            connection is None
            or proof is None
            or connection.get_extra_info("username") != user_name
            or not self._door.authenticator.still_admits(user_name, self.address, proof)
        ):
            self.close("no_longer_admitted")
            return
        sender = Sender(
            account=AccountId(user_name),
            session_id=self._session_id,
            peer=str(self.address),
            key_fingerprint=proof.key_fingerprint,
            client_version=connection.get_extra_info("client_version"),
        )
        self._door.bans.forgive_keys(self.address, user_name)
        self._log = self._log.bind(account=user_name)
        self._hold = SessionHold(
            sender=sender,
            log=self._log,
            metrics=self._door.metrics,
            max_open_files=self._door.limits.max_open_files,
            windows=self._windows,
        )
        self._opened = self._door.clock.monotonic()
        self._timer.cancel()
        self._close_when_idle(self._hold)
        self._door.metrics.sessions_open.inc()
        self._log.info(
            Event.SESSION_OPENED,
            key_fingerprint=sender.key_fingerprint,
            key_label=proof.key_label,
            client_version=sender.client_version,
        )

    def session_requested(
        self,
    ) -> bool | tuple[asyncssh.SSHServerChannel[bytes], SftpSession]:
        """Open one more channel, on which nothing but SFTP can be started."""
        full = self._channels_open >= self._door.limits.max_sessions_per_connection
        if self._connection is None or self._hold is None or full:
            return False
        place = Share(self._door.channels)
        # The first is always given: whatever others hold, nobody is kept out.
        if self._channels_open and not place.grow(CHANNEL_BYTES):
            return False
        self._channels_open += 1
        channel, session = open_channel(self._connection, self, place, Share(self._windows))
        self._channels = [*(kept for kept in self._channels if not kept.is_over), session]
        return channel, session

    async def make_server(self, channel: asyncssh.SSHServerChannel[bytes]) -> FileServer:
        """Return the server of a channel, with the account's folders in place."""
        door, hold = self._door, self._hold
        if hold is None:
            raise asyncssh.SFTPPermissionDenied("not logged in")
        account = hold.sender.account
        # As a rule they are there, and to look costs less than a thread that is woken for it.
        if not door.folders.exist_for(account):
            with answered(self._log):
                await asyncio.to_thread(door.folders.create_for, account)
        return FileServer(channel, hold=hold, uploads=door.uploads)

    def channel_started(self) -> None:
        """Count a channel that serves SFTP."""
        self._channels_serving += 1

    def channel_ended(self) -> None:
        """Count a channel whose uploads have all ended."""
        self._channels_serving -= 1
        self._end_if_over()

    def channel_closed(self) -> None:
        """Count a channel less."""
        self._channels_open -= 1

    def _end_if_over(self) -> None:
        if not self._lost or self._channels_serving or self.ended.is_set():
            return
        self.ended.set()
        if self._hold is None:
            return
        self._door.metrics.sessions_open.dec()
        self._log.info(
            Event.SESSION_CLOSED,
            reason=self._closing,
            uploads=self._hold.uploads_received,
            duration_ms=round((self._door.clock.monotonic() - self._opened) * 1000),
        )

    def _close_when_idle(self, hold: SessionHold) -> None:
        left_seconds = self._door.limits.idle_seconds - hold.quiet_seconds()
        if left_seconds <= 0:
            self.close("idle", message="idle for too long", loss=Loss.SESSION_CLOSED)
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(left_seconds, self._close_when_idle, hold)
