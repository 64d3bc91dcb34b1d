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
from ingestd.ledger.chart import PartyKind
from ingestd.ledger.head import lock_head, store_head
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
    """How many entries a file added, changed, and left as they were."""

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
_PARTIES = {
    CatalogKind.STUDENTS: (PartyKind.STUDENT, "student", "student_id"),
    CatalogKind.PARENTS: (PartyKind.PARENT, "parent", "parent_code"),
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

    `present` names the columns that the file has: others keep what they hold. Students and
    parents become parties of the ledger. Safe to repeat: then everything is unchanged.
    """
    head = lock_head(connection, account)
    given = frozenset(present)
    results = [_import_table(connection, account, table, rows, given) for table in _TABLES[kind]]
    if kind in _PARTIES:
        party_kind, table_name, code = _PARTIES[kind]
        head.parties += _add_parties(
            connection, account, head.parties, party_kind, f"{table_name} t", f"t.{code}"
        )
        store_head(connection, head)
    return Imported(
        added=sum(result.added for result in results),
        changed=sum(result.changed for result in results),
        unchanged=sum(result.unchanged for result in results),
    )


def _import_table(
    connection: Connection,
    account: AccountId,
    table: _Table,
    rows: Sequence[CatalogRow],
    given: frozenset[str],
) -> Imported:
    temporary = Temporary(f"stage_{table.name}", table.columns, key=table.key)
    staged = {
        tuple(_value(row, column, table) for column in table.key): tuple(
            _value(row, column, table) for column in table.columns
        )
        for row in rows
        if table.needs is None or row.get(table.needs) is not None
    }
    if table.needs is not None and table.needs not in given:
        return Imported(added=0, changed=0, unchanged=0)
    create_temporary(connection, temporary)
    stage(connection, temporary, list(staged.values()))
    settable = [name for name in table.columns if name not in table.key and name in given]
    same_key = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    is_other = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in settable) or "FALSE"
    changed = _count(
        connection,
        f"{temporary.name} s JOIN {table.name} t ON t.account = :account AND {same_key}"
        f" WHERE {is_other}",
        account,
    )
    known = _count(
        connection,
        f"{temporary.name} s JOIN {table.name} t ON t.account = :account AND {same_key}",
        account,
    )
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
    return Imported(added=len(staged) - known, changed=changed, unchanged=known - changed)


def _add_parties(
    connection: Connection,
    account: AccountId,
    parties: int,
    kind: PartyKind,
    source: str,
    code: str,
) -> int:
    result = connection.execute(
        sa.text(
            "INSERT INTO party (account, party_no, kind, party_code)"
            f" SELECT t.account, :parties + ROW_NUMBER() OVER (ORDER BY {code}), :kind, {code}"
            f" FROM {source} WHERE t.account = :account AND NOT EXISTS"
            " (SELECT 1 FROM party p WHERE p.account = t.account AND p.kind = :kind"
            f" AND p.party_code = {code})"
        ),
        {"account": account, "parties": parties, "kind": kind.value},
    )
    return result.rowcount


def _value(row: CatalogRow, column: str, table: _Table) -> str | int | None:
    value = row.get(column)
    return table.defaults.get(column) if value is None else value


def _count(connection: Connection, source: str, account: AccountId) -> int:
    return int(
        connection.execute(
            sa.text(f"SELECT COUNT(*) FROM {source}"), {"account": account}
        ).scalar_one()
    )
