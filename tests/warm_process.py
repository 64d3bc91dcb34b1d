"""A process that has imported the program and waits: each command runs in a fork of it.

To import all that a command needs takes longer than most commands, and a test of an installation
types dozens. A fork is a process as any other, with arguments, an environment and streams of its
own; only the imports are done. Run as a script, this is that process; it ends with its caller.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_PRELOADED = (
    "ingestd.cli.app",
    "ingestd.service.installation.bootstrap",
    "ingestd.service.office.bookkeeper",
    "ingestd.reports.figures.items",
    "sqlalchemy.dialects.sqlite",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
)
_REQUEST_BYTES_MAX, _ANSWER_BYTES_MAX = 1 << 20, 20


class WarmProcess:
    """Runs `ingestd` commands, each in a process of its own that is forked from a warm one."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ingestd-warm-")
        self._path = str(Path(self._folder.name) / "socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            listening.bind(self._path)
            listening.listen(16)
            # It ends when this pipe does, however this process ends.
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(listening.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[listening.fileno()],
            )

    def run(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: str = "",
        cwd: Path | None = None,
        seconds: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises subprocess.TimeoutExpired as `subprocess.run` does."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection,
        ):
            given.write(stdin.encode())
            given.seek(0)
            connection.connect(self._path)
            connection.settimeout(seconds)
            request = {
                "arguments": list(arguments),
                "env": dict(env),
                "cwd": str(cwd or Path.cwd()),
            }
            streams = [stream.fileno() for stream in (given, out, err)]
            socket.send_fds(connection, [json.dumps(request).encode()], streams)
            pid = int(connection.recv(_ANSWER_BYTES_MAX))
            try:
                code = int(connection.recv(_ANSWER_BYTES_MAX))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), seconds) from None
            for stream in (out, err):
                stream.seek(0)
            return subprocess.CompletedProcess(
                list(arguments), code, out.read().decode(), err.read().decode()
            )

    def stop(self) -> None:
        """End the warm process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


@cache
def warm_process() -> WarmProcess:
    """Return the one of this test run, which is started for the first command."""
    process = WarmProcess()
    atexit.register(process.stop)
    return process


def _serve(listening: socket.socket) -> None:
    """Fork for each command that is asked for; returns in the fork, which becomes it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
    while True:
        if sys.stdin in select.select([listening, sys.stdin], [], [])[0]:
            os._exit(0)
        connection, _ = listening.accept()
        content, streams, _, _ = socket.recv_fds(connection, _REQUEST_BYTES_MAX, 3)
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            request = json.loads(content)
            pid = os.fork()
            if pid == 0:
                connection.close()
                _become(request, streams)
                return
            connection.sendall(str(pid).encode())
            _, status = os.waitpid(pid, 0)
            connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        connection.close()
        for stream in streams:
            os.close(stream)


def _become(request: Mapping[str, object], streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    environment, arguments = request["env"], request["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["cwd"]))
    sys.argv[:] = ["ingestd", *arguments]
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ResourceWarning)  # as Python does by itself


if __name__ == "__main__":
    for name in _PRELOADED:
        __import__(name)
    from ingestd.cli import main

    with socket.socket(fileno=int(sys.argv[1])) as waiting:
        _serve(waiting)
    main()
