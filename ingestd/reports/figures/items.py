"""Items: every charge, what of it is paid, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.values.clock import day_in, from_microseconds

_SQL = Statements(__file__)

COLUMNS = (
    *("tracking_id", "student_id", "account_type", "billing_code", "occurred_on", "amount", "tax"),
    *("paid", "voided", "written_off", "open", "status", "upload_id", "row"),
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
    items = 0
    wanted = _wanted(question.status)
    sums = dict.fromkeys(("amount", "tax", "paid", "voided", "written_off", "open"), 0)
    bound = reading.bound() | {"after": reading.number_of(_SQL, "find_number")}
    chunks = _SQL.stream(reading.connection, "find_items", bound, chunk_rows=_CHUNK_ROWS)
    for rows in chunks:
        for (
            tracking_id,
            party,
            kind,
            code,
            occurred_at,
            amount,
            tax,
            *moved,
            upload_id,
            row,
        ) in rows:
            # PostgreSQL sums whole numbers to decimals.
            paid, voided, written_off = int(moved[0]), int(moved[1]), int(moved[2])
            still_open = amount - paid - voided - written_off
            status = status_of(amount, paid, voided, written_off, is_refunded=bool(moved[3]))
            if status not in wanted:
                continue
            items += 1
            sums["amount"] += amount
            sums["tax"] += tax
            sums["paid"] += paid
            sums["voided"] += voided
            sums["written_off"] += written_off
            sums["open"] += still_open
            yield {
                "tracking_id": tracking_id,
                "student_id": party,
                "account_type": kind,
                "billing_code": code,
                "occurred_on": day_of[occurred_at // _QUARTER_HOUR],
                "amount": write(amount),
                "tax": write(tax),
                "paid": write(paid),
                "voided": write(voided),
                "written_off": write(written_off),
                "open": write(still_open),
                "status": status.value,
                "upload_id": upload_id,
                "row": row,
            }
    reading.totals["items"] = items
    reading.totals.update((name, write(amount)) for name, amount in sums.items())


class Status(StrEnum):
    """How far a charge is paid, taken back or given up."""

    UNPAID = "unpaid"
    PARTIAL = "partial"
    PAID = "paid"
    VOID = "void"
    WRITTEN_OFF = "written_off"


OPEN = "open"
"""What a page asks for that is made of what is open: unpaid or partly paid."""


def _wanted(status: str | None) -> frozenset[Status]:
    if status is None:
        return frozenset(Status)
    return frozenset({Status.UNPAID, Status.PARTIAL} if status == OPEN else {Status(status)})


def status_of(
    amount: int, paid: int, voided: int, written_off: int, *, is_refunded: bool = False
) -> Status:
    """Return how far a charge is; `is_refunded` says it of one of nothing."""
    if is_refunded or (voided > 0 and voided == amount):
        return Status.VOID
    if amount - paid - voided - written_off == 0:
        if paid == 0 and written_off > 0:
            return Status.WRITTEN_OFF
        return Status.PAID  # a charge of nothing, too: nobody owes anything for it
    return Status.PARTIAL if paid > 0 else Status.UNPAID


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
