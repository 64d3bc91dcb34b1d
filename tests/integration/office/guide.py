"""The office's guide taken apart, and the reader who types it, word by word."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ingestd.cli.app import main
from tests.acceptance.daemon_log import until

if TYPE_CHECKING:
    import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "office.md"
PROMPT = "$ "
COLUMNS = 80
COMMAND_SECONDS_MAX = 120.0  # on a machine that does much else; by itself each takes a second

# A block of the page; the name in front of it is that of the file that it is.
_BLOCK = re.compile(r"(?:`([\w./-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file that the page tells to save, or what it tells to add to one that is there."""

    name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command as it is typed, and what the page says it prints."""

    command: str
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the terminal shows of a command."""

    text: str
    exit_code: int


def read_guide() -> list[Saved | Typed]:
    """Take the page apart into what its reader does, in order."""
    steps: list[Saved | Typed] = []
    for name, language, block in _BLOCK.findall(GUIDE.read_text("utf-8")):
        if name:
            steps.append(Saved(name=name, content=block))
        elif language == "console":
            steps += _typed(block)
        else:
            assert language == "sh", f"nobody knows what this is: {block}"
            steps.append(Typed(command=block))
    return steps


def _typed(block: str) -> Iterator[Typed]:
    step: Typed | None = None
    for line in block.replace("\\\n", "\\\0").splitlines():
        text = line.replace("\0", "\n")
        if text.startswith(PROMPT):
            if step:
                yield step
            step = Typed(command=text.removeprefix(PROMPT))
        else:
            assert step, f"nothing was typed before {line}"
            step.told.append(text)
    if step:
        yield step


class Screen(io.TextIOWrapper):
    """A terminal: what is written to it stays to be read."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


class Reader:
    """Somebody in an empty folder, at a terminal of 80 columns; `ports` stand for the page's."""

    def __init__(
        self, folder: Path, ports: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._folder, self._ports, self._monkeypatch = folder, ports, monkeypatch
        self._spool = folder / "data" / "spool" / "OAK"
        self._daemons: list[subprocess.Popen[bytes]] = []
        for name in [name for name in os.environ if "INGESTD" in name]:
            monkeypatch.delenv(name)
        settings = {
            "INGESTD_SFTP__LISTEN": f'["127.0.0.1:{ports["2222"]}"]',
            "INGESTD_HTTP__LISTEN": f"127.0.0.1:{ports['8080']}",
            "INGESTD_INTAKE__SETTLE_SECONDS": "0.1",
            "INGESTD_INTAKE__DISK_RESERVE_BYTES": "0",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": str(COLUMNS),
            "NO_COLOR": "1",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(folder)

    def save(self, saved: Saved) -> None:
        """Save a file, or add to it where it is there."""
        with (self._folder / saved.name).open("a", encoding="utf-8") as file:
            file.write(self._here(saved.content))

    def type(self, command: str) -> Shown:
        """Type a command, and wait until it has done what it is for."""
        words = shlex.split(command.replace("\\\n", " "))
        if words[-1] == "&":
            self._serve(command.rstrip(" &"))
            return Shown(text="", exit_code=0)
        if words[0] == "ingestd" and ">" not in words:
            return self._ask(words)
        receipts = self._receipts()
        done = subprocess.run(
            ["bash", "-c", self._here(command)],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
        )
        if words[:2] == ["sh", "upload.sh"] and done.returncode == 0:
            until(lambda: self._receipts() > receipts, "the upload's receipt")
        return Shown(text=done.stdout, exit_code=done.returncode)

    def leave(self) -> None:
        """Stop what runs still."""
        for daemon in self._daemons:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGTERM)
            daemon.wait(COMMAND_SECONDS_MAX)

    def _ask(self, words: Sequence[str]) -> Shown:
        # As a process of its own each of the guide's commands would take seconds to start.
        screen = Screen()
        exit_code = 0
        with self._monkeypatch.context() as patched:
            patched.setattr("sys.argv", words)
            patched.setattr("sys.stdout", screen)
            patched.setattr("sys.stderr", screen)
            try:
                main()
            except SystemExit as ended:
                exit_code = int(ended.code or 0)
        return Shown(text=screen.text(), exit_code=exit_code)

    def _serve(self, command: str) -> None:
        self._daemons.append(
            subprocess.Popen(["bash", "-c", f"exec {command}"], start_new_session=True)
        )
        log = self._folder / "serve.log"
        until(
            lambda: (self._spool / "incoming").is_dir() and "daemon_started" in log.read_text(),
            "the daemon's start",
        )

    def _receipts(self) -> int:
        return len(list((self._spool / "receipts").glob("*.json")))

    def _here(self, text: str) -> str:
        for port, free in self._ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text
