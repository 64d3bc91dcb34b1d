"""`ingestd report`: questions to the ledger."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from ingestd.cli.known import AsKnownOption, known_instant
from ingestd.cli.options import AccountOption, ConfigOption, Output, OutputOption, config_path
from ingestd.cli.output import print_csv, print_table
from ingestd.reports.balances import report_balances
from ingestd.reports.items import report_items
from ingestd.reports.report import Question, Report
from ingestd.service.bootstrap import prepared_installation
from ingestd.values.clock import day_in
from ingestd.values.money import decimals_of

_DAY = ["%Y-%m-%d"]

app = typer.Typer(name="report", help="Questions to the ledger.", no_args_is_help=True)

AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=_DAY, help="The last day that counts. Default: today."),
]
SinceOption = Annotated[
    datetime | None, typer.Option("--from", formats=_DAY, help="Occurred on or after this day.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--to", formats=_DAY, help="Occurred on or before this day.")
]


@app.command("items")
def items(
    account: AccountOption,
    since: SinceOption = None,
    until: UntilOption = None,
    as_of: AsOfOption = None,
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    config: ConfigOption = None,
) -> None:
    """Every charge: what of it is paid and open, and the file and row that it came from."""
    _answer(report_items, account, since, until, as_of, as_known, output, config)


@app.command("balances")
def balances(
    account: AccountOption,
    as_of: AsOfOption = None,
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    config: ConfigOption = None,
) -> None:
    """What each party has in credit, less what it owes; negative: it owes."""
    _answer(report_balances, account, None, None, as_of, as_known, output, config)


def _answer(
    ask: Callable[[Connection, Question], Report],
    account: str,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime | None,
    as_known: str | None,
    output: Output,
    config: ConfigOption,
) -> None:
    with prepared_installation(config_path(config)) as installation:
        found = installation.account(account)
        now = installation.clock.now()
        with installation.database.reading() as connection:
            question = Question(
                account=found.account_id,
                as_of=as_of.date() if as_of else day_in(found.timezone, now),
                as_known=known_instant(connection, found.account_id, as_known, now=now),
                decimals=decimals_of(found.currency),
                since=since.date() if since else None,
                until=until.date() if until else None,
            )
            _print(ask(connection, question), output)


def _print(report: Report, output: Output) -> None:
    match output:
        case Output.JSON:
            _stream_json(report)
        case Output.CSV:
            print_csv(report.rows, report.columns)
        case Output.TABLE:
            print_table(report.rows, report.columns)
            totals = " · ".join(f"{name} {value}" for name, value in report.totals.items())
            typer.echo(f"\n{report.name} as of {report.question.as_of}: {totals}")
            typer.echo(f"ledger head {report.ledger_head}")


def _stream_json(report: Report) -> None:
    """Write the answer row by row: a million rows need no more memory than ten."""
    write = sys.stdout.write
    heading = json.dumps(report.heading(), ensure_ascii=False)
    write(f'{heading[:-1]}, "rows": [')
    separator = "\n  "
    for row in report.rows:
        write(separator + json.dumps(row, ensure_ascii=False))
        separator = ",\n  "
    write(f'\n], "totals": {json.dumps(report.totals, ensure_ascii=False)}}}\n')
