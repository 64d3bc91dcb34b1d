"""Printing: tables for people, CSV and JSON for programs, answers on stdout only."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from ingestd.cli.options import Output

Row = Mapping[str, object]

NUMERIC = frozenset(
    {"amount", "paid", "open", "balance", "charged", "voided", "net", "realised", "rows"}
)
PIPE_COLUMNS = 1000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def print_rows(rows: Iterable[Row], columns: Sequence[str], output: Output) -> None:
    """Print rows in one of the three ways; JSON is one array of objects."""
    match output:
        case Output.JSON:
            print_json([dict(row) for row in rows])
        case Output.CSV:
            print_csv(rows, columns)
        case Output.TABLE:
            print_table(rows, columns)


def print_json(answer: object) -> None:
    """Print one JSON value to stdout, and nothing else."""
    json.dump(answer, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def print_csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Print CSV with a header; text that a spreadsheet would run as a formula is escaped."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_spreadsheet_safe(column, row.get(column)) for column in columns])


def print_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Print a table for people, as wide as the terminal or the content asks for."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in NUMERIC else "left")
    for row in rows:
        table.add_row(*(_for_people(row.get(column)) for column in columns))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        # A pipe has no width of its own, and what a program or a file gets is not to be cut.
        console = Console(highlight=False, markup=False, width=PIPE_COLUMNS)
    console.print(table, overflow="fold")


def complain(message: str) -> None:
    """Print one message for people to stderr."""
    sys.stderr.write(message + "\n")


def _for_people(value: object) -> str:
    text = "" if value is None else str(value)
    # Control and bidi characters of a file must not reach a terminal.
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _spreadsheet_safe(column: str, value: object) -> str:
    text = "" if value is None else str(value)
    if column not in NUMERIC and text.startswith(_FORMULA_STARTS):
        return "'" + text
    return text
