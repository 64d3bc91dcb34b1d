"""The catalog: products, students and parents, as the district last sent them.

Reference data is no fact: an import updates by key what its file has columns for, and leaves
everything else, and everything it does not name, as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, create_temporary, drop_temporary, stage
from ingestd.formats.catalog import CatalogKind
from ingestd.ledger.head import lock_head
from ingestd.values.identifiers import AccountId

ALWAYS = "0001-01-01"
"""The `valid_from` of a price that says none: it was always valid."""

CatalogRow = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One table that a kind of file fills: its key, its other columns, what NULL stands for.

    `needs` names a column without which a row of the file says nothing to this table.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    defaults: Mapping[str, str | int | None]
    needs: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many rows of a file brought something new, changed something, or neither."""

    added: int
    changed: int
    unchanged: int


_TABLES: Mapping[CatalogKind, tuple[_Table, ...]] = {
    CatalogKind.PRODUCTS: (
        _Table(
            name="product",
            key=("billing_code",),
            columns={
                "billing_code": "text",
                "name": "text",
                "repayment": "text",
                "sort": "whole",
                "installments": "whole",
                "gl_account": "text?",
            },
            defaults={
                "name": "",
                "repayment": "chronological",
                "sort": 0,
                "installments": 0,
                "gl_account": None,
            },
        ),
        _Table(
            name="product_price",
            key=("billing_code", "valid_from"),
            columns={"billing_code": "text", "valid_from": "text", "price": "whole"},
            defaults={"valid_from": ALWAYS, "price": None},
            needs="price",
        ),
    ),
    CatalogKind.STUDENTS: (
        _Table(
            name="student",
            key=("student_id",),
            columns={
                "student_id": "text",
                "name": "text",
                "parent_code": "text?",
                "status": "text",
            },
            defaults={"name": "", "parent_code": None, "status": "enrolled"},
        ),
    ),
    CatalogKind.PARENTS: (
        _Table(
            name="parent",
            key=("parent_code",),
            columns={"parent_code": "text", "name": "text", "email": "text?"},
            defaults={"name": "", "email": None},
        ),
    ),
}


def import_catalog(
    connection: Connection,
    account: AccountId,
    kind: CatalogKind,
    rows: Sequence[CatalogRow],
    *,
    present: Iterable[str],
) -> Imported:
    """Update an account's catalog with checked rows; the caller owns the write transaction.

    `present` names the columns that the file has: others keep what they hold. A row counts
    as added or changed when any entry that it makes is. Safe to repeat: then all is unchanged.
    """
    # The same lock as for charges: a file sees one catalog, the old one or the new one.
    lock_head(connection, account)
    given = frozenset(present)
    news: dict[int, str] = {}
    for table in _TABLES[kind]:
        if table.needs is None or table.needs in given:
            for index, what in _import_table(connection, account, table, rows, given):
                news[index] = "added" if "added" in {what, news.get(index)} else what
    added = sum(what == "added" for what in news.values())
    return Imported(added=added, changed=len(news) - added, unchanged=len(rows) - len(news))


def _import_table(
    connection: Connection,
    account: AccountId,
    table: _Table,
    rows: Sequence[CatalogRow],
    given: frozenset[str],
) -> list[tuple[int, str]]:
    """Update one table; return which rows, by their index, added or changed an entry."""
    columns = {"row_index": "whole", **table.columns}
    temporary = Temporary(f"stage_{table.name}", columns, key=table.key)
    # Of rows with one key the last one counts: a product's prices repeat the product.
    staged = {
        tuple(_value(row, column, table) for column in table.key): (
            index,
            *(_value(row, column, table) for column in table.columns),
        )
        for index, row in enumerate(rows)
        if table.needs is None or row.get(table.needs) is not None
    }
    create_temporary(connection, temporary)
    stage(connection, temporary, list(staged.values()))
    settable = [name for name in table.columns if name not in table.key and name in given]
    news = _news(connection, account, table, temporary, settable)
    names = ", ".join(table.columns)
    updates = ", ".join(f"{name} = excluded.{name}" for name in settable)
    on_conflict = f"DO UPDATE SET {updates}" if settable else "DO NOTHING"
    connection.execute(
        sa.text(
            f"INSERT INTO {table.name} (account, {names})"
            f" SELECT CAST(:account AS TEXT), {names} FROM {temporary.name} WHERE TRUE"
            f" ON CONFLICT (account, {', '.join(table.key)}) {on_conflict}"
        ),
        {"account": account},
    )
    drop_temporary(connection, temporary)
    return news


def _news(
    connection: Connection,
    account: AccountId,
    table: _Table,
    temporary: Temporary,
    settable: Sequence[str],
) -> list[tuple[int, str]]:
    same_key = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    is_other = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in settable) or "FALSE"
    result = connection.execute(
        sa.text(
            "SELECT s.row_index, CASE WHEN t.account IS NULL THEN 'added' ELSE 'changed' END"
            f" FROM {temporary.name} s"
            f" LEFT JOIN {table.name} t ON t.account = :account AND {same_key}"
            f" WHERE t.account IS NULL OR {is_other}"
        ),
        {"account": account},
    )
    return [(int(index), str(what)) for index, what in result]


def _value(row: CatalogRow, column: str, table: _Table) -> str | int | None:
    value = row.get(column)
    return table.defaults.get(column) if value is None else value
