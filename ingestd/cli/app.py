"""The `ingestd` command: its groups, and how an error becomes one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Annotated, Final

import typer
from typer.core import TyperGroup

import ingestd
from ingestd.cli.options import CONFIG_FLAG
from ingestd.cli.output import complain
from ingestd.service.signals import answer_signals_at_once
from ingestd.telemetry.logs import configure_logs
from ingestd.values.errors import EXIT_ANSWER_IS_NO, EXIT_WORLD, IngestdError

# Where each command lives, in the order in which an installation meets them.
COMMANDS: Final = MappingProxyType(
    {
        "init": "daemon:init",
        "serve": "daemon:serve",
        "demo": "daemon:demo",
        "account": "accounts:app",
        "password": "password:password",
        "config": "config:app",
        "allowlist": "allowlist:app",
        "check": "check:check",
        "catalog": "catalog:app",
        "uploads": "uploads:app",
        "payments": "payments:app",
        "charges": "charges:app",
        "sales": "sales:app",
        "report": "reports:app",
        "invoice": "invoice:invoice",
        "ledger": "ledger:app",
        "db": "database:app",
        "doctor": "doctor:doctor",
    }
)


def main() -> None:
    """Run one command; every error of ours or the system is one message and an exit code."""
    # Billing records are nobody's but the service's and its group's.
    os.umask(0o027)
    # The answer is what a command prints; `serve` sets its log up anew, as its config says.
    configure_logs(log_format="console" if sys.stderr.isatty() else "json", level="warning")
    names = _asked_for(sys.argv[1:])
    if names == ["serve"]:
        answer_signals_at_once()
    try:
        build_app(names)()
    except IngestdError as error:
        complain(error.message)
        sys.exit(error.exit_code)
    except OSError as error:
        # Disk and network fail in places that no message of ours foresees.
        complain(": ".join(str(part) for part in (error.filename, error.strerror) if part))
        sys.exit(EXIT_WORLD)
    except KeyboardInterrupt:
        sys.exit(EXIT_ANSWER_IS_NO)


def build_app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the command line with these commands; only their modules are loaded."""
    app = typer.Typer(
        name="ingestd",
        cls=_ConfigFirst,
        help="Takes school billing files over SFTP; turns each row exactly once into a ledger.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback(help=app.info.help)(_root)
    for name in names:
        module_name, attribute = COMMANDS[name].split(":")
        command = getattr(importlib.import_module(f"ingestd.cli.{module_name}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, cls=_ConfigFirst)
        else:
            app.command(name)(command)
    return app


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
    """Keep the commands commands, also where only one of them is loaded."""


def _leading_config(arguments: Sequence[str]) -> Sequence[str]:
    """Return the words of a `--config` at the very start, or none."""
    if arguments[:1] == [CONFIG_FLAG]:
        return arguments[:2]
    return arguments[:1] if arguments and arguments[0].startswith(f"{CONFIG_FLAG}=") else []


def _asked_for(arguments: Sequence[str]) -> Iterable[str]:
    """Return the one command that is asked for, or all when there is no such command.

    A command in a shell loop is not to load the SFTP server to print a list.
    """
    name = arguments[len(_leading_config(arguments)) :][:1]
    return name if name and name[0] in COMMANDS else COMMANDS
