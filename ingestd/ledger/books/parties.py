"""Parties: everybody who can owe or be owed, under one number each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.head import Head
from ingestd.values.errors import UnknownNameError, UsageError
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody who can owe or be owed: a number in the books, a kind and a code."""

    party_no: int
    kind: PartyKind
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom a name stands for. `party_no` is None for somebody who never owed or paid anything."""

    kind: PartyKind
    code: str
    party_no: int | None


def find_party(connection: Connection, head: Head, batch: Batch, name: str) -> Party:
    """Return the party that a command names, and give it a number if it has none yet.

    Raises UsageError as `look_up_party` does.
    """
    named = look_up_party(connection, head.account, name)
    number = named.party_no
    if number is None:
        number = add_party(connection, head, batch, named.kind, named.code)
    return Party(party_no=number, kind=named.kind, code=named.code)


def look_up_party(
    connection: Connection, account: AccountId, name: str, *, with_past: bool = False
) -> Named:
    """Return whom a command names; nothing is written.

    `name` is a student_id, a parent_code, a guest's id or `ANONYMOUS`; `student:NAME` and its
    like say which kind is meant. `with_past` it may be a family that all students have left: who
    asks about an earlier time is answered still. Raises UsageError when nobody or more than one
    has the name.
    """
    kind_name, colon, code = name.partition(":")
    if not colon or kind_name not in set(PartyKind):
        kind_name, code = "", name
    values = {"account": account, "code": code, "kind": kind_name, "with_past": int(with_past)}
    found = _SQL.run(connection, "look_up_party", values).all()
    if not found:
        raise UnknownNameError(f"Nobody is called {name}. Name a student, a parent or a guest.")
    if len(found) > 1:
        choices = " or ".join(f"{row.kind}:{code}" for row in found)
        raise UsageError(f"More than one is called {name}. Write {choices}.")
    [row] = found
    number = None if row.party_no is None else int(row.party_no)
    return Named(kind=PartyKind(row.kind), code=code, party_no=number)


def add_party(connection: Connection, head: Head, batch: Batch, kind: PartyKind, code: str) -> int:
    """Give somebody a party number, as a fact of this batch; return it."""
    head.parties += 1
    _SQL.run(
        connection,
        "add_party",
        {
            "account": head.account,
            "party_no": head.parties,
            "kind": kind.value,
            "code": code,
            "batch_no": batch.batch_no,
        },
    )
    return head.parties


def party_of(connection: Connection, head: Head, party_no: int) -> Party:
    """Return the party that has a number."""
    values = {"account": head.account, "party_no": party_no}
    row = _SQL.run(connection, "find_party", values).one()
    return Party(party_no=party_no, kind=PartyKind(row.kind), code=row.party_code)
