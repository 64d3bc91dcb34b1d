"""The part of a connection that proves who the client is, and what it costs to fail at it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import asyncssh
from asyncssh.public_key import SSHOpenSSHCertificate
from structlog.stdlib import BoundLogger

from ingestd.access.allowlist import Address
from ingestd.sftp.bounds.bans import Bans
from ingestd.sftp.bounds.flow import Budget
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.door.authentication import Authenticator, Proof, Refusal
from ingestd.sftp.internals.connections import (
    LoginOwner,
    certificate_identity,
    refuse_sha1_signatures,
)
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.spool.folders import Folders
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import trace_without_words
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import Clock

# The right key is looked at twice: when the client asks whether it would do, and with its
# signature. What comes after that is somebody who never signs.
_KEY_LOOKS_FREE = 2
# An agent offers every key it holds before the right one, and nobody guesses a key.
_WRONG_KEYS_MAX = 20
# One for each credential, from clients that ask so; the rest would be a flood.
_SERVICE_REQUESTS_MAX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What all sessions of one door share."""

    folders: Folders
    limits: DoorLimits
    clock: Clock
    metrics: Metrics
    authenticator: Authenticator
    bans: Bans
    uploads: Uploads
    channels: Budget
    windows: Budget


class Login(LoginOwner):
    """Lets a client in on a key or password of an account that its address is listed for.

    Every failure looks the same from outside: an unknown account, an address listed for
    another account, a wrong key. asyncssh counts no tries; this does.
    """

    def __init__(self, door: Door, address: Address, log: BoundLogger) -> None:
        self.address = address
        self._door = door
        self._log = log
        self._user_name = ""
        self._proof: Proof | None = None
        self._passwords_tried = 0
        self._wrong_keys = 0
        self._key_looks = 0
        self._service_requests = 0
        self._keys_refused_for: str | None = None
        self._closing: str | None = None

    def begin_auth(self, username: str) -> bool:
        """Demand authentication of every user name (False would mean: none needed).

        Whether the address is listed for the account is asked with each key and password,
        since the user name, and the allowlist, may change in between.
        """
        self._proof = None
        return True

    def public_key_auth_supported(self) -> bool:
        """Offer keys to every user name alike."""
        return True

    def password_auth_supported(self) -> bool:
        """Offer passwords to every user name alike, if any account has one."""
        return self._door.authenticator.offers_passwords

    def kbdint_auth_supported(self) -> bool:
        """Offer no second way to send a password."""
        return False

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Compare a key with the account's; its signature is verified after that."""
        self._check_tries()
        refuse_sha1_signatures(key)
        proof = self._door.authenticator.check_key(username, self.address, key)
        if proof is None:
            return False
        self._count_look()
        self._user_name, self._proof = username, proof
        return True

    async def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Compare the key that signed a certificate with the account's authorities."""
        self._check_tries()
        return self._door.authenticator.trusts_authority(username, self.address, key)

    def certificate_validated(
        self, username: str, certificate: SSHOpenSSHCertificate, key: asyncssh.SSHKey
    ) -> None:
        """Hear of a certificate that is good for this user; its signature is verified next."""
        refuse_sha1_signatures(key)
        self._count_look()
        self._user_name = username
        self._proof = Proof(
            public_key=key.public_data,
            authority=certificate.signing_key.public_data,
            key_fingerprint=key.get_fingerprint(),
            key_label=certificate_identity(certificate),
        )

    async def key_refused(self, username: str) -> None:
        """Count a key that does not open the account: wrong, unreadable, or not signed with.

        Not each is a failure of the address: the connection is, if it ends without the right one.
        """
        self._wrong_keys += 1
        self._keys_refused_for = username
        await self._hold_back()

    def login_service_repeated(self) -> None:
        """Let a client ask again before each credential, but not for ever."""
        self._service_requests += 1
        if self._service_requests > _SERVICE_REQUESTS_MAX:
            self._closing = "too_many_tries"
            raise _too_many_failures()

    async def validate_password(self, username: str, password: str) -> bool:
        """Verify a password, off the event loop."""
        self._check_tries()
        # Counted before the answer is known: a client that asks again cancels this one.
        self._passwords_tried += 1
        proof: Proof | None = None
        try:
            authenticator = self._door.authenticator
            proof = await authenticator.check_password(username, self.address, password)
        finally:
            if proof is None:
                self._note_failure(username, Refusal.WRONG_PASSWORD)
        if proof is None:
            await self._hold_back()
            return False
        self._user_name, self._proof = username, proof
        return True

    async def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        """Refuse: passwords are changed in the accounts file."""
        self._check_tries()
        self._passwords_tried += 1
        return False

    def session_failed(self, error: BaseException, *, during: str) -> None:
        """Tell of an error that no client caused by what it may do."""
        self._log.error(
            Event.SESSION_FAILED,
            during=during,
            error=type(error).__name__,
            exc_info=trace_without_words(error),
        )

    def _end_unauthenticated(self, error: Exception | None) -> None:
        """Tell how a connection ended that proved nothing."""
        if self._keys_refused_for is not None and not self._passwords_tried:
            self._note_failure(self._keys_refused_for, Refusal.WRONG_KEY)
        elif self._closing is None and not self._passwords_tried and _is_misfit(error):
            self._tell_refused("handshake_failed", error=type(error).__name__)
        if self._closing is not None:
            self._tell_refused(self._closing)

    def _tell_refused(self, reason: str, **context: str) -> None:
        self._door.metrics.connections_refused.labels(reason=reason).inc()
        self._log.warning(Event.CONNECTION_REFUSED, reason=reason, **context)

    def _count_look(self) -> None:
        self._key_looks += 1
        if self._key_looks > _KEY_LOOKS_FREE:
            self._wrong_keys += 1

    async def _hold_back(self) -> None:
        """Wait before a refusal, longer with every failure of the address."""
        delay_seconds = self._door.bans.delay_seconds(self.address)
        if delay_seconds:
            await asyncio.sleep(delay_seconds)
        self._check_tries()

    def _check_tries(self) -> None:
        tries_max = self._door.limits.max_auth_tries
        keys_max = max(tries_max, _WRONG_KEYS_MAX)
        if self._door.bans.is_banned(self.address):
            self._closing = "banned"
        elif self._passwords_tried >= tries_max or self._wrong_keys >= keys_max:
            self._closing = "too_many_tries"
        else:
            return
        raise _too_many_failures()

    def _note_failure(self, user_name: str, refusal: Refusal) -> None:
        authenticator = self._door.authenticator
        reason = authenticator.explain(user_name, self.address, refusal)
        log = self._log
        if authenticator.knows(user_name):
            # Any other user name may be a password in the wrong field.
            log = log.bind(account=user_name)
        self._door.metrics.auth_failures.inc()
        log.warning(Event.AUTH_FAILED, reason=reason.value)
        keys_of = user_name if refusal is Refusal.WRONG_KEY else None
        if self._door.bans.note_failure(self.address, keys_of=keys_of):
            log.warning(Event.ADDRESS_BANNED, seconds=self._door.limits.ban_seconds)


def _is_misfit(error: Exception | None) -> bool:
    """Tell whether a connection broke because the two sides did not fit, not because one went."""
    return error is not None and not isinstance(error, asyncssh.ConnectionLost | OSError)


def _too_many_failures() -> asyncssh.DisconnectError:
    return asyncssh.DisconnectError(
        asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many authentication failures"
    )
