"""What the door relies on of asyncssh's channels, beyond what asyncssh promises.

asyncssh takes in whatever a window allows, in pieces as small as the client likes, and answers
as fast as it can, whether or not the client reads. So the channel and its session are ours.
Tried against asyncssh 2.24.1; `test_stalled_clients.py` tells when a release changes this.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

import asyncssh
from asyncssh.channel import SSHServerChannel
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.misc import (
    BreakReceived,
    MaybeAwait,
    SignalReceived,
    SoftEOFReceived,
    TerminalSizeChanged,
)
from asyncssh.packet import SSHPacket, UInt32
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from ingestd.sftp.bounds.flow import (
    UNREAD_BYTES_MAX,
    WINDOW_BYTES,
    WINDOW_BYTES_FULL,
    Gate,
    Inbox,
    PacketTooLongError,
    Share,
    decide_window_bytes,
)
from ingestd.sftp.internals.connections import DoorConnection
from ingestd.sftp.internals.packets import ChannelServer, SftpHandler

_UNREAD = "unread"
_CHANNEL_PACKET_BYTES = 32 * 1024
_CLIENT_PACKET_BYTES_MIN = 1024
# After so many requests of one channel, everybody else has a turn.
_REQUESTS_IN_A_ROW = 32
# Out-of-band channel requests reach a reader as exceptions. To SFTP they mean its end.
_CHANNEL_REQUESTS = (BreakReceived, SignalReceived, SoftEOFReceived, TerminalSizeChanged)


class ChannelOwner(Protocol):
    """What a channel needs of the connection that it belongs to."""

    async def make_server(self, channel: asyncssh.SSHServerChannel[bytes]) -> ChannelServer:
        """Return the server that answers the channel. Raises SFTPError to refuse."""

    def channel_started(self) -> None:
        """Hear that SFTP was started on a channel."""

    def channel_ended(self) -> None:
        """Hear that a started channel has cleaned up."""

    def channel_closed(self) -> None:
        """Hear that a channel is closed, started or not."""


class DoorChannel(SSHServerChannel[bytes]):
    """A channel that hands everything on at once, and whose window its session opens.

    Relies on: `_accept_data` being where data within the window goes; `_recv_window` being how
    much more the client may send.
    """

    def __init__(self, connection: DoorConnection) -> None:
        super().__init__(
            connection,
            asyncio.get_running_loop(),
            allow_pty=False,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors="strict",
            window=WINDOW_BYTES,
            max_pktsize=_CHANNEL_PACKET_BYTES,
        )
        self.set_write_buffer_limits(high=UNREAD_BYTES_MAX)

    @property
    def window_bytes(self) -> int:
        """How much more the client may send."""
        return self._recv_window

    def open_window(self, more_bytes: int) -> None:
        """Let the client send more."""
        self._recv_window += more_bytes
        self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(more_bytes))

    def process_open(
        self, send_chan: int, send_window: int, send_pktsize: int, session: MaybeAwait[Any]
    ) -> None:
        """Open the channel, unless an answer would be cut into a flood of packets."""
        if send_pktsize < _CLIENT_PACKET_BYTES_MIN:
            raise asyncssh.ProtocolError("packets too small")
        super().process_open(send_chan, send_window, send_pktsize, session)

    def _accept_data(self, data: bytes, datatype: int | None = None) -> None:
        if data and not self.is_closing():
            self._recv_window -= len(data)
            self._session.data_received(data, datatype)

    def _process_env_request(self, _packet: SSHPacket) -> bool:
        return False  # nothing here reads variables, and they would be kept without end


def open_channel(
    connection: asyncssh.SSHServerConnection, owner: ChannelOwner, place: Share, window: Share
) -> tuple[DoorChannel, SftpSession]:
    """Return one more channel of a connection. Both shares are given back when it has ended."""
    return DoorChannel(cast(DoorConnection, connection)), SftpSession(owner, place, window)


class SftpSession(SSHServerStreamSession[bytes]):
    """A channel on which SFTP is spoken, and nothing else: no shell, no exec, no pty.

    Requests wait in its inbox, and the client sends no more than its window until they are
    taken. They are taken one by one, and none while answers wait for the client.

    Relies on: `session_started` being called after an accepted subsystem request, and on
    `_chan` and `_conn` being set by then; out-of-band requests coming to `exception_received`;
    `_connection_lost` telling that `connection_lost` was called.
    """

    def __init__(self, owner: ChannelOwner, place: Share, window: Share) -> None:
        super().__init__(None)
        self._owner = owner
        self._place = place
        self._window = window
        self._inbox = Inbox()
        self._gate = Gate()
        self._window_bytes = WINDOW_BYTES
        self._taken_bytes = 0
        self._requests = 0
        self._serving = False

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Keep what arrived until it is taken."""
        self._inbox.add(data)
        self._open_window()

    def eof_received(self) -> bool:
        """End the inbox, and leave the channel open for the answers."""
        self._inbox.end()
        return super().eof_received()

    def exception_received(self, exc: Exception) -> None:
        """End the inbox: to SFTP an out-of-band request means that."""
        self._inbox.end(exc)

    def pause_writing(self) -> None:
        """Take no more requests while answers wait for the client."""
        self._gate.shut(_UNREAD)

    def resume_writing(self) -> None:
        """Take requests again."""
        self._gate.open(_UNREAD)

    @property
    def is_deaf(self) -> bool:
        """Whether no answer reaches the client any more."""
        return self._chan is None or self._chan.is_closing()

    async def next_packet(self) -> bytes:
        """Return the client's next packet, once what was answered before is on its way.

        Raises EOFError at the end, SFTPBadMessage, and the exception of an out-of-band request.
        """
        await self._wait_until_read()
        try:
            packet = await self._inbox.packet()
        except PacketTooLongError as error:
            raise asyncssh.SFTPBadMessage("packet too long") from error
        self._taken_bytes += len(packet)
        self._open_window()
        return packet

    async def _wait_until_read(self) -> None:
        gates = self._gate, cast(DoorConnection, self._conn).gate
        self._requests += 1
        if self._requests % _REQUESTS_IN_A_ROW == 0:
            await asyncio.sleep(0)
        while not all(gate.is_open for gate in gates):
            for gate in gates:
                await gate.wait_until_open()

    def _open_window(self) -> None:
        """Let the client send on; more at once when it has shown that it sends much."""
        channel = cast(DoorChannel, self._chan)
        more_bytes = decide_window_bytes(
            full_bytes=self._window_bytes,
            open_bytes=channel.window_bytes,
            kept_bytes=self._inbox.kept_bytes,
        )
        if not more_bytes:
            return
        growth_bytes = WINDOW_BYTES_FULL - self._window_bytes
        if growth_bytes and self._taken_bytes >= WINDOW_BYTES and self._window.grow(growth_bytes):
            self._window_bytes = WINDOW_BYTES_FULL
            more_bytes += growth_bytes
        channel.open_window(more_bytes)

    def pty_requested(self, *_request: object) -> bool:
        """Refuse a terminal."""
        return False

    def shell_requested(self) -> bool:
        """Refuse a shell."""
        return False

    def exec_requested(self, command: str) -> bool:
        """Refuse a command."""
        return False

    def subsystem_requested(self, subsystem: str) -> bool:
        """Accept SFTP only."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Serve SFTP until the channel ends."""
        channel, connection = self._chan, self._conn
        if channel is None or connection is None:
            return
        reader = SSHReader[bytes](self, channel)
        writer = SSHWriter[bytes](self, channel)
        self._serving = True
        self._owner.channel_started()
        connection.create_task(self._serve(reader, writer), reader.logger)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the channel's place back."""
        self._inbox.end(exc)
        self._gate.open_for_good()
        super().connection_lost(exc)
        self._release_if_over()
        self._owner.channel_closed()

    @property
    def is_over(self) -> bool:
        """Whether the channel is lost and served no more."""
        return self._connection_lost and not self._serving

    def release_unopened(self) -> None:
        """Give the place back of a channel that was asked for and never came to be."""
        if self._chan is None:
            self._release()

    def _release_if_over(self) -> None:
        # Answers may wait on a channel that is served no more, and requests on one that is lost.
        if self.is_over:
            self._release()

    def _release(self) -> None:
        self._place.release()
        self._window.release()

    async def _serve(self, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        try:
            await self._run_handler(reader, writer)
        finally:
            self._serving = False
            self._release_if_over()
            self._owner.channel_ended()

    async def _run_handler(self, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        channel = cast("asyncssh.SSHServerChannel[bytes]", writer.channel)
        try:
            server = await self._owner.make_server(channel)
        except asyncssh.SFTPError:
            channel.exit(1)
            return
        handler = SftpHandler(server, self, reader, writer)
        try:
            await handler.run()
        except (*_CHANNEL_REQUESTS, EOFError):
            # This channel ends; the connection and its other channels go on.
            return
        finally:
            await handler.finish()
