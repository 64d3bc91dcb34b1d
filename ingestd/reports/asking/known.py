"""As known: the instant up to which batches count in an answer, as it is typed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.ledger.books.head import read_known_at
from ingestd.values.clock import MICROSECOND, day_in, from_microseconds
from ingestd.values.errors import UsageError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def known_instant(
    connection: Connection,
    account: Account,
    as_known: str | None,
    *,
    now: datetime,
    option: str = "--as-known",
) -> datetime:
    """Return the instant that an answer is for: the asked one, or that of the last batch.

    Asked again with the last batch's instant, the answer is the same for ever; an instant that is
    to come, and a day that is not over yet, ask for it, too. A day that is over is meant to its end
    in the account's time zone. Raises UsageError for a text that is no instant; without an offset
    it is UTC.
    """
    if as_known is None:
        return _last_known(connection, account, now)
    try:
        if _DAY.fullmatch(as_known):
            day = date.fromisoformat(as_known)
            is_over = day < day_in(account.timezone, now)
            return _end_of(day, account) if is_over else _last_known(connection, account, now)
        instant = datetime.fromisoformat(as_known)
        placed = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        placed = placed.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {as_known} is no instant. Write it such as 2026-03-02T12:00:00Z."
        ) from error
    last = _last_known(connection, account, now)
    return last if placed > max(now, last) else placed


def _last_known(connection: Connection, account: Account, now: datetime) -> datetime:
    known_at = read_known_at(connection, account.account_id)
    return now if known_at is None else from_microseconds(known_at)


def _end_of(day: date, account: Account) -> datetime:
    next_day = datetime.combine(day + timedelta(days=1), time(), tzinfo=account.timezone)
    return next_day.astimezone(UTC) - MICROSECOND
