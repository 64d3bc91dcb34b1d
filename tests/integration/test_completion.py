"""What a shell asks for at every key and prompt: completion and the version, at little cost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestd.cli.app import COMMANDS

# What makes a start slow: databases, SSH, HTTP, logs, and what edits a config.
HEAVY = {
    "sqlalchemy",
    "asyncssh",
    "starlette",
    "uvicorn",
    "alembic",
    "cryptography",
    "structlog",
    "tomlkit",
}
RUN = "sys.argv[0] = 'ingestd'; from ingestd.cli import main; main()"
LOAD_ALL = "from ingestd.cli.app import *; [load_command(name) for name in COMMANDS]"


def loaded_by(code: str, *arguments: str, **settings: str) -> tuple[str, set[str]]:
    """Return what a program printed, and the packages that were loaded when it ended."""
    environment = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    done = subprocess.run(
        [sys.executable, "-c", tell + code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment | settings,
        timeout=60,
    )
    return done.stdout, {module.partition(".")[0] for module in done.stderr.split()}


def completed(*words: str) -> list[str]:
    """Return what bash is offered after these words, at little cost."""
    printed, packages = loaded_by(
        RUN,
        _INGESTD_COMPLETE="complete_bash",
        COMP_WORDS="\n".join(("ingestd", *words)),
        COMP_CWORD=str(len(words)),
    )
    assert not packages & (HEAVY | {"rich", "markdown_it"})
    return printed.split()


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_a_shell_asks_for_often_loads_little(option: str) -> None:
    """A prompt or an inventory script that asks for the version is not kept waiting."""
    printed, packages = loaded_by(RUN, option)
    assert "ingestd" in printed
    assert not packages & HEAVY


def test_no_command_loads_what_it_runs_on_before_it_runs() -> None:
    """A key pressed in a shell is answered at once, whatever the command would do."""
    _, packages = loaded_by(LOAD_ALL)
    assert "ingestd" in packages
    assert not packages & HEAVY


def test_every_word_of_a_command_is_completed() -> None:
    """Nobody has to know all commands by heart."""
    assert completed("") == list(COMMANDS)
    assert completed("up") == ["uploads"]
    words = ["list", "show", "retry", "give-up", "adopt", "receipt"]
    assert completed("uploads", "") == words
    assert completed("report", "items", "--output", "") == ["table", "csv", "json"]
    assert "--as-known" in completed("--config", "x", "report", "items", "--")


def test_bash_takes_the_completion_that_is_shown() -> None:
    """What the manual says to type into a shell gives completion there."""
    folder = Path(sys.executable).parent
    words = "COMP_WORDS=(ingestd uploads sh); COMP_CWORD=2; _ingestd_completion ingestd"
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'eval "$(_INGESTD_COMPLETE=source_bash ingestd)"; {words}; echo $COMPREPLY',
        ],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("show\n", "")
