"""Contacts as they were known: how parents, students and guests are called and reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.catalog.as_known import Columns, read_rows_then
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


class Contact(NamedTuple):
    """How somebody is called and reached; an empty text where nobody said."""

    name: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    parent_code: str | None = None


UNKNOWN = Contact()

_STATEMENTS = {
    PartyKind.PARENT: "find_parents",
    PartyKind.STUDENT: "find_students",
    PartyKind.GUEST: "find_guests",
}
_CATALOGS = {PartyKind.PARENT: CatalogKind.PARENTS, PartyKind.STUDENT: CatalogKind.STUDENTS}


def read_contacts(
    connection: Connection,
    account: AccountId,
    kind: PartyKind,
    *,
    known_batch: int,
    codes: Sequence[str] | None = None,
) -> Mapping[str, Contact]:
    """Return how parties of a kind are reached, by code, as known when a batch was the last.

    All of them, or those with some codes. Whom no catalog lists is left out, and so is the
    anonymous party. Guests are facts, and never change.
    """
    if kind not in _STATEMENTS:
        return {}
    # PostgreSQL takes an empty list for one of numbers; nobody's code is an empty text.
    values = {"account": account, "all_codes": int(codes is None), "codes": list(codes or ("",))}
    rows: Sequence[Sequence[Any]] = _SQL.run(connection, _STATEMENTS[kind], values).all()
    found = {code: Contact(*told) for code, *told in rows}
    if kind in _CATALOGS:
        changed = read_rows_then(connection, account, _CATALOGS[kind], known_batch=known_batch)
        for code, columns in changed.items():
            if codes is None or code in codes:
                found.pop(code, None)
                if columns is not None:
                    found[code] = _contact(columns)
    return found


def read_contact(
    connection: Connection, account: AccountId, kind: PartyKind, code: str, *, known_batch: int
) -> Contact:
    """Return how one party is reached, as known when a batch was the last."""
    found = read_contacts(connection, account, kind, known_batch=known_batch, codes=[code])
    return found.get(code, UNKNOWN)


def read_students_of(
    connection: Connection, account: AccountId, family: str, *, known_batch: int
) -> set[str]:
    """Return the students whom the roster gave a parent, as known when a batch was the last."""
    values = {"account": account, "family": family}
    found = set(_SQL.run(connection, "find_students_of", values).scalars())
    changed = read_rows_then(connection, account, CatalogKind.STUDENTS, known_batch=known_batch)
    for code, columns in changed.items():
        found.discard(code)
        if columns is not None and columns.get("parent_code") == family:
            found.add(code)
    return found


def _contact(columns: Columns) -> Contact:
    parent = columns.get("parent_code")
    return Contact(
        name=str(columns.get("name") or ""),
        email=str(columns.get("email") or ""),
        phone=str(columns.get("phone") or ""),
        address=str(columns.get("address") or ""),
        parent_code=None if parent is None else str(parent),
    )
