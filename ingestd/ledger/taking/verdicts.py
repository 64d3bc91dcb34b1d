"""Verdicts on staged rows: rejected, a repeat, or to be applied; the same for every format.

All set-based. The caller holds the account's head locked, so that nothing can come between a
check and its insert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import in_this_order
from ingestd.formats.findings.codes import Code, Verdict
from ingestd.ledger.books.head import Head
from ingestd.ledger.taking.messages import (
    ALL_OR_NOTHING,
    REFUSED_CONFLICT,
    REFUSED_DUPLICATE,
    RepeatMessages,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Rows that a key identifies for ever: where they are staged, and what the ledger holds.

    `stage` is the temporary table, with `row`, `line`, `row_key` and `content_hash`; `column` is
    the file's name for the key. `earlier` joins the fact of the same key as `c` to the staged
    row `s`; `{join}` stands for the join to use. `written` is the SQL of the key as the file has
    it, `{repeat}` being the row of `stage_repeat`.
    """

    stage: str
    column: str
    earlier: str
    messages: RepeatMessages
    number: str = "charge_no"
    written: str = "{repeat}.row_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """By what people find the rows of a stage again: their key, and whom each is about.

    Both are the SQL of a staged row `s`; `party` is NULL where the rows do not say.
    """

    stage: str
    key: str
    party: str = "NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a file's rows came to: how many of each verdict, and the amount that was applied."""

    applied: int
    duplicate: int
    conflict: int
    rejected: int
    applied_amount: int


def reject(
    connection: Connection,
    head: Head,
    *,
    stage: str,
    where: str,
    code: Code,
    column: str,
    value: str,
    message: str,
) -> None:
    """Reject the rows `s` of a stage for which `where` holds, with a finding for each.

    `value` is the SQL of what the finding shows.
    """
    found = connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            f" SELECT :code, :verdict, s.row, s.line, :column, {value}, :message"
            f" FROM {stage} s WHERE {where}"
        ),
        {
            "account": head.account,
            "code": code.value,
            "verdict": Verdict.ROW.value,
            "column": column,
            "message": message,
        },
    )
    if not found.rowcount:
        return
    connection.execute(
        sa.text(
            "INSERT INTO stage_rejected (row, line)"
            f" SELECT s.row, s.line FROM {stage} s WHERE ({where})"
            " ON CONFLICT DO NOTHING"
        ),
        {"account": head.account},
    )


def forget_rejected(connection: Connection, head: Head, named: Named) -> None:
    """Take the rejected rows out of the stage; of each stays by what it is found again.

    A rejected row does not use up its key: mended, it may come again, even later in this file.
    """
    name_rows(connection, head, named)
    connection.execute(
        sa.text(f"DELETE FROM {named.stage} WHERE row IN (SELECT row FROM stage_rejected)")
    )


def name_rows(connection: Connection, head: Head, named: Named) -> None:
    """Keep by what people find the staged rows that a finding says are not applied."""
    join = in_this_order(connection)
    connection.execute(
        sa.text(
            "INSERT INTO stage_named (row, row_key, party_code)"
            f" SELECT s.row, {named.key}, {named.party} FROM (SELECT DISTINCT row"
            "   FROM stage_finding WHERE verdict <> :warning OR code = :duplicate_in_file) f"
            f" {join} {named.stage} s ON s.row = f.row WHERE TRUE ON CONFLICT DO NOTHING"
        ),
        {
            "account": head.account,
            "warning": Verdict.WARNING.value,
            "duplicate_in_file": Code.DUPLICATE_IN_FILE.value,
        },
    )


def find_repeats_of_ledger(connection: Connection, head: Head, keyed: Keyed) -> None:
    """Mark the rows whose key the ledger holds already: same content or other content."""
    # What the ledger holds is the first; what comes now repeats or contradicts it.
    join = in_this_order(connection)
    earlier = keyed.earlier.replace("{join}", join)
    connection.execute(
        sa.text(
            "INSERT INTO stage_repeat (row, line, row_key, outcome, earlier_no)"
            " SELECT s.row, s.line, s.row_key,"
            " CASE WHEN c.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END,"
            f" c.{keyed.number} FROM {keyed.stage} s {earlier} ORDER BY s.row"
        ),
        {"account": head.account},
    )
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, s.row, s.line, :column,"
            f" {keyed.written.replace('{repeat}', 's')},"
            " REPLACE(REPLACE(:message, '{upload}', COALESCE(c.upload_id, '-')),"
            " '{row}', COALESCE(CAST(c.row AS TEXT), '-'))"
            f" FROM stage_repeat s {earlier}"
            " WHERE s.outcome = 'conflict'"
        ),
        {
            "account": head.account,
            "code": Code.CONFLICT.value,
            "verdict": Verdict.ROW.value,
            "column": keyed.column,
            "message": keyed.messages.conflict_with_ledger,
        },
    )


def find_repeats_in_file(connection: Connection, keyed: Keyed) -> None:
    """Mark the rows that share a key with an earlier row of the file."""
    # Among rows of this file that share a key the first wins, unless the ledger won already.
    join = in_this_order(connection)
    connection.execute(
        sa.text(
            "INSERT INTO stage_repeat (row, line, row_key, outcome, first_row)"
            " SELECT s.row, s.line, s.row_key,"
            " CASE WHEN f.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END,"
            " f.row"
            f" FROM (SELECT row_key, MIN(row) AS row FROM {keyed.stage}"
            "       GROUP BY row_key HAVING COUNT(*) > 1) first"
            f" {join} {keyed.stage} f ON f.row = first.row"
            f" {join} {keyed.stage} s ON s.row_key = first.row_key AND s.row > first.row"
            " WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = f.row)"
        )
    )
    messages = keyed.messages
    for outcome, code, verdict, message in (
        ("duplicate", Code.DUPLICATE_IN_FILE, Verdict.WARNING, messages.duplicate_in_file),
        ("conflict", Code.CONFLICT, Verdict.ROW, messages.conflict_in_file),
    ):
        connection.execute(
            sa.text(
                "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
                " SELECT :code, :verdict, r.row, r.line, :column,"
                f" {keyed.written.replace('{repeat}', 'r')},"
                " REPLACE(:message, '{row}', CAST(r.first_row AS TEXT))"
                " FROM stage_repeat r WHERE r.outcome = :outcome AND r.first_row IS NOT NULL"
            ),
            {
                "code": code.value,
                "verdict": verdict.value,
                "column": keyed.column,
                "message": message,
                "outcome": outcome,
            },
        )


def any_bad_row(connection: Connection) -> bool:
    """Tell whether a row of the file was rejected, or contradicts another."""
    found = connection.execute(
        sa.text(
            "SELECT EXISTS (SELECT 1 FROM stage_rejected)"
            " OR EXISTS (SELECT 1 FROM stage_repeat WHERE outcome = 'conflict')"
        )
    ).scalar_one()
    return bool(found)


def reject_everything(connection: Connection, stage: str) -> None:
    """Reject every row: the account takes a file whole or not at all.

    One finding says so of all the good ones.
    """
    good = count(
        connection,
        f"{stage} s WHERE NOT EXISTS"
        " (SELECT 1 FROM stage_repeat r WHERE r.row = s.row AND r.outcome = 'conflict')",
    )
    if good:
        connection.execute(
            sa.text(
                "INSERT INTO stage_finding (code, verdict, message)"
                " VALUES (:code, :verdict, :message)"
            ),
            {
                "code": Code.ALL_OR_NOTHING.value,
                "verdict": Verdict.FILE.value,
                "message": ALL_OR_NOTHING.format(rows=good),
            },
        )
    connection.execute(
        sa.text(
            f"INSERT INTO stage_rejected (row, line) SELECT row, line FROM {stage}"
            " WHERE TRUE ON CONFLICT DO NOTHING"
        )
    )
    _tell_repeats_of_refused(connection)
    connection.execute(sa.text("DELETE FROM stage_repeat"))
    connection.execute(sa.text(f"DELETE FROM {stage}"))


def _tell_repeats_of_refused(connection: Connection) -> None:
    """Say of rows that repeat another row of the file that none of them was applied."""
    for outcome, code, message in (
        ("duplicate", Code.DUPLICATE_IN_FILE, REFUSED_DUPLICATE),
        ("conflict", Code.CONFLICT, REFUSED_CONFLICT),
    ):
        connection.execute(
            sa.text(
                "UPDATE stage_finding SET message = REPLACE(:message, '{row}',"
                " (SELECT CAST(r.first_row AS TEXT) FROM stage_repeat r"
                "   WHERE r.row = stage_finding.row AND r.outcome = :outcome))"
                " WHERE code = :code AND row IN (SELECT r.row FROM stage_repeat r"
                "   WHERE r.outcome = :outcome AND r.first_row IS NOT NULL)"
            ),
            {"code": code.value, "message": message, "outcome": outcome},
        )


def any_row(
    connection: Connection, source: str, values: Mapping[str, object] | None = None
) -> bool:
    """Tell whether a table has any row; `source` may go on with a condition."""
    statement = sa.text(f"SELECT EXISTS (SELECT 1 FROM {source})")
    return bool(connection.execute(statement, values).scalar_one())


def count(connection: Connection, source: str) -> int:
    """Return how many rows a table has; `source` may go on with a condition."""
    return int(connection.execute(sa.text(f"SELECT COUNT(*) FROM {source}")).scalar_one())


def counted(connection: Connection, *, applied: int, applied_amount: int) -> Posted:
    """Return what the file came to, once its good rows are applied."""
    return Posted(
        applied=applied,
        duplicate=count(connection, "stage_repeat WHERE outcome = 'duplicate'"),
        conflict=count(connection, "stage_repeat WHERE outcome = 'conflict'"),
        rejected=count(connection, "stage_rejected"),
        applied_amount=applied_amount,
    )
