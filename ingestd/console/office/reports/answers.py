"""Answers of reports, a page of rows at a time, with the totals of all."""

from __future__ import annotations

import csv
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TextIO

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.console.office.answers import head_of
from ingestd.console.office.checks import found_within
from ingestd.console.office.desk import ROWS_MAX, Desk
from ingestd.reports.asking.kinds import ask
from ingestd.reports.asking.questions import Asked
from ingestd.reports.escaping.spreadsheets import spreadsheet_cells
from ingestd.reports.figures.report import Question, Report, Row, leave_identities_out, told_of

LONG: Mapping[str, str] = {"items": "tracking_id", "payments": "payment_id"}
"""The reports that have a row for each charge or payment, and what their rows are called by."""

ADDED_UP_ROWS_MAX = 10_000
"""So many rows of a long report are added up while somebody waits for a page of it."""

WITH_THEIR_OWN = frozenset({"arrears", "statement"})
"""The reports that are checked with identities of their own alone."""

CHECK_SECONDS = 0.25
"""So long a page waits for its identities, counted from when it was asked for."""

_CONTACTS = frozenset({"name", "email", "phone", "payee"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What stands below all rows of a report; `own` are identities that are only this one's."""

    totals: Mapping[str, object]
    own: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A page of a report. `totals` are those of all its rows; None where nobody added them up.

    `more` is what the next page begins after: a row's id or how many rows came before; None for
    the last page. `identities` are None while they are being added up, and where totals are None.
    """

    question: Question
    ledger_head: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: Totals | None
    more: str | None
    identities: tuple[Mapping[str, object], ...] | None = None


def read_page(desk: Desk, account: Account, name: str, asked: Asked, *, start: int) -> Answered:
    """Return a page of a report, from row `start` on or after what was asked. Raises UsageError."""
    began = time.monotonic()
    with desk.reading() as connection:
        leave_identities_out(connection)
        question = desk.question(connection, account, asked)
        more = asked.known_before(connection, account, now=desk.now())
        head = head_of(connection, account.account_id)
        if name not in WITH_THEIR_OWN | LONG.keys():
            desk.checks.begin(question, head)
        key = (name, question, *more.values(), start)

        def read() -> Answered:
            report = ask(name, connection, question, **more)
            return _read(desk, connection, report, start=start)

        answered = desk.answers.get(connection, account.account_id, key, read)
        if answered.totals is None:
            kept = desk.answers.peek(connection, account.account_id, _all_of(name, question))
            assert kept is None or isinstance(kept, Totals), "only totals are kept under it"
            answered = replace(answered, totals=kept)
    if answered.totals is None:
        return answered
    own = answered.totals.own
    if name in WITH_THEIR_OWN:
        return replace(answered, identities=own)
    checking = desk.checks.begin(question, head)
    found = found_within(checking, CHECK_SECONDS - (time.monotonic() - began))
    if found is None:
        return answered
    return replace(answered, identities=(*(told_of(one, question) for one in found), *own))


def add_up(desk: Desk, account: Account, name: str, asked: Asked) -> None:
    """Read all rows of a report, and keep what they come to. Raises UsageError."""
    with desk.reading() as connection:
        leave_identities_out(connection)
        question = replace(desk.question(connection, account, asked), after=None)
        report = ask(name, connection, question)
        for _row in report.rows:
            pass
        key = _all_of(name, question)
        desk.answers.keep(connection, account.account_id, key, _totals(report))


def version_of(desk: Desk, account: Account, name: str, asked: Asked) -> Hashable:
    """Return what an answer depends on, and nothing else. Raises UsageError."""
    with desk.reading() as connection:
        question = desk.question(connection, account, asked)
        more = asked.known_before(connection, account, now=desk.now())
        return (name, question, *more.values(), head_of(connection, account.account_id))


def write_csv(
    desk: Desk, account: Account, name: str, asked: Asked, file: TextIO, *, with_contacts: bool
) -> None:
    """Write all rows of a report as CSV, as its command does. Raises UsageError."""
    with desk.database.reading_twice() as (connection, _):
        question = desk.question(connection, account, asked)
        more = asked.known_before(connection, account, now=desk.now())
        report = ask(name, connection, question, **more)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(report.columns)
        for row in report.rows:
            shown = row if with_contacts else without_contacts(row)
            writer.writerow(spreadsheet_cells(shown, report.columns))


def without_contacts(row: Row) -> Row:
    """Return a row without what says how somebody is called or reached."""
    masked = {name: None if name in _CONTACTS else value for name, value in row.items()}
    if masked.get("event") in {"payout", "payout_voided"} and "text" in masked:
        # The payee follows the method.
        masked["text"] = str(masked["text"]).partition(",")[0]
    return masked


def _read(desk: Desk, connection: Connection, report: Report, *, start: int) -> Answered:
    question, rows = report.question, iter(report.rows)
    is_long = report.name in LONG
    shown = list(islice(rows, start, start + ROWS_MAX + 1))
    has_more = len(shown) > ROWS_MAX
    behind = islice(rows, ADDED_UP_ROWS_MAX if is_long else None)
    is_whole = not (is_long and question.after)
    read = sum(1 for _ in behind) if is_whole else 0
    totals = None
    if is_whole and not (is_long and read == ADDED_UP_ROWS_MAX):
        totals = _totals(report)
        if is_long:
            key = _all_of(report.name, question)
            desk.answers.keep(connection, question.account, key, totals)
    shown = shown[:ROWS_MAX]
    more = None
    if has_more:
        more = str(shown[-1][LONG[report.name]] if is_long else start + ROWS_MAX)
    return Answered(
        question=question,
        ledger_head=report.ledger_head,
        columns=report.columns,
        rows=tuple(shown),
        totals=totals,
        more=more,
    )


def _totals(report: Report) -> Totals:
    return Totals(totals=dict(report.totals), own=tuple(report.identities))


def _all_of(name: str, question: Question) -> Hashable:
    return ("totals", name, replace(question, after=None))
