"""Daemons that start at once: each is a fork of a process that has imported the program.

Run as a module, this is that process. It reads a line of JSON for each daemon, answers its process
identifier, and ends with its stdin. `tests/warm_process.py` does so for commands.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

_REPOSITORY = Path(__file__).parents[3]
_PRELOADED = ("ingestd.cli.app", "ingestd.service.daemon.supervisor", "sqlalchemy.dialects.sqlite")
_PATIENCE_SECONDS = 30


class Daemon:
    """One daemon; it is no child of ours: a descriptor stands for it, not its number."""

    def __init__(self, pid: int | None = None) -> None:
        """None stands for a daemon that has not been started."""
        self._descriptor = -1
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                self._descriptor = os.pidfd_open(pid)

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, by itself or killed."""
        return self._descriptor < 0 or bool(select.select([self._descriptor], [], [], 0)[0])

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            assert select.select([self._descriptor], [], [], _PATIENCE_SECONDS)[0]
            os.close(self._descriptor)
        self._descriptor = -1


class Daemons:
    """Starts `ingestd serve`, as it is or with one sync left out."""

    def __enter__(self) -> Daemons:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.lost_power.daemons"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_REPOSITORY,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def start(self, environment: Mapping[str, str], log: Path, left_out: str | None) -> Daemon:
        """Start one that logs to `log`; `left_out` is a name in SITES."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"environment": dict(environment), "log": str(log), "left_out": left_out}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Daemon(int(self._process.stdout.readline()))


def _become(environment: dict[str, str], log: str, left_out: str | None) -> None:
    """Run the daemon in this process, which was forked for it."""
    from ingestd.cli import main
    from tests.acceptance.lost_power.leaving_out import SITES

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    stderr = os.open(log, os.O_WRONLY | os.O_APPEND)
    for number, descriptor in enumerate((nothing, nothing, stderr)):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    if left_out is not None:
        SITES[left_out].leave_out()
    sys.argv[:] = ["ingestd", "serve"]
    main()


def _serve() -> None:
    for name in _PRELOADED:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            _become(**json.loads(line))
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
