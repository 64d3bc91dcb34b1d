"""User certificates: a district's own authority may vouch for its clients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import asyncssh
import pytest

from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.values.identifiers import AccountId

SPRINGFIELD, SHELBYVILLE = AccountId("SPRINGFIELD"), AccountId("SHELBYVILLE")


@pytest.fixture(scope="session")
def authority() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519", comment="ca@springfield")


@pytest.fixture(scope="session")
def client_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
async def school(open_door: Any, authority: asyncssh.SSHKey) -> Any:
    """A door whose first account trusts an authority beside its key."""
    school = await open_door()
    trust(school, SPRINGFIELD, authority)
    return school


def trust(school: Any, account: AccountId, *authorities: asyncssh.SSHKey) -> None:
    accounts = dict(school.keeper.current.accounts)
    keys = tuple(parse_authorized_key(key.export_public_key().decode()) for key in authorities)
    accounts[account] = replace(accounts[account], certificate_authorities=keys)
    school.change_access(accounts=accounts)


def certified(
    authority: asyncssh.SSHKey, key: asyncssh.SSHKey, **options: Any
) -> tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]:
    options = {"principals": [SPRINGFIELD], "valid_before": "+1h"} | options
    return key, authority.generate_user_certificate(key, "nightly-job", **options)


async def test_a_certificate_of_the_accounts_authority_opens_it(
    school: Any, authority: asyncssh.SSHKey, client_key: asyncssh.SSHKey
) -> None:
    """A district rotates its clients' keys without asking us."""
    sftp = await school.sftp(client_keys=[certified(authority, client_key)])
    assert sorted(await sftp.listdir("/SPRINGFIELD")) == [".", "..", "incoming", "receipts"]
    opened = await school.until_event("session_opened")
    assert opened["key_label"] == "nightly-job"
    assert opened["key_fingerprint"] == client_key.get_fingerprint()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"principals": [SHELBYVILLE]}, id="for another account"),
        pytest.param({"principals": []}, id="for nobody in particular"),
        pytest.param({"valid_after": "-2h", "valid_before": "-1h"}, id="expired"),
        pytest.param({"valid_after": "+1h", "valid_before": "+2h"}, id="not yet valid"),
        pytest.param({"source_address": ["203.0.113.0/24"]}, id="for other addresses"),
    ],
)
async def test_a_certificate_says_for_whom_when_and_from_where(
    school: Any, authority: asyncssh.SSHKey, client_key: asyncssh.SSHKey, options: dict[str, Any]
) -> None:
    """What the authority limited is limited."""
    with pytest.raises(asyncssh.PermissionDenied):
        await school.connect(client_keys=[certified(authority, client_key, **options)])


async def test_another_authority_opens_nothing(school: Any, client_key: asyncssh.SSHKey) -> None:
    """Anybody can be an authority; the account says whose word counts."""
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        await school.connect(client_keys=[certified(stranger, client_key)])
    assert (await school.until_event("auth_failed"))["reason"] == "wrong_key"


async def test_an_authority_is_no_key_and_a_key_is_no_authority(
    school: Any, authority: asyncssh.SSHKey, client_key: asyncssh.SSHKey
) -> None:
    """The authority's key lies elsewhere than the clients': neither does for the other."""
    with pytest.raises(asyncssh.PermissionDenied):
        await school.connect(key=authority)
    with pytest.raises(asyncssh.PermissionDenied):
        await school.connect(client_keys=[certified(school.keys[SPRINGFIELD], client_key)])


async def test_a_host_certificate_is_no_user_certificate(
    school: Any, authority: asyncssh.SSHKey, client_key: asyncssh.SSHKey
) -> None:
    """An authority signs both kinds; only one of them stands for a client."""
    certificate = authority.generate_host_certificate(
        client_key, "a-host", principals=[SPRINGFIELD]
    )
    with pytest.raises((asyncssh.PermissionDenied, ValueError)):
        await school.connect(client_keys=[(client_key, certificate)])


async def test_dropping_the_authority_ends_its_sessions(
    school: Any, authority: asyncssh.SSHKey, client_key: asyncssh.SSHKey
) -> None:
    """When an authority is stolen, every minute counts."""
    connection = await school.connect(client_keys=[certified(authority, client_key)])
    trust(school, SPRINGFIELD)
    await connection.wait_closed()
    assert (await school.until_event("session_closed"))["reason"] == "no_longer_admitted"


async def test_the_label_of_a_key_stands_in_the_log(school: Any) -> None:
    """With several keys an operator wants to know whose job it was."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment="library job")
    accounts = dict(school.keeper.current.accounts)
    another = parse_authorized_key(key.export_public_key().decode())
    keys = (*accounts[SPRINGFIELD].authorized_keys, another)
    accounts[SPRINGFIELD] = replace(accounts[SPRINGFIELD], authorized_keys=keys)
    school.change_access(accounts=accounts)
    await school.connect(key=key)
    assert (await school.until_event("session_opened"))["key_label"] == "library job"


async def test_files_that_wait_have_a_limit(open_door: Any) -> None:
    """A job gone wild must not fill the folder faster than it is emptied."""
    from ingestd.sftp.bounds.limits import DoorLimits

    school = await open_door(limits=DoorLimits(disk_reserve_bytes=0, max_files_waiting=2))
    sftp = await school.sftp()
    for number in range(2):
        async with sftp.open(f"/SPRINGFIELD/incoming/notes{number}.txt", "wb") as file:
            await file.write(b"x")
    with pytest.raises(asyncssh.SFTPFailure, match="too many files wait"):
        await sftp.open("/SPRINGFIELD/incoming/student_billing.csv", "wb")
    assert (await school.until_event("upload_refused"))["reason"] == "too_many_waiting"
    await sftp.remove("/SPRINGFIELD/incoming/notes0.txt")
    async with sftp.open("/SPRINGFIELD/incoming/student_billing.csv", "wb") as file:
        await file.write(b"x")
