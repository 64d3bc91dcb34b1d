"""Catalog files: products, students and parents, as CSV with a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.header import Layout
from ingestd.formats.rows import CheckedRows, FileRules, RowChecker, Value
from ingestd.formats.shape import ShapedRows


class CatalogKind(StrEnum):
    """What a catalog file holds."""

    PRODUCTS = "products"
    STUDENTS = "students"
    PARENTS = "parents"


def _identifier(name: str, description: str, *, mandatory: bool = False) -> Column:
    return Column(
        name=name,
        kind=Kind.IDENTIFIER,
        mandatory=mandatory,
        length_max=64,
        description=description,
    )


def _text(name: str, description: str) -> Column:
    return Column(
        name=name, kind=Kind.TEXT, mandatory=False, length_max=255, description=description
    )


def _choice(name: str, description: str, *choices: str) -> Column:
    return Column(
        name=name, kind=Kind.CHOICE, mandatory=False, choices=choices, description=description
    )


def _other(name: str, kind: Kind, description: str) -> Column:
    return Column(name=name, kind=kind, mandatory=False, description=description)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFormat:
    """A kind of catalog file, and the columns that no two of its rows may share.

    The first of them is the one mandatory column: whom or what a row is about.
    """

    file: FileFormat
    key: tuple[str, ...]

    @property
    def subject(self) -> Column:
        """The column that says whom or what a row is about."""
        return next(column for column in self.file.columns if column.name == self.key[0])


CATALOG_FORMATS: Mapping[CatalogKind, CatalogFormat] = MappingProxyType(
    {
        CatalogKind.PRODUCTS: CatalogFormat(
            key=("billing_code", "valid_from"),
            file=FileFormat(
                name=CatalogKind.PRODUCTS,
                has_header=True,
                source="contract, section 6",
                columns=(
                    _identifier("billing_code", "What charges name it by.", mandatory=True),
                    _text("name", "What people call it."),
                    _other("price", Kind.AMOUNT, "What a charge without an amount costs."),
                    _other("valid_from", Kind.DATE, "The first day of the price."),
                    _choice(
                        "repayment",
                        "Whether a payment for it pays it first, or the oldest debt.",
                        *("chronological", "direct"),
                    ),
                    _other("sort", Kind.WHOLE, "Which of two charges of one time is paid first."),
                    _choice(
                        "installments", "Whether it may be bought despite debt.", *("yes", "no")
                    ),
                    _identifier("gl_account", "The account of the general ledger."),
                ),
            ),
        ),
        CatalogKind.STUDENTS: CatalogFormat(
            key=("student_id",),
            file=FileFormat(
                name=CatalogKind.STUDENTS,
                has_header=True,
                source="contract, section 6",
                columns=(
                    _identifier("student_id", "Unique within the district.", mandatory=True),
                    _text("name", "The student's name."),
                    _identifier("parent_code", "The family that pays the student's fees."),
                    _choice(
                        "status", "Whether the student is enrolled.", *("enrolled", "cancelled")
                    ),
                ),
            ),
        ),
        CatalogKind.PARENTS: CatalogFormat(
            key=("parent_code",),
            file=FileFormat(
                name=CatalogKind.PARENTS,
                has_header=True,
                source="contract, section 6",
                columns=(
                    _identifier("parent_code", "The family's code.", mandatory=True),
                    _text("name", "The parent's name."),
                    _text("email", "Where invoices go."),
                ),
            ),
        ),
    }
)


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

    def __init__(self, catalog_format: CatalogFormat, layout: Layout, rules: FileRules) -> None:
        file_format = catalog_format.file
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
