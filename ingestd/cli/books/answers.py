"""A report's answer as it is printed: for people, for spreadsheets, for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from ingestd.cli.terminal.options import Output
from ingestd.cli.terminal.output import (
    complain,
    print_csv,
    print_list,
    print_table,
    print_tables,
)

if TYPE_CHECKING:
    from ingestd.reports.figures.report import Report


def print_report(report: Report, output: Output, *, wide: bool) -> None:
    """Print an answer; where an identity does not hold, say so on stderr."""
    match output:
        case Output.JSON:
            from ingestd.reports.asking.written import json_pieces

            sys.stdout.writelines(json_pieces(report))
        case Output.CSV:
            print_csv(report.rows, report.columns)
        case Output.TABLE:
            _print_for_people(report, wide=wide)
    broken = [_told(identity) for identity in report.identities if not identity["holds"]]
    if broken:
        complain(f"These books are not right: {', '.join(broken)}. Run: ingestd ledger verify")


def _print_for_people(report: Report, *, wide: bool) -> None:
    print_table(report.rows, report.columns, wide=wide)
    tables = {name: of for name, of in report.totals.items() if isinstance(of, list)}
    print_tables(tables, wide=wide)
    totals = [
        f"{name} {value}"
        for name, value in report.totals.items()
        if name not in tables and value is not None
    ]
    typer.echo()
    print_list(_behind(f"{report.name} as of {report.question.as_of}:", totals), wide=wide)
    if report.identities:
        print_list(_behind("identities", list(map(_told, report.identities))), wide=wide)
    typer.echo(f"ledger head {report.ledger_head}")


def _behind(head: str, parts: Sequence[str]) -> Sequence[str]:
    return [" ".join([head, *parts[:1]]), *parts[1:]]


def _told(identity: Mapping[str, object]) -> str:
    sign = "=" if identity["holds"] else "≠"
    return f"{identity['identity']} {identity['left']} {sign} {identity['right']}"
