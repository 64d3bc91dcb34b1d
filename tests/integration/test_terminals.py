"""What a command shows on real terminals of several widths, and in a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from ingestd.config.editing.examples import write_examples
from tests.integration.test_command_line import COMMAND, run


def on_a_terminal(command: list[str], columns: int, **settings: str) -> tuple[str, str]:
    """Return what a command shows on a terminal so wide, and what it says beside it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {
        name: value
        for name, value in os.environ.items()
        if "INGESTD" not in name and name not in {"COLUMNS", "LINES"}
    }
    with subprocess.Popen(
        command,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"NO_COLOR": "1"} | settings,
    ) as process:
        os.close(theirs)
        shown = b""
        # A terminal whose other end was closed gives what was written, and then an error.
        with contextlib.suppress(OSError):
            while block := os.read(ours, 65_536):
                shown += block
        os.close(ours)
        told = process.communicate(timeout=60)[1]
    return shown.decode().replace("\r\n", "\n"), told


@pytest.fixture
def far_away(tmp_path: Path) -> Path:
    """A config with an account whose name and networks are long."""
    write_examples(tmp_path)
    config = tmp_path / "ingestd.toml"
    (config.parent / "accounts.toml").write_text(
        "[SPRINGFIELD-CONSOLIDATED-NORTH]\nname = 'Springfield Consolidated School District'\n"
        "timezone = 'America/Indiana/Petersburg'\n"
    )
    (config.parent / "allowlist.toml").write_text(
        "everyone = []\ndeny = []\n[accounts]\n"
        "SPRINGFIELD-CONSOLIDATED-NORTH = ['203.0.113.16/28', '2001:db8:51:1234::/64']\n"
    )
    return config


@pytest.mark.parametrize("columns", [20, 40, 80, 100, 132])
def test_a_narrow_terminal_cuts_nothing(far_away: Path, columns: int) -> None:
    """Whoever looks on a telephone, too, copies whole networks and names."""
    command = [*COMMAND, "account", "list", "--config", str(far_away)]
    shown, told = on_a_terminal(command, columns)
    for whole in ("SPRINGFIELD-CONSOLIDATED-NORTH", "203.0.113.16/28", "2001:db8:51:1234::/64"):
        assert whole in shown
    assert "…" not in shown
    hidden = "America/Indiana/Petersburg" not in shown
    assert ("timezone" in told and "--wide" in told) == hidden


def test_a_terminal_shows_all_with_wide_and_so_does_a_pipe(far_away: Path) -> None:
    """A script sees the same on every machine, and so does whoever asks for it."""
    command = [*COMMAND, "account", "list", "--config", str(far_away)]
    wide, told = on_a_terminal([*command, "--wide"], 40)
    piped = run(far_away.parent, "account", "list", "--config", str(far_away), COLUMNS="40")
    assert (wide, told) == (piped.stdout, "")
    assert "America/Indiana/Petersburg" in wide
    assert len(wide.splitlines()) == 2


def test_the_header_stands_out_unless_colours_are_unwanted(far_away: Path) -> None:
    """Where a terminal can, it helps to read; where it cannot, it writes no signs."""
    command = [*COMMAND, "account", "list", "--config", str(far_away)]
    assert "\x1b" in on_a_terminal(command, 200, NO_COLOR="", TERM="xterm")[0]
    assert "\x1b" not in on_a_terminal(command, 200, NO_COLOR="1", TERM="xterm")[0]
    assert "\x1b" not in on_a_terminal(command, 200, NO_COLOR="", TERM="dumb")[0]
