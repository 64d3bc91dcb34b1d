"""Which tables each kind of catalog file fills, and what an empty field stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingestd.database.bulk import Temporary
from ingestd.formats.kinds.catalog import CatalogKind

ALWAYS = "0001-01-01"
"""The `valid_from` of a price that says none: it was always valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table that a kind of file fills: its key, and its other columns.

    `needs` names a column without which a row of the file says nothing to this table. Where it
    `repeats`, good rows of one file may share the table's key, and the last one counts.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    needs: str | None = None
    repeats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTable:
    """One table that a column of lists fills: an entry for each value, under the row's key.

    `column` is the file's name for the lists, `value` the table's for one value. In `stage`
    the values lie with the number of their row.
    """

    column: str
    name: str
    value: str
    stage: Temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """How one kind of file is staged, what an empty field stands for, and which tables it fills.

    The columns of the stage are `row`, `line`, and those of the format that are no lists.
    """

    stage: Temporary
    defaults: Mapping[str, str | int]
    tables: tuple[Table, ...]
    lists: tuple[ListTable, ...] = ()

    @property
    def key(self) -> str:
        """The column that says whom or what a row is about."""
        return self.tables[0].key[0]


def _list_table(column: str, name: str, value: str) -> ListTable:
    staged = Temporary(f"stage_{name}", {"row": "whole", "value": "text"}, key=("row", "value"))
    return ListTable(column=column, name=name, value=value, stage=staged)


CATALOGS: Mapping[CatalogKind, Catalog] = {
    CatalogKind.PRODUCTS: Catalog(
        stage=Temporary(
            "stage_products",
            {
                "row": "whole",
                "line": "whole",
                "billing_code": "text",
                "name": "text",
                "price": "whole?",
                "valid_from": "text",
                "repayment": "text",
                "sort": "whole",
                "installments": "whole",
                "gl_account": "text?",
            },
            key=("row",),
        ),
        defaults={
            "name": "",
            "valid_from": ALWAYS,
            "repayment": "chronological",
            "sort": 0,
            "installments": 0,
        },
        tables=(
            Table(
                name="product",
                key=("billing_code",),
                columns=("name", "repayment", "sort", "installments", "gl_account"),
                repeats=True,
            ),
            Table(
                name="product_price",
                key=("billing_code", "valid_from"),
                columns=("price",),
                needs="price",
            ),
        ),
    ),
    CatalogKind.STUDENTS: Catalog(
        stage=Temporary(
            "stage_students",
            {
                "row": "whole",
                "line": "whole",
                "student_id": "text",
                "name": "text",
                "parent_code": "text?",
                "status": "text",
            },
            key=("row",),
        ),
        defaults={"name": "", "status": "enrolled"},
        tables=(
            Table(name="student", key=("student_id",), columns=("name", "parent_code", "status")),
        ),
    ),
    CatalogKind.PARENTS: Catalog(
        stage=Temporary(
            "stage_parents",
            {
                "row": "whole",
                "line": "whole",
                "parent_code": "text",
                "name": "text",
                "email": "text?",
            },
            key=("row",),
        ),
        defaults={"name": ""},
        tables=(Table(name="parent", key=("parent_code",), columns=("name", "email")),),
    ),
    CatalogKind.GL_ACCOUNTS: Catalog(
        stage=Temporary(
            "stage_gl_accounts",
            {
                "row": "whole",
                "line": "whole",
                "gl_account": "text",
                "name": "text",
                "status": "text",
                "requires_donor": "whole",
                "requires_appeal": "whole",
            },
            key=("row",),
        ),
        defaults={"name": "", "status": "open", "requires_donor": 0, "requires_appeal": 0},
        tables=(
            Table(
                name="gl_account",
                key=("gl_account",),
                columns=("name", "status", "requires_donor", "requires_appeal"),
            ),
        ),
    ),
    CatalogKind.TAX_CODES: Catalog(
        stage=Temporary(
            "stage_tax_codes",
            {"row": "whole", "line": "whole", "tax_code": "text", "name": "text"},
            key=("row",),
        ),
        defaults={"name": ""},
        tables=(Table(name="tax_code", key=("tax_code",), columns=("name",)),),
    ),
    CatalogKind.MERCHANTS: Catalog(
        stage=Temporary(
            "stage_merchants",
            {
                "row": "whole",
                "line": "whole",
                "merchant_id": "text",
                "description": "text",
                "settle": "text",
                "other_gl_account": "text?",
            },
            key=("row",),
        ),
        defaults={"description": "", "settle": "on_confirm"},
        tables=(
            Table(
                name="merchant",
                key=("merchant_id",),
                columns=("description", "settle", "other_gl_account"),
            ),
        ),
    ),
    CatalogKind.DONORS: Catalog(
        stage=Temporary(
            "stage_donors",
            {"row": "whole", "line": "whole", "donor_number": "text", "name": "text"},
            key=("row",),
        ),
        defaults={"name": ""},
        tables=(Table(name="donor", key=("donor_number",), columns=("name",)),),
        lists=(
            _list_table("pledges", "donor_pledge", "pledge_number"),
            _list_table("appeals", "donor_appeal", "appeal_code"),
        ),
    ),
}
