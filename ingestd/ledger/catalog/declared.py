"""What the catalog consists of: its tables with all their columns, and what each row is called.

The one place that lists the columns: the facts of a row, the catalog as it was known earlier, and
what is verified follow from it. A column that comes later allows NULL, so that a fact that does
not have it says the same as before. Tests hold it against the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.values.days import Day
from ingestd.values.money import format_amount

Value = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTable:
    """One table: what its rows are called in `catalog_fact`, and its columns but the account.

    A column holds a `text`, a `whole` number, an `amount` in minor units, a `day` (0: always) or a
    `flag` (0, 1); a `?` behind it allows NULL. Those of the key come first, and the first of all
    says whom or what a row of a file is about. Rows of a table that is `replaced` may go.
    """

    kind: str
    table: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    replaced: bool = False

    @property
    def owner(self) -> str:
        """The column that says whom or what a row is about."""
        return self.key[0]


PRODUCT = CatalogTable(
    kind="products",
    table="product",
    key=("billing_code",),
    columns={
        "billing_code": "text",
        "name": "text",
        "repayment": "text",
        "sort": "whole",
        "installments": "flag",
        "gl_account": "text?",
        "vendor": "text?",
        "first_instalment": "amount?",
    },
)
PRICE = CatalogTable(
    kind="prices",
    table="product_price",
    key=("billing_code", "valid_from"),
    columns={"billing_code": "text", "valid_from": "day", "price": "amount"},
)
STUDENT = CatalogTable(
    kind="students",
    table="student",
    key=("student_id",),
    columns={"student_id": "text", "name": "text", "parent_code": "text?", "status": "text"},
)
PARENT = CatalogTable(
    kind="parents",
    table="parent",
    key=("parent_code",),
    columns={"parent_code": "text", "name": "text", "email": "text?", "phone": "text?"},
)
GL_ACCOUNT = CatalogTable(
    kind="gl_accounts",
    table="gl_account",
    key=("gl_account",),
    columns={
        "gl_account": "text",
        "name": "text",
        "status": "text",
        "requires_donor": "flag",
        "requires_appeal": "flag",
    },
)
TAX_CODE = CatalogTable(
    kind="tax_codes",
    table="tax_code",
    key=("tax_code",),
    columns={"tax_code": "text", "name": "text"},
)
MERCHANT = CatalogTable(
    kind="merchants",
    table="merchant",
    key=("merchant_id",),
    columns={
        "merchant_id": "text",
        "description": "text",
        "settle": "text",
        "other_gl_account": "text?",
    },
)
DONOR = CatalogTable(
    kind="donors",
    table="donor",
    key=("donor_number",),
    columns={"donor_number": "text", "name": "text"},
)
PLEDGE = CatalogTable(
    kind="pledges",
    table="donor_pledge",
    key=("donor_number", "pledge_number"),
    columns={"donor_number": "text", "pledge_number": "text", "promised": "amount?"},
    replaced=True,
)
APPEAL = CatalogTable(
    kind="appeals",
    table="donor_appeal",
    key=("donor_number", "appeal_code"),
    columns={"donor_number": "text", "appeal_code": "text"},
    replaced=True,
)

TABLES_OF: Mapping[CatalogKind, tuple[CatalogTable, ...]] = MappingProxyType(
    {
        CatalogKind.PRODUCTS: (PRODUCT, PRICE),
        CatalogKind.STUDENTS: (STUDENT,),
        CatalogKind.PARENTS: (PARENT,),
        CatalogKind.GL_ACCOUNTS: (GL_ACCOUNT,),
        CatalogKind.TAX_CODES: (TAX_CODE,),
        CatalogKind.MERCHANTS: (MERCHANT,),
        CatalogKind.DONORS: (DONOR, PLEDGE, APPEAL),
    }
)
"""Which tables a file of each kind fills; the first has one row for each key of the file."""

CATALOG_TABLES: Mapping[str, CatalogTable] = MappingProxyType(
    {table.table: table for tables in TABLES_OF.values() for table in tables}
)
"""Every table of the catalog by its name."""


def told(kind: str, value: Value, *, decimals: int) -> Value:
    """Return a value of a column as a catalog file writes it; `kind` is the column's."""
    if value is None:
        return None
    match kind.rstrip("?"):
        case "amount":
            return format_amount(int(value), decimals)
        case "day":
            return str(Day(value)) if value else None
        case "flag":
            return "yes" if value else "no"
        case _:
            return value
