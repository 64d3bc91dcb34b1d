"""Who and why: every command that changes the books takes both, spelled alike."""

from __future__ import annotations

import os
import pwd

import pytest
from typer.core import TyperGroup

from ingestd.cli.app import COMMANDS, load_command
from ingestd.cli.opening.who import who_runs_this
from ingestd.ledger.entries.author import Command

ASKING = {Command.LEDGER_QUOTE}


def options_of(command: Command) -> set[str] | None:
    """Return the options of a command; None where the command line does not have it."""
    group_name, name = command.split(" ", 1)
    if group_name not in COMMANDS:
        return None
    group = load_command(group_name)
    assert isinstance(group, TyperGroup)
    found = group.commands.get(name)
    return None if found is None else {opt for param in found.params for opt in param.opts}


@pytest.mark.parametrize("command", sorted(set(Command) - ASKING))
def test_a_command_that_changes_the_books_asks_who_and_why(command: Command) -> None:
    """Whoever learned the two options once has them at hand everywhere."""
    options = options_of(command)
    assert options is None or {"--who", "--reason"} <= options


def test_who_runs_a_command_is_the_user_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that anybody sets is not believed; on whose behalf sudo acts is told beside."""
    user = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert who_runs_this() == user
    monkeypatch.setenv("SUDO_USER", "ada")
    assert who_runs_this() == f"ada as {user}"
