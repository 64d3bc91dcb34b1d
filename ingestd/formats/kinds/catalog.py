"""Catalog files: what charges and payments refer to, as CSV with a header."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ingestd.formats.fields import DIGITS_MAX, Column, FileFormat, Kind
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.rows.checking import CheckedRows, RowChecker, Value
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rules import FileRules


class CatalogKind(StrEnum):
    """What a catalog file holds.

    All can be imported by hand; those that `FormatName` knows, too, can be uploaded.
    """

    PRODUCTS = "products"
    STUDENTS = "students"
    PARENTS = "parents"
    GL_ACCOUNTS = "gl_accounts"
    TAX_CODES = "tax_codes"
    MERCHANTS = "merchants"
    DONORS = "donors"


# Lengths of what payment files refer to. Source: spec/payment-files.txt.
_GL_ACCOUNT_CHARACTERS_MAX = 18
_MERCHANT_CHARACTERS_MAX = 18
_TAX_CODE_CHARACTERS_MAX = 3
_APPEAL_CODE_CHARACTERS_MAX = 4

# What payment files write for an optional field without a value; zero in the fee format alone.
_NULL = ("null",)
_NULL_OR_ZERO = ("null", "0")


def _identifier(
    name: str,
    description: str,
    *,
    mandatory: bool = False,
    length_max: int = 64,
    reserved: tuple[str, ...] = (),
    is_list: bool = False,
) -> Column:
    return Column(
        name=name,
        kind=Kind.IDENTIFIER,
        mandatory=mandatory,
        length_max=length_max,
        reserved=reserved,
        is_list=is_list,
        description=description,
    )


def _number(
    name: str, description: str, *, mandatory: bool = False, is_list: bool = False
) -> Column:
    return Column(
        name=name,
        kind=Kind.DIGITS,
        mandatory=mandatory,
        length_max=DIGITS_MAX,
        is_list=is_list,
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


def _format(kind: CatalogKind, *columns: Column) -> JudgedFormat[CatalogRow]:
    """Return the format whose first column, the one mandatory, says whom or what a row is about."""
    file = FileFormat(
        name=kind,
        has_header=True,
        source="contract, section 6",
        named_by=(columns[0].name,),
        columns=columns,
    )
    return JudgedFormat(file=file, make_checker=partial(CatalogChecker, file), key=columns[0])


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


_FORMATS = (
    _format(
        CatalogKind.PRODUCTS,
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
        _choice("installments", "Whether it may be bought despite debt.", *("yes", "no")),
        _identifier("gl_account", "The account of the general ledger."),
    ),
    _format(
        CatalogKind.STUDENTS,
        _identifier("student_id", "Unique within the district.", mandatory=True),
        _text("name", "The student's name."),
        _identifier("parent_code", "The family that pays the student's fees."),
        _choice("status", "Whether the student is enrolled.", *("enrolled", "cancelled")),
    ),
    _format(
        CatalogKind.PARENTS,
        _identifier("parent_code", "The family's code.", mandatory=True),
        _text("name", "The parent's name."),
        _text("email", "Where invoices go."),
    ),
    _format(
        CatalogKind.GL_ACCOUNTS,
        _identifier(
            "gl_account",
            "What payment files name it by.",
            mandatory=True,
            length_max=_GL_ACCOUNT_CHARACTERS_MAX,
            reserved=_NULL,
        ),
        _text("name", "What people call it."),
        _choice("status", "Whether payments may go to it.", *("open", "closed")),
        _choice("requires_donor", "Whether a payment to it names a donor.", *("yes", "no")),
        _choice("requires_appeal", "Whether a payment to it names an appeal.", *("yes", "no")),
    ),
    _format(
        CatalogKind.TAX_CODES,
        _identifier(
            "tax_code",
            "What payment files name it by.",
            mandatory=True,
            length_max=_TAX_CODE_CHARACTERS_MAX,
        ),
        _text("name", "What people call it."),
    ),
    _format(
        CatalogKind.MERCHANTS,
        _identifier(
            "merchant_id",
            "The number that the bank gave.",
            mandatory=True,
            length_max=_MERCHANT_CHARACTERS_MAX,
            reserved=_NULL_OR_ZERO,
        ),
        _text("description", "What the bank calls it."),
        _choice(
            "settle",
            "Whether its batches settle when somebody confirms them, or at once.",
            *("on_confirm", "on_import"),
        ),
        _identifier(
            "other_gl_account",
            "Where other amounts of fee payments go.",
            length_max=_GL_ACCOUNT_CHARACTERS_MAX,
            reserved=_NULL,
        ),
    ),
    _format(
        CatalogKind.DONORS,
        _number("donor_number", "What payment files name the donor by.", mandatory=True),
        _text("name", "The donor's name."),
        _number("pledges", "The numbers of what the donor promised to give.", is_list=True),
        _identifier(
            "appeals",
            "The codes of the appeals that the donor answers.",
            length_max=_APPEAL_CODE_CHARACTERS_MAX,
            reserved=_NULL,
            is_list=True,
        ),
    ),
)

CATALOG_FORMATS: Mapping[CatalogKind, JudgedFormat[CatalogRow]] = MappingProxyType(
    {CatalogKind(catalog_format.file.name): catalog_format for catalog_format in _FORMATS}
)
