"""What the door relies on of asyncssh's connections, beyond what asyncssh promises.

Tried against asyncssh 2.24.1. What channels and SFTP's packets rely on stands beside, in
`channels.py` and `packets.py`; nothing else leans on internals.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable

import asyncssh
from asyncssh.connection import SSHServerConnection
from asyncssh.constants import MSG_IGNORE, MSG_SERVICE_REQUEST
from asyncssh.logging import SSHLogger
from asyncssh.misc import OptExcInfo
from asyncssh.packet import SSHPacket, SSHPacketLogger
from asyncssh.public_key import (
    SSHOpenSSHCertificate,
    decode_ssh_certificate,
    decode_ssh_public_key,
)

from ingestd.access.allowlist import Address
from ingestd.sftp.bounds.flow import KIB, Gate

_SHA1_SIGNATURES = frozenset({b"ssh-rsa"})
_LOGIN_SERVICE = b"ssh-userauth"
# How a peer goes, or is told to go: none of it is a fault of ours.
_ORDINARY_ENDS = (OSError, EOFError, asyncssh.Error)
# Packets that wait for the end of a key exchange; a client that keeps to SSH causes a handful.
_PACKETS_HELD_MAX = 1000
# What the kernel may hold unsent: with more, minutes pass until it tells of a slow client's
# progress, and a living client would be taken for a dead one.
_UNSENT_BYTES_MAX = 128 * KIB
# What one turn of the event loop sends goes out as one piece, up to this size.
_HELD_BYTES_MAX = 16 * KIB
_UNREAD, _REKEYING = "unread", "rekeying"


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
    `gate` is shut while the client leaves unread what was sent, and while keys are exchanged:
    whoever answers its requests waits there. While it leaves answers unread nothing is read
    from it either, since many packets besides SFTP requests make an answer.

    Relies on: `_protocol_factory` being called once, in `connection_made`; `reload_config`
    being how options are read again at each user name (ours never change); `_peer_addr`
    being what a certificate's `source-address` is compared with;
    `_validate_openssh_certificate` returning the key of a certificate that is good;
    `validate_public_key` and `validate_password` giving the answer to each try;
    `internal_error` hearing of every exception that nobody expected; `_next_service` being
    the service that may be asked for, and `_auth_in_progress` lasting until the login;
    `_recv_data` being where all that arrived is looked at; `_send` being where every byte is
    sent, and `send_packet` being asked for each MSG_IGNORE alone; a transport being aborted by
    `call_soon`, behind what is held; `_deferred_packets` holding back what is sent between
    `_send_kexinit` and `send_newkeys`; `_keepalive_count` being how often a client did not answer.
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
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.gate = Gate()

    def pause_writing(self) -> None:
        """Hear from the transport that the client does not read what was sent."""
        self.gate.shut(_UNREAD)
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Hear from the transport that the client read on, slowly as it may be: it lives."""
        self._keepalive_count = 0
        self.gate.open(_UNREAD)
        if self._transport is not None:
            self._transport.resume_reading()

    def _recv_data(self) -> None:
        super()._recv_data()
        if len(self._deferred_packets) > _PACKETS_HELD_MAX:
            self._force_close(asyncssh.ProtocolError("requests during a key exchange"))

    def send_packet(
        self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None
    ) -> None:
        """Send a packet, without the empty one that asyncssh sends before each.

        That one hides what a cipher in CBC mode would show, and the door offers none.
        """
        if pkttype != MSG_IGNORE:
            super().send_packet(pkttype, *args, handler=handler)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        # A transport that is lost takes no more, and asyncio would say so in the log each time.
        if transport is None or transport.is_closing():
            return
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= _HELD_BYTES_MAX:
            self._send_held(transport)
        elif len(self._held) == 1:
            # Before whatever is called next, so that a connection that is cut says why.
            self._loop.call_soon(self._send_held, transport)

    def _send_held(self, transport: asyncio.Transport) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if held and not transport.is_closing():
            transport.write(b"".join(held))

    def _send_kexinit(self) -> None:
        self.gate.shut(_REKEYING)
        super()._send_kexinit()

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Go on with new keys, and answer requests again."""
        super().send_newkeys(k, h)
        self.gate.open(_REKEYING)

    def _cleanup(self, exc: Exception | None) -> None:
        super()._cleanup(exc)
        self.gate.open_for_good()

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
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES_MAX)
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
