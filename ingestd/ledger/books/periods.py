"""Periods: months that are closed, so that their figures stay as they were reported."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.days import Day
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

_DAYS_IN_NO_MONTH = 32


def open_from(connection: Connection, account: AccountId) -> Day:
    """Return the first day that postings may be dated; `Day(0)` while no month is closed.

    What belongs to an earlier day is posted on this one and keeps the time when it occurred.
    """
    return first_open_day(_SQL.run(connection, "find_closed_month", {"account": account}).scalar())


def first_open_day(closed_month: str | None) -> Day:
    """Return the first day after the last month that is closed; `Day(0)` while none is."""
    return Day(0) if closed_month is None else day_after_month(closed_month)


def find_closing(connection: Connection, account: AccountId, month: str) -> int | None:
    """Return when a month (`YYYY-MM`) was closed, by itself or by a later one (µs since 1970).

    None while it is open.
    """
    bound = {"account": account, "month": month}
    closed_at: int | None = _SQL.run(connection, "find_closing", bound).scalar()
    return closed_at


def close_month(connection: Connection, account: AccountId, month: str, *, batch_no: int) -> None:
    """Close a month, and with it every month before."""
    _SQL.run(connection, "close_month", {"account": account, "month": month, "batch_no": batch_no})


def day_after_month(month: str) -> Day:
    """Return the first day after a month: `2026-03` → `2026-04-01`."""
    first = date.fromisoformat(f"{month}-01")
    return Day.of((first + timedelta(days=_DAYS_IN_NO_MONTH)).replace(day=1))
