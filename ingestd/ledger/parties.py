"""Parties: everybody who can owe or be owed, under one number each."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.chart import ANONYMOUS_STUDENT_ID, PartyKind
from ingestd.ledger.head import Head
from ingestd.ledger.seal import Batch


def register_staged_students(connection: Connection, head: Head) -> None:
    """Add every student that is about to be charged and that the roster does not know.

    For accounts whose policy is `students = "register"`; the student has no name yet. A row
    that is not applied adds nobody.
    """
    connection.execute(
        sa.text(
            "INSERT INTO student (account, student_id, name)"
            " SELECT DISTINCT :account, s.student_id, '' FROM stage_charge s"
            " WHERE s.student_id <> :anonymous"
            " AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
            " ON CONFLICT DO NOTHING"
        ),
        {"account": head.account, "anonymous": ANONYMOUS_STUDENT_ID},
    )


def add_missing_parties(connection: Connection, head: Head, batch: Batch) -> None:
    """Give every student that is about to be charged for the first time a party number.

    Who the party is, is a fact of this batch and sealed with it. The caller holds the head's lock.
    """
    result = connection.execute(
        sa.text(
            "INSERT INTO party (account, party_no, kind, party_code, batch_no)"
            " SELECT :account, :parties + ROW_NUMBER() OVER (ORDER BY n.student_id), :kind,"
            " n.student_id, :batch_no"
            " FROM (SELECT DISTINCT s.student_id FROM stage_charge s WHERE NOT EXISTS"
            "  (SELECT 1 FROM party p WHERE p.account = :account AND p.kind = :kind"
            "   AND p.party_code = s.student_id)"
            "  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)) n"
        ),
        {
            "account": head.account,
            "parties": head.parties,
            "kind": PartyKind.STUDENT.value,
            "batch_no": batch.batch_no,
        },
    )
    head.parties += result.rowcount
