"""The year: charges and money that came day by day, what is owed by age, files by state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup
from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.console.office.desk import Desk
from ingestd.console.office.reports.pictures import draw_bars, draw_year
from ingestd.reports.asking.questions import Asked
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.report import leave_identities_out
from ingestd.reports.money.days import DayTotal, count_files, read_days
from ingestd.values.money import decimals_of, format_amount

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What the pictures show, drawn and as tables. `months` are (month, charged, came)."""

    first: date
    last: date
    days: Markup
    months: tuple[tuple[str, str, str], ...]
    aging: Markup
    buckets: tuple[tuple[str, str], ...]
    files: Markup
    states: Mapping[str, int]


def read_year(desk: Desk, account: Account) -> Year:
    """Return the last 365 days of an account, as they are known now."""
    last = desk.today(account)
    with desk.reading() as connection:
        leave_identities_out(connection)
        return desk.answers.get(
            connection,
            account.account_id,
            ("year", last),
            lambda: _read(desk, connection, account, last),
        )


def _read(desk: Desk, connection: Connection, account: Account, last: date) -> Year:
    first = last - _YEAR + timedelta(days=1)
    decimals = decimals_of(account.currency)

    def written(amount: int) -> str:
        return format_amount(amount, decimals)

    days = read_days(connection, account.account_id, since=first, until=last)
    charged, came = sum(day.charged for day in days), sum(day.came for day in days)
    states = count_files(connection, account.account_id)
    aging = list(report_aging(connection, desk.question(connection, account, Asked())).rows)
    buckets = tuple((str(row["bucket"]), str(row["open"])) for row in aging)
    return Year(
        first=first,
        last=last,
        days=draw_year(
            days,
            first=first,
            last=last,
            title="Charges and money, day by day",
            about=f"From {first} to {last} {written(charged)} was charged, and {written(came)} "
            "came in.",
        ),
        months=_months(days, written),
        aging=draw_bars(
            [(name, _minor(amount), amount) for name, amount in buckets],
            title="What is owed, by days",
            about=", ".join(f"{name} days: {amount}" for name, amount in buckets),
        ),
        buckets=buckets,
        files=draw_bars(
            [(name.replace("_", " "), count, str(count)) for name, count in states.items()],
            title="Files by state",
            about=", ".join(f"{name}: {count}" for name, count in states.items()) or "None yet.",
        ),
        states=states,
    )


def _months(
    days: list[DayTotal], written: Callable[[int], str]
) -> tuple[tuple[str, str, str], ...]:
    charged: defaultdict[str, int] = defaultdict(int)
    came: defaultdict[str, int] = defaultdict(int)
    for day in days:
        charged[f"{day.day:%Y-%m}"] += day.charged
        came[f"{day.day:%Y-%m}"] += day.came
    return tuple((month, written(charged[month]), written(came[month])) for month in charged)


def _minor(amount: str) -> int:
    return int(amount.replace(".", ""))
