"""OpenSSH, the client that every Unix machine has: `sftp` and `scp`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery

KBIT_PER_SECOND = 8_000  # so that the first part is there long before the last


def sftp(delivery: Delivery, *commands: str) -> None:
    done = delivery.school.sftp_batch(*commands)
    assert done.returncode == 0, done.stderr


def put(delivery: Delivery) -> None:
    sftp(delivery, f"put {delivery.path} {delivery.folder}/")


def put_and_keep_times(delivery: Delivery) -> None:
    sftp(delivery, f"cd {delivery.folder}", f"put -p {delivery.path}", "ls -la")


def put_and_rename(delivery: Delivery) -> None:
    part = f"{delivery.target}.part"
    sftp(delivery, f"put {delivery.path} {part}", f"rename {part} {delivery.target}")


def scp(delivery: Delivery) -> None:
    target = f"{delivery.school.account}@127.0.0.1:{delivery.folder}/"
    delivery.run(*delivery.school.openssh("scp", str(delivery.path), target))


def scp_and_keep_times(delivery: Delivery) -> None:
    target = f"{delivery.school.account}@127.0.0.1:{delivery.target}"
    delivery.run(*delivery.school.openssh("scp", "-p", "-s", str(delivery.path), target))


@pytest.mark.parametrize("way", [put, put_and_keep_times, put_and_rename, scp, scp_and_keep_times])
def test_an_upload_exits_0_and_is_processed_once(
    delivery: Delivery, way: Callable[[Delivery], None]
) -> None:
    """The exit code is all that a job in cron sees; it must be the truth."""
    way(delivery)
    delivery.check_taken_once()


def test_put_after_a_drop_makes_the_file_whole(long_delivery: Delivery) -> None:
    """There is nothing to continue, which could be of another version; `put` starts anew."""
    school = long_delivery.school
    batch = ("sftp", "-l", str(KBIT_PER_SECOND), "-b", "-", f"{school.account}@127.0.0.1")
    program = subprocess.Popen(
        school.openssh(*batch),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with program:
        assert program.stdin is not None
        program.stdin.write(f"put {long_delivery.path} {long_delivery.folder}/\n".encode())
        program.stdin.close()
        long_delivery.wait_until_bytes_arrive()
        os.killpg(program.pid, signal.SIGKILL)
    long_delivery.check_interrupted()
    assert school.sftp_batch(f"reput {long_delivery.path} {long_delivery.target}").returncode == 1
    sftp(long_delivery, f"put {long_delivery.path} {long_delivery.target}")
    long_delivery.check_taken_once(after_interrupted=1)
