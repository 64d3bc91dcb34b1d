"""`ingestd report`: questions to the ledger."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.books.known import AsKnownOption, known_instant
from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import complain, print_csv, print_table
from ingestd.service.in_force.need import Need
from ingestd.values.clock import day_in
from ingestd.values.errors import UsageError
from ingestd.values.money import decimals_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.reports.figures.report import Question, Report

_DAY = ["%Y-%m-%d"]

app = typer.Typer(name="report", help="Questions to the ledger.", no_args_is_help=True)

AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=_DAY, help="The last day that counts. Default: today."),
]
SinceOption = Annotated[
    datetime | None, typer.Option("--from", formats=_DAY, help="Only from this day on.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--to", formats=_DAY, help="Only up to this day, included.")
]


_REPORTS: Mapping[str, str] = MappingProxyType(
    {
        "sales": "What each product was charged for, and what of it was taken back, by day posted.",
        "payments": "Who paid what, by day received, and what became of it.",
        "items": "Every charge, by day occurred: what of it is paid and open, its file and row.",
        "balances": "What each party has in credit, less what it owes; between two days: "
        "what changed.",
        "revenue": "What of each product's sales is realised by settled money, by day posted.",
        "aging": "What is owed, by how many days ago it occurred.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Of which time a report is asked, as it was typed."""

    since: datetime | None
    until: datetime | None
    as_of: datetime | None
    as_known: str | None


def _command(name: str) -> Callable[..., None]:
    """Return the command that asks for one report; all take the same options."""

    def command(
        account: AccountOption,
        since: SinceOption = None,
        until: UntilOption = None,
        as_of: AsOfOption = None,
        as_known: AsKnownOption = None,
        output: OutputOption = Output.TABLE,
        wide: WideOption = False,
        config: ConfigOption = None,
    ) -> None:
        span = _Span(since=since, until=until, as_of=as_of, as_known=as_known)
        _answer(name, account, span, config, output, wide=wide)

    return command


for _name, _help in _REPORTS.items():
    app.command(_name, help=_help)(_command(_name))


def _ask(name: str, connection: Connection, question: Question) -> Report:
    """Ask one report; only its module is loaded."""
    module = importlib.import_module(f"ingestd.reports.figures.{name}")
    report: Report = getattr(module, f"report_{name}")(connection, question)
    return report


@contextmanager
def asked(name: str, account: str, config: ConfigOption) -> Iterator[Report]:
    """Lend a report's answer about today, as known now."""
    from ingestd.reports.figures.report import Question

    with installation_for(Need.READING, config) as installation:
        found = installation.account(account)
        now = installation.clock.now()
        with installation.database.reading() as connection:
            yield _ask(
                name,
                connection,
                Question(
                    account=found.account_id,
                    as_of=day_in(found.timezone, now),
                    as_known=known_instant(connection, found, None, now=now),
                    decimals=decimals_of(found.currency),
                    zone=found.timezone,
                ),
            )


def _answer(
    name: str, account: str, span: _Span, config: Path | None, output: Output, *, wide: bool
) -> None:
    from ingestd.reports.figures.report import Question

    since, until = span.since, span.until
    if since and until and since > until:
        raise UsageError(f"--from {since.date()} lies after --to {until.date()}. Swap them.")
    with installation_for(Need.READING, config) as installation:
        found = installation.account(account)
        now = installation.clock.now()
        with installation.database.reading() as connection:
            question = Question(
                account=found.account_id,
                as_of=span.as_of.date() if span.as_of else day_in(found.timezone, now),
                as_known=known_instant(connection, found, span.as_known, now=now),
                decimals=decimals_of(found.currency),
                zone=found.timezone,
                since=since.date() if since else None,
                # The last day of the calendar is how programs write that there is no end.
                until=until.date() if until and until.date() != date.max else None,
            )
            _print(_ask(name, connection, question), output, wide=wide)


def _print(report: Report, output: Output, *, wide: bool) -> None:
    match output:
        case Output.JSON:
            _stream_json(report)
        case Output.CSV:
            print_csv(report.rows, report.columns)
        case Output.TABLE:
            print_table(report.rows, report.columns, wide=wide)
            tables = {name: of for name, of in report.totals.items() if isinstance(of, list)}
            totals = " · ".join(
                f"{name} {value}" for name, value in report.totals.items() if name not in tables
            )
            for name, rows in tables.items():
                if rows:
                    typer.echo(f"\n{name}")
                    print_table(rows, tuple(rows[0]), wide=wide)
            held = " · ".join(_told(identity) for identity in report.identities)
            typer.echo(f"\n{report.name} as of {report.question.as_of}: {totals}")
            typer.echo(f"identities {held}")
            typer.echo(f"ledger head {report.ledger_head}")
    broken = [_told(identity) for identity in report.identities if not identity["holds"]]
    if broken:
        complain(f"These books are not right: {', '.join(broken)}. Run: ingestd ledger verify")


def _told(identity: Mapping[str, object]) -> str:
    sign = "=" if identity["holds"] else "≠"
    return f"{identity['identity']} {identity['left']} {sign} {identity['right']}"


def _stream_json(report: Report) -> None:
    """Write the answer row by row: a million rows need no more memory than ten."""
    write = sys.stdout.write
    encode = json.JSONEncoder(ensure_ascii=False).encode
    write(f'{encode(report.heading())[:-1]}, "rows": [')
    separator = "\n  "
    for row in report.rows:
        write(separator + encode(row))
        separator = ",\n  "
    write(f'\n], "totals": {encode(report.totals)}')
    write(f', "identities": {encode(report.identities)}}}\n')
