"""Clients as districts use them: each believes rightly that its upload went well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

ROWS = 2_000


def check_whole(school: School, filename: str) -> None:
    receipt = school.wait_until_receipt(filename)
    assert (receipt["status"], receipt["rows"]["applied"]) == ("processed", ROWS)


@pytest.mark.parametrize("number", range(3))
def test_paramiko_finds_its_file_after_the_upload(shared_school: School, number: int) -> None:
    """Paramiko compares sizes after CLOSE: a file that was claimed at once is still there."""
    path = shared_school.write_many(f"student_billing_p{number}.csv", ROWS, prefix=f"P{number}")
    with shared_school.paramiko() as sftp:
        remote = f"/{shared_school.account}/incoming/{path.name}"
        sftp.put(str(path), remote, confirm=True)
        check_whole(shared_school, path.name)
        assert sftp.stat(remote).st_size == path.stat().st_size


def test_sftp_may_keep_times_and_modes(shared_school: School) -> None:
    """`put -p` asks for things that have no meaning here, and is not refused for it."""
    path = shared_school.write_many("student_billing_times.csv", ROWS, prefix="T")
    done = shared_school.sftp_batch(f"put -p {path} /{shared_school.account}/incoming/")
    assert done.returncode == 0, done.stderr
    check_whole(shared_school, path.name)


def test_scp_uploads_and_exits_0(shared_school: School) -> None:
    """Jobs that were written for scp go on to work."""
    path = shared_school.write_many("student_billing_scp.csv", ROWS, prefix="S")
    target = f"{shared_school.account}@127.0.0.1:/{shared_school.account}/incoming/"
    done = shared_school.run_client(*shared_school.openssh("scp", "-p", str(path), target))
    assert (done.returncode, done.stderr) == (0, "")
    check_whole(shared_school, path.name)


def test_curl_uploads_under_a_temporary_name_and_renames(shared_school: School) -> None:
    """A one-line job in cron needs no SFTP program at all."""
    if "sftp" not in shared_school.run_client("curl", "--version").stdout:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("this curl speaks no SFTP")
    path = shared_school.write_many("student_billing_curl.csv", ROWS, prefix="C")
    folder = f"/{shared_school.account}/incoming"
    done = shared_school.run_client(
        *("curl", "-sS", "-k", "-T", str(path), "--user", f"{shared_school.account}:"),
        *("--key", str(shared_school.key), "--pubkey", f"{shared_school.key}.pub"),
        *("-Q", f"-rename {folder}/up.part {folder}/{path.name}"),
        f"sftp://127.0.0.1:{shared_school.sftp_port}{folder}/up.part",
    )
    assert done.returncode == 0, done.stderr
    check_whole(shared_school, path.name)


def test_a_client_sees_its_two_folders_and_nothing_else(shared_school: School) -> None:
    """No path leads to another district, or to the machine."""
    with shared_school.paramiko() as sftp:
        assert sftp.listdir("/") == [shared_school.account]
        assert sorted(sftp.listdir(f"/{shared_school.account}")) == ["incoming", "receipts"]
        for path in ("/etc", "/../../etc", f"/{shared_school.account}/../OTHER"):
            with pytest.raises(OSError, match="no such"):
                sftp.listdir(path)


def test_receipts_are_read_only(shared_school: School) -> None:
    """What we told a district stays what we told it."""
    path = shared_school.write_many("student_billing_kept.csv", ROWS, prefix="K")
    shared_school.upload(path)
    check_whole(shared_school, path.name)
    (name,) = (each.name for each in shared_school.receipts.glob("student_billing_kept*"))
    folder = f"/{shared_school.account}/receipts"
    for command in (f"rm {folder}/{name}", f"put {path} {folder}/", f"rename {folder}/{name} x"):
        assert shared_school.sftp_batch(command).returncode == 1
    assert (shared_school.receipts / name).exists()


def test_no_shell_and_no_command_can_be_had(shared_school: School) -> None:
    """A key for uploads is a key for nothing else."""
    target = f"{shared_school.account}@127.0.0.1"
    for command in ([], ["id"]):
        done = shared_school.run_client(*shared_school.openssh("ssh", "-T", target, *command))
        assert (done.returncode != 0, done.stdout) == (True, "")
