"""The `ingestd` command: its groups, and how an error becomes one line and an exit code."""

from __future__ import annotations

import sys

import typer

from ingestd.cli import (
    accounts,
    allowlist,
    catalog,
    check,
    config,
    daemon,
    database,
    doctor,
    password,
    reports,
    uploads,
)
from ingestd.cli.output import complain
from ingestd.telemetry.logs import configure_logs
from ingestd.values.errors import EXIT_ANSWER_IS_NO, IngestdError

app = typer.Typer(
    name="ingestd",
    help="Takes school billing files over SFTP and turns each row exactly once into a ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("init")(daemon.init)
app.command("serve")(daemon.serve)
app.command("demo")(daemon.demo)
app.add_typer(accounts.app)
app.command("password")(password.password)
app.add_typer(config.app)
app.add_typer(allowlist.app)
app.command("check")(check.check)
app.add_typer(catalog.app)
app.add_typer(uploads.app)
app.add_typer(reports.app)
app.add_typer(database.app)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run one command; every error of ours is one clear message and the contract's exit code."""
    # The answer is what a command prints; `serve` sets its log up anew, as its config says.
    configure_logs(log_format="console" if sys.stderr.isatty() else "json", level="warning")
    try:
        app()
    except IngestdError as error:
        complain(error.message)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_ANSWER_IS_NO)
