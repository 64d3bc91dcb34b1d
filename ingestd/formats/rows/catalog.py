"""Catalog rows: what is taken from a catalog file of any format, and how its columns are made."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from ingestd.formats.fields import DIGITS_MAX, Column, FileFormat, Kind
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.rows.checking import CheckedRows, RowChecker, Value
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rules import FileRules


class CatalogRow(NamedTuple):
    """One good row of a catalog file: a value for each column of its format, in its order.

    A value is None where the field is empty, and where the file does not have the column;
    `given` are the known columns that the file has, the same for all of its rows.
    """

    row: int
    line: int
    values: tuple[Value, ...]
    given: frozenset[str]


class CatalogChecker:
    """Judges the fields of a catalog file's rows."""

    def __init__(self, file_format: FileFormat, layout: Layout, rules: FileRules) -> None:
        self._rows = RowChecker(file_format, layout, rules)
        self._given = frozenset(file_format.column_names) & layout.positions.keys()

    def check(self, rows: ShapedRows) -> CheckedRows[CatalogRow]:
        """Return catalog rows for the good rows and findings for the others."""
        checked = self._rows.check(rows)
        return CheckedRows(
            rows=[CatalogRow(*fields, self._given) for fields in checked.rows],
            findings=checked.findings,
            rejected=checked.rejected,
        )


def identifier(
    name: str,
    description: str,
    *,
    mandatory: bool = False,
    length_max: int = 64,
    reserved: tuple[str, ...] = (),
    is_list: bool = False,
) -> Column:
    """Return a column that names something."""
    return Column(
        name=name,
        kind=Kind.IDENTIFIER,
        mandatory=mandatory,
        length_max=length_max,
        reserved=reserved,
        is_list=is_list,
        description=description,
    )


def number(name: str, description: str, *, mandatory: bool) -> Column:
    """Return a column of numbers that name something."""
    return Column(
        name=name,
        kind=Kind.DIGITS,
        mandatory=mandatory,
        length_max=DIGITS_MAX,
        description=description,
    )


def pledges(name: str, description: str) -> Column:
    """Return an optional column of lists of pledges."""
    return Column(
        name=name,
        kind=Kind.PLEDGES,
        mandatory=False,
        length_max=DIGITS_MAX,
        is_list=True,
        description=description,
    )


def text(name: str, description: str) -> Column:
    """Return an optional text."""
    return Column(
        name=name, kind=Kind.TEXT, mandatory=False, length_max=255, description=description
    )


def choice(name: str, description: str, *choices: str) -> Column:
    """Return an optional column of so many words."""
    return Column(
        name=name, kind=Kind.CHOICE, mandatory=False, choices=choices, description=description
    )


def other(name: str, kind: Kind, description: str) -> Column:
    """Return an optional column of some kind."""
    return Column(name=name, kind=kind, mandatory=False, description=description)


def catalog_format(name: str, *columns: Column) -> JudgedFormat[CatalogRow]:
    """Return the format whose first column, the one mandatory, says whom or what a row is about."""
    file = FileFormat(
        name=name,
        has_header=True,
        source="contract, section 6",
        named_by=(columns[0].name,),
        columns=columns,
    )
    return JudgedFormat(file=file, make_checker=partial(CatalogChecker, file), key=columns[0])
