"""Parties: everybody who can owe or be owed, under one number each."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import ANONYMOUS_STUDENT_ID, PartyKind
from ingestd.ledger.books.head import Head
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId


def register_staged_students(connection: Connection, head: Head) -> None:
    """Add every student that is about to be charged and that the roster does not know.

    For accounts whose policy is `students = "register"`; the student has no name yet. A row
    that is not applied adds nobody.
    """
    connection.execute(
        sa.text(
            "INSERT INTO student (account, student_id, name)"
            " SELECT DISTINCT :account, n.student_id, '' FROM stage_student n"
            " WHERE n.student_id <> :anonymous"
            " AND n.student_no IN (SELECT s.student_no FROM stage_charge s)"
            " ON CONFLICT DO NOTHING"
        ),
        {"account": head.account, "anonymous": ANONYMOUS_STUDENT_ID},
    )


def add_missing_parties(connection: Connection, head: Head, batch: Batch) -> None:
    """Give every student that is about to be charged for the first time a party number.

    Who the party is, is a fact of this batch and sealed with it; the stage knows each number
    afterwards. The caller holds the head's lock.
    """
    result = connection.execute(
        sa.text(
            "INSERT INTO party (account, party_no, kind, party_code, batch_no)"
            " SELECT :account, :parties + ROW_NUMBER() OVER (ORDER BY n.student_id), :kind,"
            " n.student_id, :batch_no"
            " FROM (SELECT DISTINCT n.student_id FROM stage_student n WHERE NOT EXISTS"
            "  (SELECT 1 FROM party p WHERE p.account = :account AND p.kind = :kind"
            "   AND p.party_code = n.student_id)"
            "  AND n.student_no IN (SELECT s.student_no FROM stage_charge s)) n"
        ),
        {
            "account": head.account,
            "parties": head.parties,
            "kind": PartyKind.STUDENT.value,
            "batch_no": batch.batch_no,
        },
    )
    head.parties += result.rowcount
    connection.execute(
        sa.text(
            "UPDATE stage_student SET party_no = (SELECT p.party_no FROM party p"
            " WHERE p.account = :account AND p.kind = :kind"
            " AND p.party_code = stage_student.student_id)"
        ),
        {"account": head.account, "kind": PartyKind.STUDENT.value},
    )


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


def look_up_party(connection: Connection, account: AccountId, name: str) -> Named:
    """Return whom a command names; nothing is written.

    `name` is a student_id, a parent_code, a guest's id or `ANONYMOUS`; `student:NAME` and its
    like say which kind is meant. Raises UsageError when nobody or more than one has the name.
    """
    kind_name, colon, code = name.partition(":")
    if not colon or kind_name not in set(PartyKind):
        kind_name, code = "", name
    found = connection.execute(
        sa.text(
            "SELECT kind, MAX(party_no) AS party_no FROM ("
            " SELECT kind, party_no FROM party"
            "  WHERE account = :account AND kind IN ('student', 'parent', 'guest')"
            "  AND party_code = :code"
            " UNION ALL SELECT 'student', NULL FROM student"
            "  WHERE account = :account AND student_id = :code"
            " UNION ALL SELECT 'parent', NULL FROM parent"
            "  WHERE account = :account AND parent_code = :code"
            " UNION ALL SELECT 'parent', NULL FROM student"
            "  WHERE account = :account AND parent_code = :code"
            " UNION ALL SELECT 'anonymous', (SELECT party_no FROM party"
            "  WHERE account = :account AND kind = 'anonymous') WHERE :code = :anonymous"
            ") known WHERE :kind IN ('', kind) GROUP BY kind ORDER BY kind"
        ),
        {
            "account": account,
            "code": code,
            "kind": kind_name,
            "anonymous": ANONYMOUS_STUDENT_ID,
        },
    ).all()
    if not found:
        raise UsageError(f"Nobody is called {name}. Name a student, a parent or a guest.")
    if len(found) > 1:
        choices = " or ".join(f"{row.kind}:{code}" for row in found)
        raise UsageError(f"More than one is called {name}. Write {choices}.")
    [row] = found
    number = None if row.party_no is None else int(row.party_no)
    return Named(kind=PartyKind(row.kind), code=code, party_no=number)


def add_party(connection: Connection, head: Head, batch: Batch, kind: PartyKind, code: str) -> int:
    """Give somebody a party number, as a fact of this batch; return it."""
    head.parties += 1
    connection.execute(
        sa.text(
            "INSERT INTO party (account, party_no, kind, party_code, batch_no)"
            " VALUES (:account, :party_no, :kind, :code, :batch_no)"
        ),
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
    row = connection.execute(
        sa.text(
            "SELECT kind, party_code FROM party WHERE account = :account AND party_no = :party_no"
        ),
        {"account": head.account, "party_no": party_no},
    ).one()
    return Party(party_no=party_no, kind=PartyKind(row.kind), code=row.party_code)
