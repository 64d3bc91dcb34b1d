"""Who a client is: its key or password against the accounts and the allowlist in force."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import asyncssh
from argon2 import Parameters

from ingestd.access.accounts import Access
from ingestd.access.allowlist import LISTED_FOR_ANOTHER_ACCOUNT, Address
from ingestd.access.keeper import AccessKeeper
from ingestd.access.passwords import VERIFICATIONS_MAX, cost_of, fits, hash_in_vain
from ingestd.values.identifiers import AccountId
from ingestd.values.public_keys import PublicKey


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
    """What the accounts of one moment are proved with, each apart from the others'.

    Nothing is parsed here that could fail: the config judged the keys, and a hash that cannot
    be read costs nobody anything but its account.
    """

    access: Access
    public_keys: Mapping[AccountId, Mapping[bytes, PublicKey]]
    authorities: Mapping[AccountId, Mapping[bytes, PublicKey]]
    password_costs: tuple[Parameters, ...]

    @property
    def passwords_exist(self) -> bool:
        return any(account.password_hash for account in self.access.accounts.values())


class Authenticator:
    """Answers for one door whether a proof fits. Close it to give its threads back."""

    def __init__(self, keeper: AccessKeeper) -> None:
        self._keeper = keeper
        self._credentials = _credentials_of(keeper.current)
        self._secret = secrets.token_bytes(32)
        self._threads = ThreadPoolExecutor(VERIFICATIONS_MAX, thread_name_prefix="argon2")

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
        found = credentials.public_keys.get(AccountId(user_name), {}).get(key.public_data)
        admitted = credentials.access.account_for(user_name, address) is not None
        if found is None or not admitted:
            return None
        return Proof(
            public_key=found.blob, key_fingerprint=found.fingerprint, key_label=found.label
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
        addresses: then the password is hashed at the cost of one that there is.
        """
        credentials = self._current()
        account = credentials.access.account_for(user_name, address)
        password_hash = account.password_hash if account else None
        loop = asyncio.get_running_loop()
        if password_hash is None:
            cost = self._cost_for(user_name)
            await loop.run_in_executor(self._threads, hash_in_vain, cost, password)
            return None
        is_right = await loop.run_in_executor(self._threads, fits, password_hash, password)
        proof = Proof(password_hash=password_hash)
        # Asked again: the rules may have changed while the password was verified.
        return proof if is_right and self.still_admits(user_name, address, proof) else None

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
            self._credentials = _credentials_of(access)
        return self._credentials

    def _cost_for(self, user_name: str) -> Parameters | None:
        """Return what a guess at this user name costs: always the same, as at an account's.

        Each account's cost is drawn as often as it occurs, so that no cost tells who is unknown.
        """
        costs = self._credentials.password_costs
        if not costs:
            return None
        drawn = hmac.digest(self._secret, user_name.encode("utf-8", "replace"), hashlib.sha256)
        return costs[int.from_bytes(drawn, "big") % len(costs)]


def _credentials_of(access: Access) -> _Credentials:
    return _Credentials(
        access=access,
        public_keys={
            account_id: _by_blob(account.authorized_keys)
            for account_id, account in access.accounts.items()
        },
        authorities={
            account_id: _by_blob(account.certificate_authorities)
            for account_id, account in access.accounts.items()
        },
        password_costs=tuple(_password_costs(access)),
    )


def _by_blob(keys: Iterable[PublicKey]) -> dict[bytes, PublicKey]:
    return {key.blob: key for key in keys}


def _password_costs(access: Access) -> Iterable[Parameters]:
    for account in access.accounts.values():
        cost = None if account.password_hash is None else cost_of(account.password_hash)
        if cost is not None:
            yield cost
