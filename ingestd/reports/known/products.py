"""Products as they were known: names, vendors and accounts of the general ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.catalog.as_known import read_rows_then
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is known of a billing code; an empty text where nothing is."""

    name: str = ""
    vendor: str = ""
    gl_account: str = ""


_UNKNOWN = Product()


@dataclass(frozen=True, slots=True)
class Products:
    """The products of an account as they were known, by billing code."""

    by_code: Mapping[str, Product]

    def __getitem__(self, billing_code: str) -> Product:
        """Return what is known of a billing code, also of one that no catalog lists."""
        return self.by_code.get(billing_code, _UNKNOWN)


def read_products(connection: Connection, account: AccountId, *, known_batch: int) -> Products:
    """Return the products as they were known when a batch was the last.

    What a payment sold without a product goes by its account of the general ledger, which is
    its billing code in the books.
    """
    values = {"account": account}
    found = {
        code: Product(gl_account=code)
        for code in _SQL.run(connection, "find_gl_accounts", values).scalars()
    }
    for row in _SQL.run(connection, "find_products", values):
        found[row.billing_code] = Product(
            name=row.name, vendor=row.vendor or "", gl_account=row.gl_account or ""
        )
    changed = read_rows_then(connection, account, CatalogKind.PRODUCTS, known_batch=known_batch)
    for code, columns in changed.items():
        found.pop(code, None)
        if columns is not None:
            found[code] = Product(
                name=str(columns.get("name") or ""),
                vendor=str(columns.get("vendor") or ""),
                gl_account=str(columns.get("gl_account") or ""),
            )
    return Products(found)
