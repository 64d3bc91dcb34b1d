"""Payments: who paid what and when, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.values.days import day_text

_SQL = Statements(__file__)

COLUMNS = (
    *("payment_id", "payer", "kind", "merchant_id", "batch_num", "receipt_num", "received_on"),
    *("amount", "status", "settled_on", "returned_on"),
)
_CHUNK_ROWS = 5_000


@dataclass(slots=True)
class _Batch:
    """A settlement batch as far as the report goes: its payments, their sum, what is pending."""

    payments: int = 0
    amount: int = 0
    pending: int = 0

    def add(self, amount: int, status: str) -> None:
        self.payments += 1
        self.amount += amount
        self.pending += amount if status == "pending" else 0


def report_payments(connection: Connection, question: Question) -> Report:
    """Return one row for each payment received on the days asked for, in order of arrival.

    Its status is the one that it had on the day `as_of`. The totals say what was received, and
    how much of it ever settled, came back, was voided, or is pending still; and the same for
    each settlement batch. Rows are read as they are asked for: the connection must stay open.
    """
    return answer(connection, question, name="payments", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    payments = 0
    sums: defaultdict[str, int] = defaultdict(int)
    batches: defaultdict[tuple[str, str], _Batch] = defaultdict(_Batch)
    bound = reading.bound() | {"after": reading.number_of(_SQL, "find_number")}
    chunks = _SQL.stream(reading.connection, "find_payments", bound, chunk_rows=_CHUNK_ROWS)
    for rows in chunks:
        for *names, amount, settled_on, returned_on, voided_on in rows:
            payment_id, payer, kind, merchant_id, batch_num, receipt_num, received_on = names
            status = _status(voided_on, returned_on, settled_on)
            if question.status is not None and status != question.status:
                continue
            payments += 1
            sums["received"] += amount
            if batch_num is not None:
                batches[merchant_id or "", batch_num].add(amount, status)
            if status in {"pending", "voided"}:
                sums[status] += amount
            if settled_on is not None:
                sums["settled"] += amount
            if returned_on is not None:
                sums["returned"] += amount
            yield {
                "payment_id": payment_id,
                "payer": payer,
                "kind": kind,
                "merchant_id": merchant_id,
                "batch_num": batch_num,
                "receipt_num": receipt_num,
                "received_on": day_text(received_on),
                "amount": question.amount(amount),
                "status": status,
                "settled_on": None if settled_on is None else day_text(settled_on),
                "returned_on": None if returned_on is None else day_text(returned_on),
            }
    reading.totals["payments"] = payments
    for name in ("received", "pending", "settled", "returned", "voided"):
        reading.totals[name] = question.amount(sums[name])
    reading.totals["batches"] = [
        {
            "merchant_id": merchant_id or None,
            "batch_num": batch_num,
            "payments": batch.payments,
            "amount": question.amount(batch.amount),
            "pending": question.amount(batch.pending),
        }
        for (merchant_id, batch_num), batch in sorted(batches.items())
    ]


class Status(StrEnum):
    """How far a payment is."""

    PENDING = "pending"
    SETTLED = "settled"
    RETURNED = "returned"
    VOIDED = "voided"


def _status(voided_on: int | None, returned_on: int | None, settled_on: int | None) -> str:
    if voided_on is not None:
        return Status.VOIDED.value
    if returned_on is not None:
        return Status.RETURNED.value
    return Status.PENDING.value if settled_on is None else Status.SETTLED.value
