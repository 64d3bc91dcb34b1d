"""The `ingestd` command: its groups, and how an error becomes one line and an exit code."""

from __future__ import annotations

import sys

import typer

from ingestd.cli.output import complain
from ingestd.values.errors import EXIT_ANSWER_IS_NO, IngestdError

app = typer.Typer(
    name="ingestd",
    help="Takes school billing files over SFTP and turns each row exactly once into a ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run one command; every error of ours is one clear message and the contract's exit code."""
    try:
        app()
    except IngestdError as error:
        complain(error.message)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_ANSWER_IS_NO)
