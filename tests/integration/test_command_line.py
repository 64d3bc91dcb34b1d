"""What holds for every command: where `--config` may stand, and what an error exits with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

import ingestd
from ingestd.cli.app import COMMANDS, build_app, load_command
from ingestd.config.editing.examples import write_examples
from tests.warm_process import warm_process

COMMAND = [sys.executable, "-W", "error", "-c", "from ingestd.cli import main; main()"]


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
    return warm_process().run(arguments, cwd=folder, env=environment | settings)


def _commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, such as `uploads list`."""
    for name in COMMANDS:
        command = load_command(name)
        if isinstance(command, TyperGroup):
            yield from ((name, inner) for inner in command.commands)
        else:
            yield (name,)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config where no command looks by itself."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    write_examples(folder)
    return folder / "ingestd.toml"


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "check", "--config", "PATH"],
        ["config", "--config", "PATH", "check"],
        ["--config", "PATH", "config", "check"],
        ["--config=PATH", "config", "check"],
        ["--config", "nowhere.toml", "config", "check", "--config=PATH"],
    ],
)
def test_the_config_may_be_named_before_and_after_the_command(
    config: Path, arguments: list[str]
) -> None:
    """A script's author need not know which of the two this program is strict about."""
    done = run(config.parent.parent, *[part.replace("PATH", str(config)) for part in arguments])
    assert (done.returncode, done.stderr) == (0, "")


def test_the_named_config_wins_over_the_environment(config: Path) -> None:
    """A container that sets INGESTD_CONFIG does not keep a second installation from being asked."""
    elsewhere = {"INGESTD_CONFIG": "nowhere.toml"}
    named = ("--config", str(config), "config", "check")
    assert run(config.parent, *named, **elsewhere).returncode == 0
    assert run(config.parent, "config", "check", **elsewhere).returncode == 2


@pytest.mark.parametrize("words", sorted(_commands()), ids=" ".join)
def test_every_command_takes_a_config(words: tuple[str, ...]) -> None:
    """One wrapper script that adds `--config` serves for all commands."""
    answer = CliRunner().invoke(build_app(), [*words, "--config", "x", "--help"])
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_what_it_says_itself(name: str) -> None:
    """Help and completion do not load a command, and yet they tell no old story of it."""
    about = load_command(name).help or ""
    assert about.startswith(COMMANDS[name][1])


@pytest.mark.parametrize("words", sorted(_commands()), ids=" ".join)
def test_every_command_that_prints_a_table_can_print_it_wide(words: tuple[str, ...]) -> None:
    """Whoever needs the column that did not fit does not have to widen a window."""
    page = CliRunner().invoke(build_app(), [*words, "--help"], env={"COLUMNS": "200"}).output
    if "[table|" in page and words != ("config", "check"):
        assert "--wide" in page


def test_init_refuses_a_config_that_it_would_not_write(tmp_path: Path) -> None:
    """A config is never looked for in one place and written in another."""
    target = tmp_path / "school"
    refused = run(tmp_path, "init", "school", "--config", "other.toml")
    assert refused.returncode == 2
    assert not target.exists()
    named = run(tmp_path, "init", "school", "--config", "school/config/ingestd.toml")
    assert (named.returncode, named.stderr) == (0, "")


def test_a_place_where_nothing_can_be_made_exits_3(tmp_path: Path) -> None:
    """A deployment tells a wrong disk from a wrong config, and nobody reads a traceback."""
    failed = run(tmp_path, "init", "/proc/nowhere")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert failed.stderr.splitlines() == [
        "Cannot make the folder /proc/nowhere: nothing can be made there. Choose another."
    ]


@pytest.mark.parametrize(
    "words",
    ["check {} --format student_billing --account A", "catalog import parents {} --account A"],
)
@pytest.mark.parametrize("target", [".", "missing.csv"])
def test_what_is_no_file_exits_2(config: Path, words: str, target: str) -> None:
    """A path that ends too early is the command's mistake; the disk is well."""
    (config.parent / "accounts.toml").write_text("[A]\nname = 'A'\ntimezone = 'UTC'\n")
    assert run(config.parent, "init", "--config", str(config)).returncode == 0
    failed = run(config.parent, *words.format(target).split(), "--config", str(config))
    assert (failed.returncode, failed.stdout) == (2, "")
    assert len(failed.stderr.splitlines()) == 1
    assert target in failed.stderr


def test_an_answer_that_finds_no_room_exits_3(config: Path) -> None:
    """A report that a full disk cut short is not taken for a whole one."""
    command = [*COMMAND, "--config", str(config), "account", "list", "--output", "csv"]
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        failed = subprocess.run(
            command, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert (failed.returncode, failed.stderr) == (3, "No space left on device\n")


def test_the_version_is_told(tmp_path: Path) -> None:
    """Whoever reports a problem can say with what."""
    told = run(tmp_path, "--version")
    assert (told.returncode, told.stdout, told.stderr) == (
        0,
        f"ingestd {ingestd.__version__}\n",
        "",
    )
