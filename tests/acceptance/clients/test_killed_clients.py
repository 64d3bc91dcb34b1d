"""Clients that are killed in the middle (`kill -9`, a crash, a power cut): half a file is none."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.conftest import need

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery

HERE = Path(__file__).parent
PART_BYTES = 2_000_000
PATIENCE_SECONDS = 20
# Slow enough that the first bytes are seen long before the last is sent.
BYTES_PER_SECOND = 1_000_000
KBIT_PER_SECOND = BYTES_PER_SECOND * 8 // 1000


def start(*command: str, **pipes: Any) -> subprocess.Popen[bytes]:
    need(command[0])
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **pipes,
    )


def kill_when_bytes_arrive(
    program: subprocess.Popen[bytes], delivery: Delivery, said: bytes
) -> None:
    """Tell the client what it reads from its input, and kill it and its children mid-upload."""
    with program:
        assert program.stdin is not None
        try:
            program.stdin.write(said)
            program.stdin.flush()
            delivery.wait_until_bytes_arrive()
        finally:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait(PATIENCE_SECONDS)


def test_killed_sftp_is_an_interrupted_upload(long_delivery: Delivery) -> None:
    """Both the program and its connection are gone at once."""
    school, limit = long_delivery.school, str(KBIT_PER_SECOND)
    command = school.openssh("sftp", "-l", limit, "-b", "-", f"{school.account}@127.0.0.1")
    said = f"put {long_delivery.path} {long_delivery.target}\n"
    kill_when_bytes_arrive(start(*command), long_delivery, said.encode())
    long_delivery.check_interrupted_and_sent_again()


def test_killed_scp_is_an_interrupted_upload(long_delivery: Delivery) -> None:
    """There is no temporary name; what arrived is kept apart until it is whole."""
    school, limit = long_delivery.school, str(KBIT_PER_SECOND)
    target = f"{school.account}@127.0.0.1:{long_delivery.target}"
    command = school.openssh("scp", "-l", limit, str(long_delivery.path), target)
    kill_when_bytes_arrive(start(*command), long_delivery, b"")
    long_delivery.check_interrupted_and_sent_again()


def test_killed_psftp_is_an_interrupted_upload(
    long_delivery: Delivery, putty_options: tuple[str, ...]
) -> None:
    """A Windows machine that restarts for an update in the middle of a job."""
    who = f"{long_delivery.school.account}@127.0.0.1"
    said = f"put {long_delivery.path} {long_delivery.target}\n"
    program = start("psftp", *putty_options, "-b", "/dev/stdin", who)
    kill_when_bytes_arrive(program, long_delivery, said.encode())
    long_delivery.check_interrupted_and_sent_again()


def test_killed_lftp_is_an_interrupted_upload(long_delivery: Delivery) -> None:
    """Its ssh dies with it, or ends the session as if all were well."""
    school = long_delivery.school
    connect = shlex.join(school.openssh("ssh", "-a", "-x"))
    url = f"sftp://{school.account}:@127.0.0.1:{school.sftp_port}"
    commands = (
        f'set sftp:connect-program "{connect}"',
        f"set net:limit-rate {BYTES_PER_SECOND}",
        f"open {url}",
        f"put -O {long_delivery.folder} {long_delivery.path}",
    )
    program = start("lftp", "--norc", "-c", "; ".join(commands))
    kill_when_bytes_arrive(program, long_delivery, b"")
    long_delivery.check_interrupted_and_sent_again()


def test_killed_rclone_is_an_interrupted_upload(long_delivery: Delivery) -> None:
    """Version 1.60 writes under the name itself."""
    school = long_delivery.school
    where = ("--sftp-host", "127.0.0.1", "--sftp-port", str(school.sftp_port))
    who = ("--sftp-user", school.account, "--sftp-key-file", str(school.key))
    slowly = ("--bwlimit", f"{BYTES_PER_SECOND}B", "--config", "/dev/null")
    what = ("copyto", str(long_delivery.path), f":sftp:{long_delivery.target}")
    program = start("rclone", *what, *where, *who, *slowly)
    kill_when_bytes_arrive(program, long_delivery, b"")
    long_delivery.check_interrupted_and_sent_again()


def test_killed_curl_is_an_interrupted_upload(long_delivery: Delivery) -> None:
    """Without a temporary name, too."""
    school = long_delivery.school
    who = ("--user", f"{school.account}:", "--key", str(school.key), "-k")
    what = ("--limit-rate", str(BYTES_PER_SECOND), "-T", str(long_delivery.path))
    url = f"sftp://127.0.0.1:{school.sftp_port}{long_delivery.target}"
    kill_when_bytes_arrive(start("curl", "-sS", *who, *what, url), long_delivery, b"")
    long_delivery.check_interrupted_and_sent_again()


@pytest.mark.parametrize("library", ["paramiko", "ssh2", "asyncssh"])
def test_a_killed_script_is_an_interrupted_upload(long_delivery: Delivery, library: str) -> None:
    """A script that dies has not said CLOSE, whatever library it uses."""
    school = long_delivery.school
    if find_spec(library) is None and os.environ.get("CI") != "true":
        pytest.skip(f"{library} is not installed")
    who = (str(school.sftp_port), school.account, str(school.key))
    script = str(HERE / "pipe_upload.py")
    program = start(sys.executable, script, library, *who, long_delivery.target)
    part = long_delivery.path.read_bytes()[:PART_BYTES]
    kill_when_bytes_arrive(program, long_delivery, part)
    long_delivery.check_interrupted_and_sent_again()


def test_a_killed_node_script_is_an_interrupted_upload(
    long_delivery: Delivery, node_modules: Path, fingerprint: str
) -> None:
    """The same for Node.js."""
    school = long_delivery.school
    who = (str(school.sftp_port), school.account, str(school.key), fingerprint)
    what = ("-", long_delivery.target)
    environment = os.environ | {"NODE_PATH": str(node_modules)}
    script = str(HERE / "node" / "upload.js")
    program = start("node", script, "pipe", *who, *what, env=environment)
    part = long_delivery.path.read_bytes()[:PART_BYTES]
    kill_when_bytes_arrive(program, long_delivery, part)
    long_delivery.check_interrupted_and_sent_again()
