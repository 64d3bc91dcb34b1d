"""What the door relies on of asyncssh's SFTP server, beyond what asyncssh promises.

asyncssh calls `SFTPServer.close()` both for a client's CLOSE and when a session dies with the
handle open, and no public attribute tells them apart in every case. So the packet handler is
ours. Tried against asyncssh 2.24.1; `test_upload_endings.py` has one canary per way in which an
upload can end, so that a release that changes this fails loudly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import asyncssh
from asyncssh.constants import FXP_OPENDIR, FXP_READ, FXP_READDIR, FXP_WRITE
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPLimits, SFTPServerHandler
from asyncssh.stream import SSHReader, SSHWriter

# What OpenSSH serves too: every client speaks version 3, and later ones add only ways to err.
_SFTP_VERSION = 3
_PACKET_BYTES_MAX = 256 * 1024
_PACKET_OVERHEAD_BYTES = 1024
_EXTENSIONS = (b"posix-rename@openssh.com", b"fsync@openssh.com", b"limits@openssh.com")
_REFUSED_REQUESTS: frozenset[int | bytes] = frozenset(
    {
        b"statvfs@openssh.com",
        b"fstatvfs@openssh.com",
        b"hardlink@openssh.com",
        b"copy-data",
        b"ranges@asyncssh.com",
    }
)
# Requests that do nothing but ask, and whose answers are large.
_QUESTIONS = frozenset({FXP_READ, FXP_READDIR})


class ChannelServer(asyncssh.SFTPServer):
    """What the handler needs of a server beyond `asyncssh.SFTPServer`.

    `aborting` is set once no CLOSE of the client can come any more.
    """

    aborting = False
    max_open_files = 64

    def note_request(self) -> None:
        """Hear that a request arrived."""


class PacketSource(Protocol):
    """Where a handler's packets come from."""

    @property
    def is_deaf(self) -> bool:
        """Whether no answer reaches the client any more."""

    async def next_packet(self) -> bytes:
        """Return the next packet, once it may be answered."""


def _packet_handlers_with(ours: Mapping[int | bytes, Callable[..., Any]]) -> dict[Any, Any]:
    """Return the base class's table of requests without the refused ones, and with ours."""
    table = SFTPServerHandler._packet_handlers  # noqa: SLF001 - what this module is for
    return {key: table[key] for key in table if key not in _REFUSED_REQUESTS} | dict(ours)


class SftpHandler(SFTPServerHandler):
    """Reads packets, and tells a client's CLOSE from a clean-up.

    Relies on: `_cleanup` being the only caller of `close()` besides the CLOSE packet; the
    handler tables; each packet being asked of `recv_packet` after the one before is answered;
    `_process_write` and `_process_opendir` as they are in 2.24.1.
    """

    _extensions: list[tuple[bytes, bytes]] = [  # noqa: RUF012 - as the base class has it
        (name, b"1") for name in _EXTENSIONS
    ]

    def __init__(
        self,
        server: ChannelServer,
        source: PacketSource,
        reader: SSHReader[bytes],
        writer: SSHWriter[bytes],
    ) -> None:
        super().__init__(server, reader, writer, _SFTP_VERSION)
        self._channel_server = server
        self._source = source
        self._cleaned = False

    async def recv_packet(self) -> SSHPacket:
        """Return the next request, not before the answers to earlier ones are on their way."""
        return SSHPacket(await self._source.next_packet())

    async def finish(self) -> None:
        """Clean up unless that was done: `run` leaves without it on some ways out."""
        await self._cleanup(None)

    async def _cleanup(self, exc: Exception | None) -> None:
        if self._cleaned:
            return
        self._cleaned = True
        self._channel_server.aborting = True
        await super()._cleanup(exc)

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        if pkttype in _QUESTIONS and self._source.is_deaf:
            return  # thousands of them may wait when a client goes; only what it did counts now
        self._channel_server.note_request()
        await super()._process_packet(pkttype, pktid, packet)

    async def _process_write(self, packet: SSHPacket) -> int:
        """Serve a WRITE also with bytes behind it: the last one of rclone 1.60 has some."""
        handle = packet.get_string()
        offset = packet.get_uint64()
        content = packet.get_string()
        file_obj = self._file_handles.get(handle)
        if file_obj is None:
            raise asyncssh.SFTPInvalidHandle("Invalid file handle")
        written = self._server.write(file_obj, offset, content)
        return written if isinstance(written, int) else await written

    async def _process_opendir(self, packet: SSHPacket) -> bytes:
        if len(self._dir_handles) >= self._channel_server.max_open_files:
            raise asyncssh.SFTPFailure("too many open folders")
        return await super()._process_opendir(packet)

    async def _process_limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        return SFTPLimits(
            _PACKET_BYTES_MAX,
            _PACKET_BYTES_MAX - _PACKET_OVERHEAD_BYTES,
            _PACKET_BYTES_MAX - _PACKET_OVERHEAD_BYTES,
            self._channel_server.max_open_files,
        )

    _packet_handlers = _packet_handlers_with(
        {
            FXP_WRITE: _process_write,
            FXP_OPENDIR: _process_opendir,
            b"limits@openssh.com": _process_limits,
        }
    )
