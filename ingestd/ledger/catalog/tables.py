"""The tables of the catalog: how the staged rows of each kind of file come into them.

Rows of all kinds lie in one stage, which has every kind's columns; the statements of a kind read
those that are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.ledger.books.head import Head
from ingestd.values.days import Day

_SQL = Statements(__file__)

ALWAYS = Day(0)
"""The `valid_from` of a price that says none: it was always valid."""

DAYS = frozenset({"valid_from"})
"""The columns that hold days of the calendar."""

# `row_key` says whom or what a row is about.
CATALOG = Temporary(
    "stage_catalog",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
        "name": "text?",
        "description": "text?",
        "status": "text?",
        "price": "whole?",
        "valid_from": "whole?",
        "repayment": "text?",
        "sort": "whole?",
        "installments": "whole?",
        "gl_account": "text?",
        "vendor": "text?",
        "first_instalment": "whole?",
        "parent_code": "text?",
        "email": "text?",
        "phone": "text?",
        "settle": "text?",
        "other_gl_account": "text?",
        "requires_donor": "whole?",
        "requires_appeal": "whole?",
    },
    key=("row",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What an empty field of one kind of file stands for, and the statements about its rows.

    `keep` fills in what the file has no columns for, `count` tells how many rows add something
    and how many touch anything, `update` brings them into force, table by table.
    """

    defaults: Mapping[str, str | int]
    keep: str
    count: str
    update: tuple[str, ...]


CATALOGS: Mapping[CatalogKind, Catalog] = MappingProxyType(
    {
        CatalogKind.PRODUCTS: Catalog(
            defaults={
                "name": "",
                "valid_from": ALWAYS,
                "repayment": "chronological",
                "sort": 0,
                "installments": 0,
            },
            keep="keep_products",
            count="count_product_news",
            update=("update_products", "update_prices"),
        ),
        CatalogKind.STUDENTS: Catalog(
            defaults={"name": "", "status": "enrolled"},
            keep="keep_students",
            count="count_student_news",
            update=("update_students",),
        ),
        CatalogKind.PARENTS: Catalog(
            defaults={"name": ""},
            keep="keep_parents",
            count="count_parent_news",
            update=("update_parents",),
        ),
        CatalogKind.GL_ACCOUNTS: Catalog(
            defaults={"name": "", "status": "open", "requires_donor": 0, "requires_appeal": 0},
            keep="keep_gl_accounts",
            count="count_gl_account_news",
            update=("update_gl_accounts",),
        ),
        CatalogKind.TAX_CODES: Catalog(
            defaults={"name": ""},
            keep="keep_tax_codes",
            count="count_tax_code_news",
            update=("update_tax_codes",),
        ),
        CatalogKind.MERCHANTS: Catalog(
            defaults={"description": "", "settle": "on_confirm"},
            keep="keep_merchants",
            count="count_merchant_news",
            update=("update_merchants",),
        ),
        CatalogKind.DONORS: Catalog(
            defaults={"name": ""},
            keep="keep_donors",
            count="count_donor_news",
            update=("update_donors",),
        ),
    }
)


def keep_the_rest(
    connection: Connection, head: Head, kind: CatalogKind, given: frozenset[str]
) -> None:
    """Fill into the staged rows what is in force already, where the file has no column for it."""
    if not given.issuperset(CATALOG_FORMATS[kind].file.column_names):
        _SQL.run(connection, CATALOGS[kind].keep, _values(head, kind, given))


def count_news(
    connection: Connection, head: Head, kind: CatalogKind, given: frozenset[str]
) -> tuple[int, int]:
    """Return how many staged rows add something new, and how many add or change anything."""
    row = _SQL.run(connection, CATALOGS[kind].count, _values(head, kind, given)).one()
    return int(row.added), int(row.touched)


def update_tables(connection: Connection, head: Head, kind: CatalogKind) -> None:
    """Bring the staged rows into force; what is in force already is not written again."""
    for statement in CATALOGS[kind].update:
        _SQL.run(connection, statement, {"account": head.account})


def _values(head: Head, kind: CatalogKind, given: frozenset[str]) -> dict[str, object]:
    """Return what the statements about a file's columns bind: `has_name` and its like."""
    columns = CATALOG_FORMATS[kind].file.column_names
    return {"account": head.account} | {f"has_{name}": name in given for name in columns}
