"""Charged names: the students and products of a charge file, as the books take them in."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head

_SQL = Statements(__file__)


def add_students(connection: Connection, head: Head) -> None:
    """Add every student that is about to be charged and that the roster does not know.

    For accounts whose policy is `students = "register"`; the student has no name yet. A row
    that is not applied adds nobody.
    """
    _SQL.run(connection, "add_students", {"account": head.account})


def number_names(
    connection: Connection, head: Head, batch: Batch, *, lacks_parties: bool, lacks_codes: bool
) -> None:
    """Number every student and billing code that is about to be charged for the first time.

    Whose the numbers are, is a fact of this batch and sealed with it; the stage knows them
    afterwards. The flags say whether any of the file's has no number. The caller holds the head's
    lock.
    """
    values = {
        "account": head.account,
        "parties": head.parties,
        "codes": head.codes,
        "batch_no": batch.batch_no,
    }
    if lacks_parties and (added := _SQL.run(connection, "add_parties", values).rowcount):
        head.parties += added
        _SQL.run(connection, "name_parties", values)
    if lacks_codes and (added := _SQL.run(connection, "add_codes", values).rowcount):
        head.codes += added
        _SQL.run(connection, "name_codes", values)
