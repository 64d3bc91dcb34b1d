"""The `ingestd` command: its groups, and how an error becomes one line and an exit code.

A command's module is loaded when that command is asked for, and what it runs on when it runs:
completion in a shell, `--version` and `--help` load neither a database nor an SSH server.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

import ingestd
from ingestd.cli.terminal.options import CONFIG_FLAG
from ingestd.values.errors import (
    EXIT_ANSWER_IS_NO,
    EXIT_WORLD,
    IngestdError,
    LedgerRefusal,
    UsageError,
)

# Where each command lives and what it says of itself, in the order in which an installation
# meets them.
COMMANDS: Final = MappingProxyType(
    {
        "init": (
            "installation.daemon:init",
            "Make an installation: config files, host keys, an empty ledger. Safe to run twice.",
        ),
        "serve": (
            "installation.daemon:serve",
            "Run the daemon: SFTP, intake, health and metrics. SIGTERM stops it, SIGHUP reloads.",
        ),
        "demo": (
            "installation.daemon:demo",
            "Run a throw-away school end to end: upload, verdicts, receipt, balances.",
        ),
        "account": ("installation.accounts:app", "Districts: their accounts."),
        "password": (
            "installation.password:password",
            "Read a password, twice from a terminal or one line from a pipe, and print its hash.",
        ),
        "user": ("installation.users:app", "Who may sign in to the console."),
        "token": ("installation.tokens:app", "Which programs may use the API."),
        "config": ("installation.config:app", "The config files."),
        "allowlist": ("installation.allowlist:app", "Who may connect."),
        "check": (
            "files.check:check",
            "Print the receipt that a file would get, and store nothing.",
        ),
        "catalog": ("files.catalog:app", "What charges and payments refer to."),
        "uploads": ("files.uploads:app", "Files that arrived."),
        "payments": ("office.payments:app", "Money that came."),
        "charges": ("office.charges:app", "What is owed."),
        "sales": ("office.sales:app", "Sales by hand."),
        "transfers": ("office.transfers:app", "Waiting credit that goes to another use."),
        "payouts": ("office.payouts:app", "Money that is given back."),
        "cash": ("office.cash:app", "Cash in the till."),
        "parties": ("office.parties:app", "Students, parents and guests."),
        "report": ("books.reports:app", "Questions to the ledger."),
        "invoice": (
            "office.invoice:invoice",
            "Write an invoice: open items, oldest first, and payments pending.",
        ),
        "ledger": ("books.ledger:app", "The books themselves."),
        "db": ("installation.database:app", "The ledger's database."),
        "doctor": (
            "installation.doctor:doctor",
            "Check config, folders, host keys, database, daemon and door.",
        ),
    }
)


def main() -> None:
    """Run one command; every error of ours or the system is one message and an exit code."""
    # Billing records are nobody's but the service's and its group's.
    os.umask(0o027)
    words = sys.argv[1:]
    if words[len(_leading_config(words)) :][:1] == ["serve"]:
        from ingestd.service.daemon.signals import answer_signals_at_once

        answer_signals_at_once()
    try:
        build_app()()
    except (UsageError, LedgerRefusal) as error:
        from ingestd.cli.terminal.output import for_people

        # They repeat what was typed, which may hold what no terminal is to be told.
        _end(for_people(error.message), error.exit_code)
    except IngestdError as error:
        _end(error.message, error.exit_code)
    except OSError as error:
        # Disk and network fail in places that no message of ours foresees.
        _end(": ".join(str(part) for part in (error.filename, error.strerror) if part), EXIT_WORLD)
    except KeyboardInterrupt:
        sys.exit(EXIT_ANSWER_IS_NO)


def build_app() -> typer.Typer:
    """Return the command line; each command is loaded when it is asked for."""
    app = typer.Typer(
        name="ingestd",
        cls=_Commands,
        help="Takes school billing files over SFTP; turns each row exactly once into a ledger.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback(help=app.info.help)(_root)
    for name, (_, about) in COMMANDS.items():
        app.command(name, help=about)(_stand_in)
    return app


def load_command(name: str) -> TyperCommand | TyperGroup:
    """Return a command of `COMMANDS`, with its module loaded."""
    module_name, attribute = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(f"ingestd.cli.{module_name}"), attribute)
    app = typer.Typer()
    app.callback()(_stand_in)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, cls=_ConfigFirst)
    else:
        app.command(name)(command)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    loaded = group.commands[name]
    assert isinstance(loaded, TyperCommand | TyperGroup)
    return loaded


class _ConfigFirst(TyperGroup):
    """A group of commands that hands on a `--config` which stands before its command's name.

    `ingestd --config PATH serve` is `ingestd serve --config PATH`, as with most daemons.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the group's own options; what is said after the command's name still wins."""
        config = _leading_config(args)
        words = args[len(config) :]
        if words and not words[0].startswith("-"):
            words[1:1] = config
        return super().parse_args(ctx, words)


class _Commands(_ConfigFirst):
    """All commands by name and help; the one that is asked for takes its stand-in's place."""

    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, Any, list[str]]:
        """Find the command that the words name, and load it."""
        if args[0] in COMMANDS:
            self.add_command(load_command(args[0]))
        return super().resolve_command(ctx, args)


def _stand_in() -> None:
    """Do nothing: this is never run."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ingestd {ingestd.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version, and exit."
        ),
    ] = False,
) -> None:
    """Set the log up before a command runs; `serve` sets it up anew, as its config says.

    The answer is what a command prints: only warnings stand beside it.
    """
    from ingestd.telemetry.logs import configure_logs

    configure_logs(log_format="console" if sys.stderr.isatty() else "json", level="warning")


def _end(message: str, exit_code: int) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(exit_code)


def _leading_config(arguments: Sequence[str]) -> Sequence[str]:
    """Return the words of a `--config` at the very start, or none."""
    if arguments[:1] == [CONFIG_FLAG]:
        return arguments[:2]
    return arguments[:1] if arguments and arguments[0].startswith(f"{CONFIG_FLAG}=") else []
