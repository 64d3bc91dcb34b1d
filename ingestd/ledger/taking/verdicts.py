"""Verdicts on staged rows: rejected, a repeat, or to be applied; what is the same in every format.

How a format's rows are staged, and by what the ledger knows them, stands in its own statements:
they find what is wrong with rows (`stage_finding`), and which rows repeat or contradict what came
before (`stage_repeat`). All set-based. The caller holds the account's head locked, so that nothing
can come between a check and its insert.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, append_rows, count_rows, empty_temporary
from ingestd.database.statements import Statements
from ingestd.ledger.evidence.seals import Written
from ingestd.ledger.taking.messages import (
    ALL_OR_NOTHING,
    REFUSED_CONFLICT,
    REFUSED_DUPLICATE,
    RepeatMessages,
)
from ingestd.ledger.taking.stage import REJECTED, REPEATS, Whose

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a file's rows came to: how many of each verdict, and the amount that was applied.

    `records` were staged, for the files in `staged_for`: that this one is all of them is for the
    caller to see. `findings` tells whether there are any. `written` is what of the rows was hashed
    already, for their seal.
    """

    applied: int
    duplicate: int
    conflict: int
    rejected: int
    applied_amount: int
    records: int
    findings: int
    staged_for: frozenset[Whose]
    written: Written | None = None


def reject_found(connection: Connection) -> None:
    """Reject every row that a finding says is bad and that repeats nothing."""
    _SQL.run(connection, "reject_found")


def tell_repeats_in_file(connection: Connection, *, column: str, messages: RepeatMessages) -> None:
    """Find which row of the file each row repeats or contradicts; `column` has their key."""
    _SQL.run(
        connection,
        "tell_repeats_in_file",
        {
            "column": column,
            "duplicate": messages.duplicate_in_file,
            "conflict": messages.conflict_in_file,
        },
    )


def any_bad_row(connection: Connection) -> bool:
    """Tell whether a row of the file was rejected, or contradicts another."""
    return bool(_SQL.run(connection, "find_bad_row").scalar_one())


def reject_everything(connection: Connection, table: Temporary) -> None:
    """Reject every row of a stage: the account takes a file whole or not at all.

    One finding says so of all that are good in themselves. Of rows that repeat another row of the
    file it is told that none of them was applied.
    """
    good = count_rows(connection, table) - _counts(connection).conflict
    if good:
        _SQL.run(connection, "tell_good_rows", {"message": ALL_OR_NOTHING.format(rows=good)})
    append_rows(connection, table, REJECTED)
    _SQL.run(
        connection,
        "tell_repeats_of_refused",
        {"duplicate": REFUSED_DUPLICATE, "conflict": REFUSED_CONFLICT},
    )
    empty_temporary(connection, REPEATS, table)


def count_repeats(connection: Connection) -> int:
    """Return how many rows repeat or contradict what came before."""
    return count_rows(connection, REPEATS)


def counted(
    connection: Connection, *, applied: int, applied_amount: int, written: Written | None = None
) -> Posted:
    """Return what the file came to, once its good rows are applied."""
    counts = _counts(connection)
    return Posted(
        applied=applied,
        duplicate=counts.duplicate,
        conflict=counts.conflict,
        rejected=counts.rejected,
        applied_amount=applied_amount,
        records=counts.records,
        findings=counts.findings,
        staged_for=counts.staged_for,
        written=written,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    duplicate: int
    conflict: int
    rejected: int
    records: int
    findings: int
    staged_for: frozenset[Whose]


def _counts(connection: Connection) -> _Counts:
    row = _SQL.run(connection, "count_verdicts").one()
    return _Counts(
        duplicate=int(row.duplicates),
        conflict=int(row.conflicts),
        rejected=int(row.rejected),
        records=int(row.records),
        findings=int(row.findings),
        staged_for=frozenset(
            {
                Whose(row.first_account, row.first_upload),
                Whose(row.last_account, row.last_upload),
            }
        ),
    )
