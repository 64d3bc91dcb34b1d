"""Changes: which batches came between two instants, who made them and what they changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.extent import read_known_batch
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.values.clock import format_instant, from_microseconds, to_microseconds
from ingestd.values.days import day_text

_SQL = Statements(__file__)

_SUMS = ("charged", "voided", "received", "settled", "returned", "realised")
COLUMNS = (
    *("batch_no", "sealed_at", "event", "by", "reason", "upload_id", "first_day", "last_day"),
    *_SUMS,
)
_CHUNK_ROWS = 5_000


def report_changes(
    connection: Connection, question: Question, *, known_since: datetime | None = None
) -> Report:
    """Return one row for each batch that was not known at one instant and is at the other.

    The first is `known_since`, the beginning by default, the other the question's own. What the
    rows add up to is what reports that ask for the same day differ by, known then and now.
    `first_day` and `last_day` are those on which the batch counts. Batches that count on other
    days than those asked for are left out; narrowed to days, those that count on none, too. Rows
    are read as they are asked for: the connection must stay open.
    """
    since_batch = 0
    if known_since is not None:
        known_at = to_microseconds(known_since)
        since_batch = read_known_batch(connection, question.account, known_at=known_at)

    def rows(reading: Reading) -> Iterator[Row]:
        return _rows(reading, since_batch=since_batch)

    report = answer(connection, question, name="changes", columns=COLUMNS, rows=rows)
    report.totals["since"] = None if known_since is None else format_instant(known_since)
    return report


def _rows(reading: Reading, *, since_batch: int) -> Iterator[Row]:
    question = reading.question
    bound = reading.extent.bound() | question.days() | {"since_batch": since_batch}
    totals = dict.fromkeys(_SUMS, 0)
    batches = 0
    # Programs write the calendar's first day where there is no beginning.
    is_narrowed = question.since not in {None, date.min} or question.until is not None
    for rows in _SQL.stream(reading.connection, "find_changes", bound, chunk_rows=_CHUNK_ROWS):
        for *named, first_on, last_on, posted, sums in map(_apart, rows):
            if first_on is None and (posted or is_narrowed):
                continue
            number, sealed_at, event, by, reason, upload_id = named
            # PostgreSQL sums whole numbers to decimals.
            amounts = dict(zip(_SUMS, map(int, sums), strict=True))
            batches += 1
            for name, amount in amounts.items():
                totals[name] += amount
            yield {
                "batch_no": number,
                "sealed_at": format_instant(from_microseconds(sealed_at)),
                "event": event,
                "by": by,
                "reason": reason,
                "upload_id": upload_id,
                "first_day": None if first_on is None else day_text(first_on),
                "last_day": None if last_on is None else day_text(last_on),
                **{name: question.amount(amount) for name, amount in amounts.items()},
            }
    reading.totals["batches"] = batches
    for name, amount in totals.items():
        reading.totals[name] = question.amount(amount)


def _apart(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row whose last value holds all of its sums."""
    return (*row[: -len(_SUMS)], row[-len(_SUMS) :])
