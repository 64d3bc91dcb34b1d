"""Printing: tables for people, CSV and JSON for programs, answers on stdout only."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence

from ingestd.cli.terminal.options import Output
from ingestd.cli.terminal.table import Layout, lay_out, lay_out_facts, lay_out_list
from ingestd.reports.escaping.spreadsheets import NUMERIC, spreadsheet_cells

Row = Mapping[str, object]


def print_rows(
    rows: Iterable[Row], columns: Sequence[str], output: Output, *, wide: bool = False
) -> None:
    """Print rows in one of the three ways; JSON is one array of objects."""
    match output:
        case Output.JSON:
            print_json([dict(row) for row in rows])
        case Output.CSV:
            print_csv(rows, columns)
        case Output.TABLE:
            print_table(rows, columns, wide=wide)


def print_json(answer: object) -> None:
    """Print one JSON value to stdout, and nothing else."""
    json.dump(answer, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def print_csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Print CSV with a header; text that a spreadsheet would run as a formula is escaped."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(spreadsheet_cells(row, columns))


def print_table(rows: Iterable[Row], columns: Sequence[str], *, wide: bool = False) -> None:
    """Print a table for people, within the terminal unless it may be `wide`.

    What goes into a pipe or a file is as wide as it asks for.
    """
    cells = [[for_people(row.get(column)) for column in columns] for row in rows]
    width = None if wide else _terminal_columns()
    layout = lay_out(columns, cells, width=width, right=NUMERIC)
    _print_layout(layout)
    if layout.left_out:
        complain(f"Not shown at this width: {', '.join(layout.left_out)}. Add --wide for all.")


def print_tables(tables: Mapping[str, Sequence[Row]], *, wide: bool = False) -> None:
    """Print each table that has rows under its name."""
    for name, rows in tables.items():
        if rows:
            sys.stdout.write(f"\n{name}\n")
            print_table(rows, tuple(rows[0]), wide=wide)


def print_list(parts: Sequence[str], *, wide: bool = False) -> None:
    """Print parts on one line; on a terminal, unless it may be `wide`, on as many as it takes.

    No part is broken: an amount stands beside its name.
    """
    for line in lay_out_list(parts, width=None if wide else _terminal_columns()):
        sys.stdout.write(f"{line}\n")


def print_facts(facts: Row, *, wide: bool = False) -> None:
    """Print what is known of one thing, each fact on a line of its own; None is left out."""
    told = {name: for_people(value) for name, value in facts.items()}
    _print_layout(lay_out_facts([told], width=None if wide else _terminal_columns()))


def _print_layout(layout: Layout) -> None:
    bold, plain = ("\x1b[1m", "\x1b[0m") if _is_styled() else ("", "")
    for number, line in enumerate(layout.lines):
        sys.stdout.write(f"{bold}{line}{plain}\n" if number < layout.heads else f"{line}\n")


def _terminal_columns() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _is_styled() -> bool:
    # NO_COLOR: https://no-color.org
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def complain(message: str) -> None:
    """Print one message for people to stderr."""
    sys.stderr.write(message + "\n")


def for_people(value: object) -> str:
    """Return a value in one line, without characters that cannot be seen."""
    text = "" if value is None else str(value)
    # Control and bidi characters, of a file or typed, must not reach a terminal.
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
