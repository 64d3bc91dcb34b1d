"""The clients that districts use, doing what their users do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import paramiko  # type: ignore[import-untyped]
import pytest

from ingestd.spool.claimed import take

School = Any  # the fixture of conftest.py, which cannot be imported

CONTENT = b"charge_tracking_id,amount\n" + b"A1,10.00\n" * 50_000
NAME = "student_billing_clients.csv"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def shorter(tmp_path: Path) -> Path:
    path = tmp_path / "shorter.csv"
    path.write_bytes(CONTENT[:1000])
    return path


def content_of(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_openssh_sftp_changes_folder_and_puts(school: School, local: Path) -> None:
    """The first thing an IT person tries."""
    batch = f"pwd\ncd SPRINGFIELD/incoming\nput -p {local}\nls -la\nget {NAME} {local}.back\n"
    code, output = await school.openssh("sftp", "-b", "-", "SPRINGFIELD@127.0.0.1", stdin=batch)
    assert code == 0, output
    assert "Remote working directory: /" in output
    assert (school.incoming / NAME).read_bytes() == CONTENT
    assert content_of(f"{local}.back") == CONTENT


@pytest.mark.parametrize("target", ["/SPRINGFIELD/incoming/", "SPRINGFIELD/incoming"])
async def test_openssh_sftp_puts_to_a_path(school: School, local: Path, target: str) -> None:
    """Absolute or relative, with a slash or without: a script may say it in any way."""
    batch = f"put {local} {target}\n"
    code, output = await school.openssh("sftp", "-b", "-", "SPRINGFIELD@127.0.0.1", stdin=batch)
    assert code == 0, output
    assert (school.incoming / NAME).read_bytes() == CONTENT


async def test_openssh_scp_uploads_with_exit_code_0(school: School, local: Path) -> None:
    """A client reports a failure after a good upload unless the server sends an exit status."""
    target = "SPRINGFIELD@127.0.0.1:SPRINGFIELD/incoming/"
    for _ in range(2):
        code, output = await school.openssh("scp", str(local), target)
        assert code == 0, output
    assert (school.incoming / NAME).read_bytes() == CONTENT


async def test_openssh_scp_over_a_longer_file(school: School, local: Path, shorter: Path) -> None:
    """Without truncation, what is published must be the new file alone."""
    target = f"SPRINGFIELD@127.0.0.1:/SPRINGFIELD/incoming/{NAME}"
    assert (await school.openssh("scp", str(local), target))[0] == 0
    assert (await school.openssh("scp", str(shorter), target))[0] == 0
    assert (school.incoming / NAME).read_bytes() == CONTENT[:1000]


async def test_openssh_renames_a_temporary_name_as_the_commit(school: School, local: Path) -> None:
    """Upload under a temporary name, then rename: the way that is safe with any server."""
    batch = f"cd SPRINGFIELD/incoming\nput {local} {NAME}.part\nrename {NAME}.part {NAME}\n"
    code, output = await school.openssh("sftp", "-b", "-", "SPRINGFIELD@127.0.0.1", stdin=batch)
    assert code == 0, output
    assert (school.incoming / NAME).read_bytes() == CONTENT
    assert not (school.incoming / f"{NAME}.part").exists()
    assert school.events("upload_renamed")[0]["filename"] == NAME


async def test_openssh_cannot_run_a_command_or_a_shell(school: School) -> None:
    """An account is for files; nothing else can be started with it."""
    for command in (["true"], []):
        code, _ = await school.run(
            *("ssh", "-F", "none", "-T", "-p", str(school.port)),
            *("-i", str(school.key_files["SPRINGFIELD"]), "-o", "IdentitiesOnly=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "BatchMode=yes", "SPRINGFIELD@127.0.0.1", *command),
        )
        assert code != 0


async def test_curl_uploads_and_makes_folders_that_exist(school: School, local: Path) -> None:
    """The client tries MKDIR on each part of the path and goes on when the folder is there."""
    _, version = await school.run("curl", "--version")
    if "sftp" not in version:
        pytest.skip("this curl was built without SFTP")
    url = f"sftp://127.0.0.1:{school.port}/SPRINGFIELD/incoming/{NAME}"
    key = str(school.key_files["SPRINGFIELD"])
    code, output = await school.run(
        *("curl", "-sS", "-k", "--ftp-create-dirs", "-u", "SPRINGFIELD:", "--key", key),
        *("-T", str(local), url),
    )
    assert code == 0, output
    assert (school.incoming / NAME).read_bytes() == CONTENT


def paramiko_client(school: School) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        "127.0.0.1",
        school.port,
        "SPRINGFIELD",
        key_filename=str(school.key_files["SPRINGFIELD"]),
        allow_agent=False,
        look_for_keys=False,
    )
    return client


async def test_paramiko_put_and_its_look_at_the_size(school: School, local: Path) -> None:
    """The client compares the size after CLOSE and calls the upload failed when it differs."""

    def upload() -> Any:
        with paramiko_client(school) as client, client.open_sftp() as sftp:
            return sftp.put(str(local), f"/SPRINGFIELD/incoming/{NAME}", confirm=True).st_size

    assert await asyncio.to_thread(upload) == len(CONTENT)
    assert (school.incoming / NAME).read_bytes() == CONTENT


async def test_paramiko_looks_at_the_size_after_the_claim(school: School, local: Path) -> None:
    """The file may be claimed at once; the client must not send it again for that."""

    def upload() -> Any:
        with paramiko_client(school) as client, client.open_sftp() as sftp:
            path = f"/SPRINGFIELD/incoming/{NAME}"
            sftp.put(str(local), path, confirm=False)
            assert take(school.folders, school.notes()[0].account, NAME)
            size = sftp.stat(path).st_size
            sftp.utime(path, (1, 1))
            sftp.chmod(path, 0o600)
            sftp.remove(path)
            return size

    assert await asyncio.to_thread(upload) == len(CONTENT)
    withdrawn = school.events("upload_withdrawn")[0]
    assert withdrawn["outcome"] == "too_late"
    assert withdrawn["upload_id"] == school.events("upload_received")[0]["upload_id"]


async def test_paramiko_putfo_whose_reader_fails_publishes_only_what_it_closed(
    school: School,
) -> None:
    """A clean CLOSE after half a file cannot be told from a whole one; REMOVE withdraws it."""

    def upload() -> None:
        with paramiko_client(school) as client, client.open_sftp() as sftp:
            path = f"/SPRINGFIELD/incoming/{NAME}"
            with sftp.open(path, "wb") as file:
                file.write(CONTENT[:100])
            sftp.remove(path)

    await asyncio.to_thread(upload)
    assert not (school.incoming / NAME).exists()
    assert school.events("upload_withdrawn")[0]["outcome"] == "withdrawn"
    assert school.notes() == []


async def test_asyncssh_puts_and_gets(school: School, local: Path, tmp_path: Path) -> None:
    """Many requests in flight at once, in both directions."""
    client = await school.sftp()
    await client.put(str(local), f"/SPRINGFIELD/incoming/{NAME}", preserve=True)
    await client.get(f"/SPRINGFIELD/incoming/{NAME}", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == CONTENT
