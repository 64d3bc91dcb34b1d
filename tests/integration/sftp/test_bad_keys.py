"""Keys that are no good, in the accounts and from clients: nobody else notices."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncssh
import paramiko  # type: ignore[import-untyped]
import pytest
from argon2 import PasswordHasher
from asyncssh.packet import MPInt, String
from hypothesis import HealthCheck, given, settings

from ingestd.access.accounts import Access, Account
from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.config.toml.mistakes import InvalidValueError
from ingestd.values.identifiers import AccountId
from tests.public_keys import MODULUS, blob_of, spoilt_lines

School = Any  # the fixture of conftest.py, which cannot be imported

SPRINGFIELD, SHELBYVILLE = AccountId("SPRINGFIELD"), AccountId("SHELBYVILLE")
PASSWORD = "correct horse battery"

UNHURRIED = settings(
    max_examples=60,
    deadline=None,
    # One door serves all examples: that it outlives each of them is what is tested.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@UNHURRIED
@given(line=spoilt_lines())
async def test_no_key_of_one_account_keeps_another_out(school: School, line: str) -> None:
    """One letter changed in one district's key once ended every login of every district."""
    try:
        key = parse_authorized_key(line)
    except InvalidValueError:
        return  # told when the config is read; then the accounts before stay in force
    accounts = dict(school.keeper.current.accounts)
    own = parse_authorized_key(school.keys[SHELBYVILLE].export_public_key().decode())
    accounts[SHELBYVILLE] = replace(
        accounts[SHELBYVILLE], authorized_keys=(key, own), certificate_authorities=(key,)
    )
    school.change_access(accounts=accounts)
    for account in (SPRINGFIELD, SHELBYVILLE):
        (await school.connect(account, key=school.keys[account])).abort()


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("ssh-ed448", {}),
        ("ssh-rsa", {"key_size": 1024}),
        ("ssh-rsa", {"key_size": 2048, "exponent": 3}),
        ("ecdsa-sha2-nistp256", {}),
        ("ecdsa-sha2-nistp384", {}),
        ("ecdsa-sha2-nistp521", {}),
    ],
)
async def test_every_kind_of_key_that_is_taken_logs_in(
    school: School, algorithm: str, options: dict[str, Any]
) -> None:
    """A key that is taken and then opens nothing is found out at night."""
    key = asyncssh.generate_private_key(algorithm, **options)
    accounts = dict(school.keeper.current.accounts)
    taken = parse_authorized_key(key.export_public_key().decode())
    accounts[SPRINGFIELD] = replace(accounts[SPRINGFIELD], authorized_keys=(taken,))
    school.change_access(accounts=accounts)
    await school.connect(key=key)


async def test_no_password_hash_of_one_account_keeps_another_out(open_door: Any) -> None:
    """What an unknown user is measured with comes from the accounts, too."""
    good = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    bad = good.replace("$m=8192,", "$m=1,")
    school = await open_door(passwords={SPRINGFIELD: bad, SHELBYVILLE: good})
    for account in (SPRINGFIELD, "NOBODY"):
        with pytest.raises(asyncssh.PermissionDenied):
            await school.connect(account, client_keys=None, password=PASSWORD)
    await school.connect(SHELBYVILLE, client_keys=None, password=PASSWORD)


class _MadeUpKey(paramiko.PKey):  # type: ignore[misc]
    """A key of which a client sends whatever bytes it likes."""

    public_blob = None

    def __init__(self, blob: bytes, signature: bytes) -> None:
        self._blob = blob
        self._signature = signature

    def get_name(self) -> str:
        return "ssh-ed25519"

    def asbytes(self) -> bytes:
        return self._blob

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> bytes:
        del data, algorithm
        return self._signature


def _refused(school: School, keys: list[_MadeUpKey]) -> list[str]:
    """Try keys on one connection, then the right one; return what the refusals said."""
    answers = []
    transport = paramiko.Transport(("127.0.0.1", school.port))
    try:
        transport.start_client(timeout=15)
        for key in keys:
            with pytest.raises(paramiko.AuthenticationException) as caught:
                transport.auth_publickey(SPRINGFIELD, key)
            answers.append(str(caught.value))
        right = paramiko.Ed25519Key.from_private_key_file(str(school.key_files[SPRINGFIELD]))
        transport.auth_publickey(SPRINGFIELD, right)
        assert transport.is_authenticated()
    finally:
        transport.close()
    return answers


async def test_a_client_may_send_any_bytes_as_a_key(school: School) -> None:
    """Each is one wrong key more: the connection stays, and the right one still fits."""
    off_curve = b"\4" + b"x" * 64
    blobs = [
        *(b"", b"\xff" * 40, blob_of("ssh-ed25519", b"x" * 31), blob_of("ssh-dss", b"1")),
        blob_of("ecdsa-sha2-nistp256", b"nistp256", off_curve),
        blob_of("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", off_curve, b"ssh:"),
        String("ssh-rsa") + MPInt(1) + MPInt(MODULUS),
        String("ssh-rsa") + MPInt(65537) + MPInt(-MODULUS),
        blob_of("ssh-ed25519-cert-v01@openssh.com", b"nonce", b"x"),
    ]
    keys = [_MadeUpKey(blob, b"") for blob in blobs]
    assert set(await asyncio.to_thread(_refused, school, keys)) == {"Authentication failed."}
    assert school.events("auth_failed") == []


async def test_a_client_may_send_any_bytes_as_a_signature(school: School) -> None:
    """Whoever has only a public key may not learn more from a broken connection."""
    public = school.keys[SPRINGFIELD].public_data
    signatures = [b"", b"\0\0", blob_of("ssh-ed25519", b""), blob_of("ssh-ed25519", b"x" * 64)]
    keys = [_MadeUpKey(public, signature) for signature in signatures]
    assert set(await asyncio.to_thread(_refused, school, keys)) == {"Authentication failed."}


async def test_a_signature_that_does_not_verify_is_a_failure(school: School) -> None:
    """A guesser with somebody's public key counts as any other."""
    public = school.keys[SPRINGFIELD].public_data
    forged = _MadeUpKey(public, blob_of("ssh-ed25519", b"x" * 64))

    def guess() -> None:
        transport = paramiko.Transport(("127.0.0.1", school.port))
        try:
            transport.start_client(timeout=15)
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_publickey(SPRINGFIELD, forged)
        finally:
            transport.close()

    await asyncio.to_thread(guess)
    assert (await school.until_event("auth_failed"))["reason"] == "wrong_key"


class _FailingAccounts(dict[AccountId, Account]):
    """Accounts of which one cannot be had: a fault that cannot be made from outside."""

    def get(self, key: AccountId, default: Any = None) -> Any:
        if key == SHELBYVILLE:
            raise RuntimeError(f"no {PASSWORD} to be found")
        return super().get(key, default)


async def test_an_error_of_our_own_is_a_refusal_that_is_told(open_door: Any) -> None:
    """A silent end of the connection leaves the operator without a trace of why."""
    hashed = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    school = await open_door(passwords={SPRINGFIELD: hashed})
    access: Access = school.keeper.current
    school.change_access(accounts=_FailingAccounts(access.accounts))
    for proof in ({"key": school.keys[SHELBYVILLE]}, {"client_keys": None, "password": "guess"}):
        with pytest.raises(asyncssh.PermissionDenied):
            await school.connect(SHELBYVILLE, **proof)
    assert [(line["during"], line["error"]) for line in school.events("session_failed")] == [
        ("login", "RuntimeError")
    ] * 2
    assert PASSWORD not in str(school.log)
    school.log.clear()
    await school.connect(SPRINGFIELD)


async def test_who_speaks_something_else_is_told_of(school: School) -> None:
    """A district whose client is too old for the algorithms is answered from the log."""
    with pytest.raises(asyncssh.KeyExchangeFailed):
        await school.connect(kex_algs="diffie-hellman-group14-sha256")
    refused = await school.until_event("connection_refused")
    assert (refused["reason"], refused["error"]) == ("handshake_failed", "KeyExchangeFailed")
