"""`ingestd password`: from a password to the hash that accounts.toml may hold."""

from __future__ import annotations

import getpass
import sys

import typer

from ingestd.cli.terminal.options import ConfigOption
from ingestd.values.errors import UsageError


def password(config: ConfigOption = None) -> None:
    """Read a password, twice from a terminal or one line from a pipe, and print its hash."""
    from ingestd.access.passwords import hash_password

    typer.echo(hash_password(_read_password()))


def _read_password() -> str:
    from ingestd.access.passwords import check_password

    if not sys.stdin.isatty():
        return check_password(_read_line())
    first = check_password(getpass.getpass("Password: "))
    if getpass.getpass("Once more: ") != first:
        raise UsageError("The two passwords differ. Try again.")
    return first


def _read_line() -> str:
    from ingestd.access.passwords import CHARACTERS_MAX

    try:
        line = sys.stdin.readline(CHARACTERS_MAX + 2)
    except UnicodeDecodeError:
        raise UsageError("The password is not UTF-8.") from None
    return line.removesuffix("\n").removesuffix("\r")
