"""Clients that give up in the middle and still close the file as if it were whole.

Nothing on the wire tells such a file from a whole one. Its last row is cut off, and that is
what tells: it is not charged, and the receipt says so.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery

BYTES_PER_SECOND = 4_000_000
KBIT_PER_SECOND = BYTES_PER_SECOND * 8 // 1000
TIMED_OUT = 28


class FailingReader:
    """A source that breaks in the middle: a database export that loses its connection."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._left_bytes = path.stat().st_size // 2

    def read(self, count: int) -> bytes:
        content = self._file.read(count)
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            self._file.close()
            raise ConnectionError("the export broke")
        return content


def test_ctrl_c_in_sftp_charges_no_part_of_a_row(long_delivery: Delivery) -> None:
    """Somebody notices the wrong file and presses Ctrl-C; `sftp` closes what it has sent."""
    school, limit = long_delivery.school, str(KBIT_PER_SECOND)
    command = school.openssh("sftp", "-l", limit, "-b", "-", f"{school.account}@127.0.0.1")
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as program:
        assert program.stdin is not None
        program.stdin.write(f"put {long_delivery.path} {long_delivery.target}\n".encode())
        program.stdin.flush()
        long_delivery.wait_until_bytes_arrive()
        os.killpg(program.pid, signal.SIGINT)
        program.stdin.close()
    long_delivery.check_last_row_was_not_charged()


def test_curl_out_of_time_charges_no_part_of_a_row(long_delivery: Delivery) -> None:
    """`--max-time` stands in many a job; it cuts a slow upload off and closes it properly."""
    school = long_delivery.school
    done = school.run_client(
        *("curl", "-sS", "-k", "--user", f"{school.account}:", "--key", str(school.key)),
        *("--max-time", "1", "--limit-rate", str(BYTES_PER_SECOND)),
        *("-T", str(long_delivery.path)),
        f"sftp://127.0.0.1:{school.sftp_port}{long_delivery.target}",
    )
    assert done.returncode == TIMED_OUT, done.stderr
    long_delivery.check_last_row_was_not_charged()


def test_a_paramiko_script_whose_source_breaks_charges_no_part_of_a_row(
    long_delivery: Delivery,
) -> None:
    """`putfo` closes the remote file on its way out of the error."""
    with (
        long_delivery.school.paramiko() as sftp,
        pytest.raises(ConnectionError, match="the export broke"),
    ):
        sftp.putfo(FailingReader(long_delivery.path), long_delivery.target)
    long_delivery.check_last_row_was_not_charged()
