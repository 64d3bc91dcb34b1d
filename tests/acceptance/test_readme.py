"""The first five minutes of README.md, typed as they stand: each command, and what it answers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

README = Path(__file__).parents[2] / "README.md"
CHAPTER = re.compile(r"^## The first five minutes$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(sh|console|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT, SFTP_PROMPT = "$ ", "sftp> "

# What differs from one trial to the next: identifiers, hashes, today.
VOLATILE = {r"\b[0-9A-Z]{26}\b": "[0-9A-Z]{26}", r"\b[0-9a-f]{64}\b": "[0-9a-f]{64}"}
TODAY = "2026-11-21"
DONE = "== done =="
COMMAND_SECONDS_MAX = 120.0  # on a machine that does much else; by itself each takes a second


@dataclass(frozen=True, slots=True)
class Step:
    """A command as it is typed, what is typed into it, and what the page says it answers."""

    command: str
    typed: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """The chapter: its steps, and the receipt that it shows."""

    steps: list[Step]
    receipt: dict[str, Any]


def read_page() -> Page:
    """Take the chapter apart. The first block installs what these tests have installed."""
    found = CHAPTER.search(README.read_text("utf-8"))
    assert found
    steps: list[Step] = []
    receipt: dict[str, Any] = {}
    for language, block in BLOCK.findall(found[1])[1:]:
        if language == "json":
            receipt = json.loads(block)
        elif language == "sh":
            steps.append(Step(block))
        else:
            read_console(block, steps)
    return Page(steps, receipt)


def read_console(block: str, steps: list[Step]) -> None:
    for line in re.sub(r"\\\n", "\\\\\0", block).splitlines():
        text = line.replace("\0", "\n")
        if text.startswith(PROMPT):
            steps.append(Step(text.removeprefix(PROMPT)))
        elif text.startswith(SFTP_PROMPT):
            steps[-1].typed.append(text.removeprefix(SFTP_PROMPT))
        elif text.strip():
            steps[-1].answers.append(text)


def pattern_of(answer: str) -> str:
    """Return what a line of the page stands for: `…` is anything, and columns may be wider."""
    pattern = re.escape(answer)
    for told, meant in VOLATILE.items():
        pattern = re.sub(told, meant, pattern)
    pattern = pattern.replace(re.escape(TODAY), r"\d{4}-\d\d-\d\d").replace("…", ".*")
    return re.sub(r"(\\ )+", r"\\s+", pattern)


class Terminal:
    """A shell that somebody types into, in a home of its own."""

    def __init__(self, home: Path, ports: dict[str, str]) -> None:
        self._ports = ports
        folder = home / "ingestd-trial" / "venv"
        folder.mkdir(parents=True)
        (folder / "bin").symlink_to(Path(sys.executable).parent)
        inherited = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=home,
            env=inherited | {"HOME": str(home)} | listening(ports),
            start_new_session=True,
        )

    def begin(self, command: str) -> None:
        """Type a command; the shell says when it is done."""
        for port, free in self._ports.items():
            command = command.replace(port, free)
        # A block may end in a here-document, whose last word must stand alone on its line.
        self.type(f"{{ {command.rstrip()}\n}}; echo; echo '{DONE}'")

    def type(self, line: str) -> None:
        assert self._shell.stdin
        self._shell.stdin.write(f"{line}\n")
        self._shell.stdin.flush()

    def answer(self) -> list[str]:
        """Return what was printed until the command was done."""
        assert self._shell.stdout
        lines: list[str] = []
        too_late = threading.Timer(COMMAND_SECONDS_MAX, self.kill)
        too_late.start()
        try:
            for line in self._shell.stdout:
                if line.rstrip("\n") == DONE:
                    return lines
                lines.append(line.rstrip("\n"))
        finally:
            too_late.cancel()
        raise AssertionError(f"the shell ended, or the command did not: {lines}")

    def kill(self) -> None:
        """End the shell, and whatever it left running in its own group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        self._shell.communicate()


def listening(ports: dict[str, str]) -> dict[str, str]:
    """Return the settings that stand for the page's ports, which may be taken here."""
    return {
        "INGESTD_SFTP__LISTEN": json.dumps([f"127.0.0.1:{ports['2222']}"]),
        "INGESTD_HTTP__LISTEN": f"127.0.0.1:{ports['8080']}",
    }


@pytest.fixture
def page() -> Page:
    return read_page()


@pytest.fixture
def terminal(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Terminal]:
    """A shell in an empty home."""
    ports = {"2222": str(free_port()), "8080": str(free_port())}
    opened = Terminal(tmp_path, ports)
    yield opened
    opened.close()


def test_the_first_five_minutes_work_as_they_are_typed(
    page: Page, terminal: Terminal, tmp_path: Path, until: Callable[..., Any]
) -> None:
    """Whoever tries ingestd from its front page sees what the page says, to the last line."""
    trial = tmp_path / "ingestd-trial"
    receipts = trial / "data" / "spool" / "SPRINGFIELD" / "receipts"
    for step in page.steps:
        terminal.begin(step.command)
        for line in step.typed:
            if line.startswith("get "):
                until(lambda: list(receipts.glob("*.json")), "a second or two")
            terminal.type(line)
        answered = terminal.answer()
        for told in step.answers:
            assert [line for line in answered if re.fullmatch(pattern_of(told), line)], (
                step.command,
                told,
                answered,
            )
        if step.typed:
            fetched = list(trial.glob("student_billing_destiny.*.json"))
            receipt = json.loads(fetched[0].read_bytes())
            told_receipt = page.receipt | {"upload_id": receipt["upload_id"]}
            assert {name: receipt[name] for name in told_receipt} == told_receipt
    assert not trial.exists()


def test_the_page_is_read(page: Page) -> None:
    """The test above is no test if it finds nothing to type."""
    commands = "".join(step.command for step in page.steps)
    for word in ("ssh-keygen", "ingestd init", "account add", "catalog import", "sftp -P"):
        assert word in commands
    assert sum(len(step.answers) for step in page.steps) > 30
    assert page.receipt["applied_amount"] == "271.75"
