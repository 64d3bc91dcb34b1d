"""Collections: the money that came in, settled, came back or went out, by day, method and batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.values.days import day_text

_SQL = Statements(__file__)

COLUMNS = ("day", "method", "merchant_id", "batch_num", "source", "payments", "amount")


class By(StrEnum):
    """What is counted, on the day that it happened."""

    RECEIVED = "received"
    SETTLED = "settled"
    RETURNED = "returned"
    PAID_OUT = "paid_out"
    DEPOSITED = "deposited"


_STATEMENTS: Mapping[By, str] = MappingProxyType(
    {
        By.RECEIVED: "find_received",
        By.SETTLED: "find_events",
        By.RETURNED: "find_events",
        By.PAID_OUT: "find_paid_out",
        By.DEPOSITED: "find_deposited",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collected:
    day: int
    method: str
    merchant_id: str
    batch_num: str
    source: str
    payments: int
    amount: int

    @property
    def place(self) -> tuple[object, ...]:
        return self.day, self.method, self.merchant_id, self.batch_num, self.source


def report_collections(connection: Connection, question: Question) -> Report:
    """Return one row for each day, method, settlement batch and place where money came in.

    `by` says which day counts: when it was received (also what never settled), settled, came
    back, or left the bank or the till. By `deposited` each row is cash that was brought from the
    till to the bank, which is nobody's in particular and comes from no place. Where nobody and no
    place is asked for, what settled less what came back and went out is held to what bank and till
    gained on these days. Rows are read as they are asked for: the connection must stay open.
    """
    return answer(connection, question, name="collections", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    by = By(question.by or By.SETTLED)
    found = _find(reading, by)
    for row in sorted(found, key=lambda row: row.place):
        yield {
            "day": day_text(row.day),
            "method": row.method,
            "merchant_id": row.merchant_id or None,
            "batch_num": row.batch_num or None,
            "source": row.source or None,
            "payments": row.payments,
            "amount": question.amount(row.amount),
        }
    reading.totals["payments"] = sum(row.payments for row in found)
    reading.totals["amount"] = question.amount(sum(row.amount for row in found))
    if reading.parties is None and question.source is None:
        settled, returned, paid_out = (
            sum(row.amount for row in (found if each is by else _find(reading, each)))
            for each in (By.SETTLED, By.RETURNED, By.PAID_OUT)
        )
        money = _SQL.run(reading.connection, "add_up_money", reading.bound()).scalar_one()
        reading.hold("bank and cash", int(money), settled - returned - paid_out)


def _find(reading: Reading, by: By) -> list[_Collected]:
    bound = reading.bound() | {"event": by.value}
    name = _STATEMENTS[by]
    return [
        _Collected(
            day=row.day,
            method=row.method,
            merchant_id=row.merchant_id or "",
            batch_num=row.batch_num or "",
            source=row.source,
            # PostgreSQL sums whole numbers to decimals.
            payments=int(row.payments),
            amount=int(row.amount),
        )
        for row in _SQL.run(reading.connection, name, bound)
    ]
