"""The one module that leans on asyncssh's internals, and what it relies on in each.

asyncssh calls `SFTPServer.close()` both for a client's CLOSE and when a session dies with the
handle open, and no public attribute tells them apart in every case. So the channel's session
and the packet handler are ours. Tried against asyncssh 2.24.1; `test_upload_endings.py` has one
canary per way in which an upload can end, so that a release that changes this fails loudly.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

import asyncssh
from asyncssh.connection import SSHServerConnection
from asyncssh.constants import FXP_OPENDIR, FXP_WRITE, MSG_SERVICE_REQUEST
from asyncssh.logging import SSHLogger
from asyncssh.misc import (
    BreakReceived,
    OptExcInfo,
    SignalReceived,
    SoftEOFReceived,
    TerminalSizeChanged,
)
from asyncssh.packet import SSHPacket
from asyncssh.public_key import (
    SSHOpenSSHCertificate,
    decode_ssh_certificate,
    decode_ssh_public_key,
)
from asyncssh.sftp import SFTPLimits, SFTPServerHandler
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from ingestd.access.allowlist import Address

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
# Out-of-band channel requests reach a reader as exceptions. To SFTP they mean its end.
_CHANNEL_REQUESTS = (BreakReceived, SignalReceived, SoftEOFReceived, TerminalSizeChanged)
_SHA1_SIGNATURES = frozenset({b"ssh-rsa"})
_LOGIN_SERVICE = b"ssh-userauth"
# How a peer goes, or is told to go: none of it is a fault of ours.
_ORDINARY_ENDS = (OSError, EOFError, asyncssh.Error)


class ChannelServer(asyncssh.SFTPServer):
    """What the handler needs of a server beyond `asyncssh.SFTPServer`.

    `aborting` is set once no CLOSE of the client can come any more.
    """

    aborting = False
    max_open_files = 64

    def note_request(self) -> None:
        """Hear that a request arrived."""


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


class LoginOwner(asyncssh.SSHServer):
    """What a connection needs of its owner beyond `asyncssh.SSHServer` to let a client in."""

    address: Address

    async def key_refused(self, username: str) -> None:
        """Hear that a key, its certificate or its signature is refused, before the client does.

        Raises DisconnectError when it was one too many.
        """
        raise NotImplementedError

    def login_service_repeated(self) -> None:
        """Hear that a client asks for the login service once more. Raises DisconnectError."""
        raise NotImplementedError

    def session_failed(self, error: BaseException, *, during: str) -> None:
        """Hear of an error of our own or of a library's, which the client is not told of."""
        raise NotImplementedError

    def certificate_validated(
        self, username: str, certificate: SSHOpenSSHCertificate, key: asyncssh.SSHKey
    ) -> None:
        """Hear of a certificate that is good for this user."""
        raise NotImplementedError


class DoorConnection(SSHServerConnection):
    """One accepted connection, owned by the SSHServer it is given.

    An error within the login is a refusal that the owner hears of, never a cut connection.

    Relies on: `_protocol_factory` being called once, in `connection_made`; `reload_config`
    being how options are read again at each user name (ours never change); `_peer_addr`
    being what a certificate's `source-address` is compared with;
    `_validate_openssh_certificate` returning the key of a certificate that is good;
    `validate_public_key` and `validate_password` giving the answer to each try;
    `internal_error` hearing of every exception that nobody expected; `_next_service` being
    the service that may be asked for, and `_auth_in_progress` lasting until the login.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        owner: LoginOwner,
    ) -> None:
        super().__init__(loop, options)
        self._protocol_factory = lambda: owner
        self._login_owner = owner

    async def validate_public_key(
        self, username: str, key_data: bytes, msg: bytes, signature: bytes
    ) -> bool:
        """Tell whether a key, and the signature if there is one, open the account."""
        accepted = _is_readable_key(key_data) and await self._without_error(
            super().validate_public_key(username, key_data, msg, signature)
        )
        if not accepted:
            await self._login_owner.key_refused(username)
        return accepted

    async def validate_password(self, username: str, password: str) -> bool:
        """Tell whether a password opens the account."""
        return await self._without_error(super().validate_password(username, password))

    async def _without_error(self, verdict: Awaitable[bool]) -> bool:
        try:
            return await verdict
        except asyncssh.DisconnectError:
            raise
        except Exception as error:  # noqa: BLE001 - else one account's fault cuts everybody off
            self._login_owner.session_failed(error, during="login")
            return False

    def internal_error(
        self, exc_info: OptExcInfo | None = None, error_logger: SSHLogger | None = None
    ) -> None:
        """Tell the owner of what asyncssh tells nobody; the connection ends with it."""
        error = (exc_info or sys.exc_info())[1]
        begun = self._auth_in_progress or self._auth_complete
        if begun and error is not None and not isinstance(error, _ORDINARY_ENDS):
            during = "session" if self._auth_complete else "login"
            self._login_owner.session_failed(error, during=during)
        super().internal_error(exc_info, error_logger)

    def _process_service_request(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Answer a client that asks for the login service before each credential, as sshd does.

        paramiko does (RFC 4252, section 4, lets a client ask once, and forbids nothing more).
        """
        if self._auth_in_progress:
            self._login_owner.login_service_repeated()
            self._next_service = _LOGIN_SERVICE
        super()._process_service_request(pkttype, pktid, packet)

    async def _validate_openssh_certificate(
        self, username: str, cert: SSHOpenSSHCertificate
    ) -> asyncssh.SSHKey | None:
        if not cert.principals:
            return None  # signed for everybody, which is nobody in particular
        self._peer_addr = str(self._login_owner.address)
        key = await super()._validate_openssh_certificate(username, cert)
        if key is not None:
            self._login_owner.certificate_validated(username, cert, key)
        return key

    async def reload_config(self) -> None:
        """Read nothing again: no option of ours depends on the user name."""

    _packet_handlers = {  # noqa: RUF012 - as the base class has it
        **SSHServerConnection._packet_handlers,  # noqa: SLF001 - what this module is for
        MSG_SERVICE_REQUEST: _process_service_request,
    }


async def serve_connection(
    sock: socket.socket,
    options: asyncssh.SSHServerConnectionOptions,
    owner: LoginOwner,
) -> None:
    """Speak SSH on an accepted socket from now on. Raises OSError when it died meanwhile."""
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: DoorConnection(loop, options, owner), sock)


def _is_readable_key(key_data: bytes) -> bool:
    """Tell whether what a client sent can be read as a certificate or key at all.

    Relies on: the two decoders raising on what they cannot read. Of the two, only the first
    says so in one kind of exception.
    """
    for decode in (decode_ssh_certificate, decode_ssh_public_key):
        try:
            decode(key_data)
        except Exception:  # noqa: BLE001, S112 - a point off its curve, a number below zero, …
            continue
        return True
    return False


def certificate_identity(certificate: SSHOpenSSHCertificate) -> str | None:
    """Return the identity that a certificate's authority wrote into it.

    Relies on: `_key_id` holding it.
    """
    return certificate._key_id or None  # noqa: SLF001 - asyncssh has no public way to it


def refuse_sha1_signatures(key: asyncssh.SSHKey) -> None:
    """Make an RSA key verify SHA-2 signatures only.

    Relies on: `all_sig_algorithms` being what `SSHKey.verify` accepts, and the key that
    `validate_public_key` is handed being the one that the signature is verified with.
    """
    key.all_sig_algorithms = key.all_sig_algorithms - _SHA1_SIGNATURES


class SftpSession(SSHServerStreamSession[bytes]):
    """A channel on which SFTP is spoken, and nothing else: no shell, no exec, no pty.

    Relies on: `session_started` being called after an accepted subsystem request, and on
    `_chan` and `_conn` being set by then.
    """

    def __init__(self, owner: ChannelOwner) -> None:
        super().__init__(None)
        self._owner = owner

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
        self._owner.channel_started()
        connection.create_task(self._serve(reader, writer), reader.logger)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the channel's place back."""
        super().connection_lost(exc)
        self._owner.channel_closed()

    async def _serve(self, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        try:
            await self._run_handler(reader, writer)
        finally:
            self._owner.channel_ended()

    async def _run_handler(self, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        channel = cast("asyncssh.SSHServerChannel[bytes]", writer.channel)
        try:
            server = await self._owner.make_server(channel)
        except asyncssh.SFTPError:
            channel.exit(1)
            return
        handler = SftpHandler(server, reader, writer)
        try:
            await handler.run()
        except (*_CHANNEL_REQUESTS, EOFError):
            # This channel ends; the connection and its other channels go on.
            return
        finally:
            await handler.finish()


def _packet_handlers_with(ours: Mapping[int | bytes, Callable[..., Any]]) -> dict[Any, Any]:
    """Return the base class's table of requests without the refused ones, and with ours."""
    table = SFTPServerHandler._packet_handlers  # noqa: SLF001 - what this module is for
    return {key: table[key] for key in table if key not in _REFUSED_REQUESTS} | dict(ours)


class SftpHandler(SFTPServerHandler):
    """Reads packets, and tells a client's CLOSE from a clean-up.

    Relies on: `_cleanup` being the only caller of `close()` besides the CLOSE packet; the
    handler tables; `_process_write` and `_process_opendir` as they are in 2.24.1.
    """

    _extensions: list[tuple[bytes, bytes]] = [  # noqa: RUF012 - as the base class has it
        (name, b"1") for name in _EXTENSIONS
    ]

    def __init__(
        self, server: ChannelServer, reader: SSHReader[bytes], writer: SSHWriter[bytes]
    ) -> None:
        super().__init__(server, reader, writer, _SFTP_VERSION)
        self._channel_server = server
        self._cleaned = False

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
