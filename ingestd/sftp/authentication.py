"""Who a client is: its key or password against the accounts and the allowlist in force."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import asyncssh
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

from ingestd.access.accounts import Access
from ingestd.access.allowlist import LISTED_FOR_ANOTHER_ACCOUNT, Address
from ingestd.access.keeper import AccessKeeper
from ingestd.values.identifiers import AccountId

# argon2 takes 64 MiB and a core for each verification: two at a time, whoever asks.
_VERIFICATIONS_MAX = 2


class Refusal(StrEnum):
    """Why a client was not let in. For the log only: to the client all are one failure."""

    UNKNOWN_ACCOUNT = "unknown_account"
    LISTED_FOR_ANOTHER_ACCOUNT = LISTED_FOR_ANOTHER_ACCOUNT
    WRONG_KEY = "wrong_key"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What proved that a client is its account: a key, a certificate, or a password.

    `authority` is the key that signed a certificate. `key_label` is the comment of the key's
    line, or the identity that the certificate gives.
    """

    public_key: bytes = b""
    authority: bytes = b""
    password_hash: str = ""
    key_fingerprint: str | None = None
    key_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credentials:
    """What the accounts of one moment are proved with, parsed once."""

    access: Access
    public_keys: dict[AccountId, dict[bytes, str | None]]
    authorities: dict[AccountId, dict[bytes, str | None]]
    dummy_hash: str

    @property
    def passwords_exist(self) -> bool:
        return any(account.password_hash for account in self.access.accounts.values())


class Authenticator:
    """Answers for one door whether a proof fits. Close it to give its threads back."""

    def __init__(self, keeper: AccessKeeper) -> None:
        self._keeper = keeper
        self._credentials = _read_credentials(keeper.current)
        self._threads = ThreadPoolExecutor(_VERIFICATIONS_MAX, thread_name_prefix="argon2")

    def close(self) -> None:
        """Let running verifications end in the background, and take no new ones."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def offers_passwords(self) -> bool:
        """Whether password authentication is offered: to all user names alike, or to none."""
        return self._current().passwords_exist

    def knows(self, user_name: str) -> bool:
        """Tell whether the user name is an account, so that it may be written into the log."""
        return AccountId(user_name) in self._current().access.accounts

    def check_key(self, user_name: str, address: Address, key: asyncssh.SSHKey) -> Proof | None:
        """Return the proof when this key opens this account from this address, else None."""
        credentials = self._current()
        keys = credentials.public_keys.get(AccountId(user_name), {})
        matches = key.public_data in keys
        admitted = credentials.access.account_for(user_name, address) is not None
        if not (matches and admitted):
            return None
        return Proof(
            public_key=key.public_data,
            key_fingerprint=key.get_fingerprint(),
            key_label=keys[key.public_data],
        )

    def trusts_authority(self, user_name: str, address: Address, key: asyncssh.SSHKey) -> bool:
        """Tell whether certificates of this authority open this account from this address."""
        credentials = self._current()
        authorities = credentials.authorities.get(AccountId(user_name), {})
        admitted = credentials.access.account_for(user_name, address) is not None
        return key.public_data in authorities and admitted

    async def check_password(self, user_name: str, address: Address, password: str) -> Proof | None:
        """Return the proof when this password opens this account from this address, else None.

        Takes as long for an account that is unknown, has no password or is listed for other
        addresses: then a hash is verified that no password fits.
        """
        credentials = self._current()
        account = credentials.access.account_for(user_name, address)
        password_hash = (account.password_hash if account else None) or credentials.dummy_hash
        loop = asyncio.get_running_loop()
        fits = await loop.run_in_executor(self._threads, _verify, password_hash, password)
        proof = Proof(password_hash=password_hash)
        # Asked again: the rules may have changed while the password was verified.
        return proof if fits and self.still_admits(user_name, address, proof) else None

    def still_admits(self, user_name: str, address: Address, proof: Proof) -> bool:
        """Tell whether account, address and proof are all still in force."""
        credentials = self._current()
        account = credentials.access.account_for(user_name, address)
        if account is None:
            return False
        if proof.authority:
            return proof.authority in credentials.authorities[account.account_id]
        if proof.public_key:
            return proof.public_key in credentials.public_keys[account.account_id]
        return bool(proof.password_hash) and account.password_hash == proof.password_hash

    def admits_address(self, address: Address) -> bool:
        """Tell whether the address may connect at all."""
        return self._current().access.allowlist.admits(address)

    def explain(self, user_name: str, address: Address, otherwise: Refusal) -> Refusal:
        """Return why this user name failed from this address; `otherwise`, the proof was wrong."""
        access = self._current().access
        if AccountId(user_name) not in access.accounts:
            return Refusal.UNKNOWN_ACCOUNT
        if access.account_for(user_name, address) is None:
            return Refusal.LISTED_FOR_ANOTHER_ACCOUNT
        return otherwise

    def _current(self) -> _Credentials:
        access = self._keeper.current
        if access is not self._credentials.access:
            self._credentials = _read_credentials(access)
        return self._credentials


def _read_credentials(access: Access) -> _Credentials:
    return _Credentials(
        access=access,
        public_keys={
            account_id: _labelled(account.authorized_keys)
            for account_id, account in access.accounts.items()
        },
        authorities={
            account_id: _labelled(account.certificate_authorities)
            for account_id, account in access.accounts.items()
        },
        dummy_hash=_dummy_hash(access),
    )


def _labelled(lines: Iterable[str]) -> dict[bytes, str | None]:
    """Return each key's bytes and its comment."""
    keys: dict[bytes, str | None] = {}
    for line in lines:
        try:
            key = asyncssh.import_public_key(line)
            keys[key.public_data] = key.get_comment("utf-8", "replace") or None
        except asyncssh.KeyImportError:
            # The config refuses such lines with their line number; a key that cannot be
            # understood whole (options before it, say) opens nothing.
            continue
    return keys


def _dummy_hash(access: Access) -> str:
    """Return a hash that costs what the accounts' own hashes cost, and that nothing fits."""
    for account in access.accounts.values():
        if account.password_hash:
            with contextlib.suppress(InvalidHashError):
                return _hash_like(account.password_hash)
    return ""


@functools.lru_cache(maxsize=8)
def _hash_like(password_hash: str) -> str:
    hasher = PasswordHasher.from_parameters(extract_parameters(password_hash))
    return hasher.hash(secrets.token_bytes(32))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False
