"""A statement as a letter: what a family was charged, paid and got back, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy.engine import Connection

from ingestd.ledger.books.head import read_head_hash
from ingestd.reports.escaping.markup import Html, element, foreign, readable
from ingestd.reports.families.statement import Entry, Statement, read_statement
from ingestd.reports.figures.report import Question
from ingestd.reports.invoices.sheet import (
    day_of,
    footing,
    heading,
    person_of,
    render_sheet,
    table,
)
from ingestd.reports.letters.letter import Issuer, Letter, People, read_people
from ingestd.values.clock import to_microseconds
from ingestd.values.days import Day

TITLE: Final = "Statement"
PENDING_REMARK: Final = "Received, and not confirmed by the bank yet. It counts once it is."
_COLUMNS: Final = ("Day", "For", "What", "Amount", "Balance")
_AMOUNTS: Final = frozenset({"Amount", "Balance"})
_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "charge": "Charge",
        "sale": "Charge",
        "penalty": "Penalty",
        "settled": "Payment",
        "returned": "Payment returned",
        "refund": "Refund",
        "write_off": "Written off",
        "transfer": "Transfer",
        "allocation": "Paid by the family",
        "payout": "Paid out",
        "payout_voided": "Payout taken back",
        "moved": "Moved",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """All that stands on a statement; `people` are those whom its lines name."""

    issuer: Issuer
    statement: Statement
    people: People
    ledger_head: str

    @property
    def days(self) -> str:
        """Which days it is about, in words."""
        last = Day(self.statement.household.day)
        since = self.statement.since
        return f"Up to {last}" if since is None else f"{since} to {last}"

    @property
    def standing(self) -> tuple[str, str]:
        """How the household stands at the end: what to call it, and how much it is."""
        closing = self.statement.closing
        words = "To pay" if closing < 0 else "In credit"
        return words, self.issuer.priced(abs(closing))


def write_statement(connection: Connection, question: Question, issuer: Issuer) -> Letter:
    """Return a party's statement as a letter; everything on it is of one snapshot.

    Raises UsageError as `read_statement` does.
    """
    statement = read_statement(connection, question)
    people = read_people(connection, question, statement.household)
    known_at = to_microseconds(question.as_known)
    page = _Page(
        issuer=issuer,
        statement=statement,
        people=people,
        ledger_head=read_head_hash(connection, question.account, known_at=known_at),
    )
    day = Day(statement.household.day).date
    title = f"{TITLE} for {people.addressee.label}, {day}"
    return Letter(
        title=TITLE,
        issuer=issuer.name,
        day=day,
        addressee=people.addressee,
        email=people.email,
        page=render_sheet(title, _parts(page), currency=issuer.currency),
        text="".join(f"{line}\n" for line in _text_lines(page)),
    )


def _parts(page: _Page) -> Iterable[Html]:
    statement, issuer = page.statement, page.issuer
    yield heading(
        TITLE,
        issuer=issuer.name,
        addressee=page.people.addressee,
        day=Day(statement.household.day).date,
    )
    words, amount = page.standing
    yield element(
        "section",
        element("p", words, class_="label"),
        element("p", amount, class_="total"),
        element("p", page.days),
        class_="summary",
    )
    yield table(
        "What happened",
        _COLUMNS,
        _rows(page),
        amounts=_AMOUNTS,
        sum_title="Balance at the end",
        total=issuer.priced(statement.closing),
        remark="What is charged or given back counts against the balance, what is paid for it.",
    )
    if statement.pending:
        yield element(
            "section",
            element("h2", "Payments pending"),
            element("p", PENDING_REMARK, class_="remark"),
            element("p", issuer.priced(statement.total_pending)),
        )
    yield footing(issuer.account, page.ledger_head)


def _rows(page: _Page) -> Iterable[Html]:
    written = page.issuer.written
    yield element(
        "tr",
        element("td", ""),
        element("td", ""),
        element("td", "Balance before"),
        element("td", ""),
        element("td", written(page.statement.opening), class_="amount"),
    )
    for entry in page.statement.entries:
        yield element(
            "tr",
            element("td", day_of(entry.day)),
            element("td", *_whose(page, entry)),
            element("td", *_what(entry)),
            element("td", written(entry.amount), class_="amount"),
            element("td", written(entry.balance), class_="amount"),
        )


def _whose(page: _Page, entry: Entry) -> Iterable[Html]:
    if entry.party_no is not None:
        yield person_of(page.people.members[entry.party_no])


def _what(entry: Entry) -> Iterable[Html]:
    yield element("span", event_words(entry), class_="product")
    if entry.text:
        yield element("span", foreign(entry.text), class_="note")
    key = entry.tracking_id or entry.payment_id
    if key:
        yield element("span", foreign(key), class_="key")


def event_words(entry: Entry) -> str:
    """Return what happened, in words for a family."""
    return _EVENTS.get(entry.event, entry.event.replace("_", " ").capitalize())


def _text_lines(page: _Page) -> Iterable[str]:
    statement, issuer = page.statement, page.issuer
    words, amount = page.standing
    yield readable(issuer.name)
    yield f"{TITLE} for {readable(page.people.addressee.label)}, {page.days}"
    yield ""
    yield f"{words}: {amount}"
    yield ""
    yield f"Balance before: {issuer.priced(statement.opening)}"
    for entry in statement.entries:
        person = page.people.members.get(entry.party_no or 0)
        who = "" if person is None else f"{readable(person.label)}, "
        text = f" ({readable(entry.text)})" if entry.text else ""
        yield f"  {entry.day}  {who}{event_words(entry)}{text}: {issuer.priced(entry.amount)}"
    yield f"Balance at the end: {issuer.priced(statement.closing)}"
    if statement.pending:
        yield from ("", f"Payments pending: {issuer.priced(statement.total_pending)}")
        yield PENDING_REMARK
