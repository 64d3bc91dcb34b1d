"""Items: every charge, what of it is paid, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.values.clock import day_in, from_microseconds

_SQL = Statements(__file__)

COLUMNS = (
    *("tracking_id", "student_id", "account_type", "billing_code", "occurred_on", "amount"),
    *("paid", "open", "status", "upload_id", "row"),
)
_CHUNK_ROWS = 5_000
_QUARTER_HOUR = 15 * 60 * 1_000_000  # microseconds


def report_items(connection: Connection, question: Question) -> Report:
    """Return one row for each charge that occurred on the days asked for, in order of arrival.

    Rows are read as they are asked for, in bounded memory: the connection must stay open.
    """
    return answer(connection, question, name="items", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    write = question.amount
    day_of = _Days(question.zone)
    bound = reading.extent.bound() | question.instants()
    items = amounts = paid_amounts = open_amounts = 0
    for rows in _SQL.stream(reading.connection, "find_items", bound, chunk_rows=_CHUNK_ROWS):
        for tracking_id, party, kind, code, occurred_at, amount, *moved, upload_id, row in rows:
            # PostgreSQL sums whole numbers to decimals.
            paid, voided, is_refunded = int(moved[0]), int(moved[1]), moved[2]
            still_open = amount - paid - voided
            items += 1
            amounts += amount
            paid_amounts += paid
            open_amounts += still_open
            yield {
                "tracking_id": tracking_id,
                "student_id": party,
                "account_type": kind,
                "billing_code": code,
                "occurred_on": day_of[occurred_at // _QUARTER_HOUR],
                "amount": write(amount),
                "paid": write(paid),
                "open": write(still_open),
                "status": "void" if is_refunded else _status(amount, paid, voided, still_open),
                "upload_id": upload_id,
                "row": row,
            }
    reading.totals["items"] = items
    reading.totals["amount"] = write(amounts)
    reading.totals["paid"] = write(paid_amounts)
    reading.totals["open"] = write(open_amounts)


def _status(amount: int, paid: int, voided: int, still_open: int) -> str:
    if voided > 0 and voided == amount:
        return "void"
    if still_open == 0:
        return "paid"  # a charge of nothing, too: nobody owes anything for it
    return "partial" if paid > 0 else "unpaid"


class _Days(dict[int, str]):
    """The day of each quarter of an hour since 1970 in a time zone, worked out once.

    Time zones have changed at quarters of an hour only since long before the oldest charge, so
    that a million charges ask the time zone a few thousand times.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, quarter: int) -> str:
        day: Any = day_in(self._zone, from_microseconds(quarter * _QUARTER_HOUR)).isoformat()
        self[quarter] = day
        return str(day)
