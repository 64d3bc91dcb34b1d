"""`ingestd password`: from a password to the hash that accounts.toml may hold."""

from __future__ import annotations

import getpass
import sys

import typer

from ingestd.cli.terminal.options import ConfigOption
from ingestd.values.errors import UsageError

PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 1024


def password(config: ConfigOption = None) -> None:
    """Read a password, twice from a terminal or one line from a pipe, and print its hash."""
    from argon2 import PasswordHasher

    typer.echo(PasswordHasher().hash(_read_password()))


def _read_password() -> str:
    if not sys.stdin.isatty():
        return _checked(_read_line())
    first = _checked(getpass.getpass("Password: "))
    if getpass.getpass("Once more: ") != first:
        raise UsageError("The two passwords differ. Try again.")
    return first


def _read_line() -> str:
    try:
        line = sys.stdin.readline(PASSWORD_CHARACTERS_MAX + 2)
    except UnicodeDecodeError:
        raise UsageError("The password is not UTF-8.") from None
    return line.removesuffix("\n").removesuffix("\r")


def _checked(text: str) -> str:
    """Refuse what cannot be a good password, without ever showing it."""
    if not text:
        raise UsageError("The password is empty.")
    if len(text) < PASSWORD_CHARACTERS_MIN:
        raise UsageError(f"The password is shorter than {PASSWORD_CHARACTERS_MIN} characters.")
    if len(text) > PASSWORD_CHARACTERS_MAX:
        raise UsageError(f"The password is longer than {PASSWORD_CHARACTERS_MAX} characters.")
    if not text.isprintable():
        raise UsageError("The password holds a control character, or is not UTF-8.")
    return text
