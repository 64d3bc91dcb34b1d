"""A letter about arrears: what is owed for how long, item by item, and what is on its way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.engine import Connection

from ingestd.ledger.books.head import read_head_hash
from ingestd.reports.escaping.markup import Html, element, foreign, readable
from ingestd.reports.families.debts import Debt, OpenCharge, debt_of, open_charges_of
from ingestd.reports.families.household import (
    day_asked,
    name_asked,
    read_household,
    small_extent,
)
from ingestd.reports.figures.ages import BUCKETS, starts_of
from ingestd.reports.figures.report import Question
from ingestd.reports.invoices.sheet import (
    day_of,
    footing,
    heading,
    person_of,
    render_sheet,
    table,
)
from ingestd.reports.known.products import Products, read_products
from ingestd.reports.letters.letter import Issuer, Letter, People, read_people
from ingestd.values.clock import day_in, from_microseconds, to_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import UsageError

TITLE: Final = "Reminder"
NOTHING_OWED: Final = "Nothing is owed."
PENDING_REMARK: Final = (
    "Received, and not confirmed by the bank yet. What is owed stays as it is until then."
)
_KINDS: Final = ((True, "Fees", "Fees owed"), (False, "Wallets below zero", "Wallets owed"))
_AGE_WORDS: Final = dict(
    zip(
        BUCKETS,
        ("Up to 30 days", "31 to 60 days", "61 to 90 days", "Over 90 days"),
        strict=True,
    )
)
_ITEM_COLUMNS: Final = ("Day", "For", "What", "Amount", "Open")
_AMOUNTS: Final = frozenset({"Amount", "Open"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """All that stands on the letter."""

    issuer: Issuer
    question: Question
    day: date
    debt: Debt
    items: Sequence[OpenCharge]
    people: People
    products: Products
    ledger_head: str

    @property
    def total(self) -> int:
        """Everything that is owed. What is pending does not reduce it: it may still bounce."""
        return self.debt.open + self.debt.wallet_open

    def name_of(self, item: OpenCharge) -> str:
        """Return what an item is called."""
        if item.charge.is_payout:
            return "Paid out, owed back"
        code = item.charge.billing_code
        return self.products[code].name or code

    def day_of(self, item: OpenCharge) -> date:
        """Return the day on which an item occurred, in the account's time zone."""
        return day_in(self.question.zone, from_microseconds(item.charge.occurred_at))


def write_arrears_letter(connection: Connection, question: Question, issuer: Issuer) -> Letter:
    """Return what a party's family owes, as a letter; everything on it is of one snapshot.

    Raises UsageError as `read_household` does, and where nobody is named.
    """
    name = name_asked(question)
    if name is None:
        raise UsageError("A letter goes to one family. Name it with --party or --family.")
    extent = small_extent(connection, question)
    household = read_household(connection, extent, name, day=day_asked(question), with_family=True)
    people = read_people(connection, question, household)
    known_at = to_microseconds(question.as_known)
    page = _Page(
        issuer=issuer,
        question=question,
        day=Day(household.day).date,
        debt=debt_of(household, starts_of(question)),
        items=open_charges_of(household),
        people=people,
        products=read_products(connection, question.account, known_batch=extent.batch_no),
        ledger_head=read_head_hash(connection, question.account, known_at=known_at),
    )
    title = f"{TITLE} for {people.addressee.label}, {page.day}"
    return Letter(
        title=TITLE,
        issuer=issuer.name,
        day=page.day,
        addressee=people.addressee,
        email=people.email,
        page=render_sheet(title, _parts(page), currency=issuer.currency),
        text="".join(f"{line}\n" for line in _text_lines(page)),
    )


def _parts(page: _Page) -> Iterable[Html]:
    priced = page.issuer.priced
    yield heading(TITLE, issuer=page.issuer.name, addressee=page.people.addressee, day=page.day)
    if not page.total:
        yield element("section", element("p", NOTHING_OWED, class_="total"), class_="summary")
    else:
        yield element(
            "section",
            element("p", "Total owed", class_="label"),
            element("p", priced(page.total), class_="total"),
            element("p", "With your payment, please name ", _code(page), "."),
            class_="summary",
        )
    if page.debt.open:
        lines = (
            element("li", f"{_AGE_WORDS[bucket]}: ", element("b", priced(amount)))
            for bucket, amount in zip(BUCKETS, page.debt.by_age, strict=True)
            if amount
        )
        yield element(
            "section",
            element("h2", "Fees by age"),
            element("ul", *lines),
            class_="credit",
        )
    for is_fee, title, sum_ in _KINDS:
        items = [item for item in page.items if item.is_fee == is_fee]
        if items:
            yield table(
                title,
                _ITEM_COLUMNS,
                (_row(page, item) for item in items),
                amounts=_AMOUNTS,
                sum_title=sum_,
                total=priced(sum(item.open for item in items)),
            )
    if page.debt.pending:
        yield element(
            "section",
            element("h2", "Payments pending"),
            element("p", PENDING_REMARK, class_="remark"),
            element("p", priced(page.debt.pending)),
        )
    yield footing(page.issuer.account, page.ledger_head)


def _code(page: _Page) -> Html:
    return foreign(page.people.addressee.code)


def _row(page: _Page, item: OpenCharge) -> Html:
    note = item.charge.note
    return element(
        "tr",
        element("td", day_of(page.day_of(item))),
        element("td", person_of(page.people.members[item.charge.party_no])),
        element(
            "td",
            element("span", foreign(page.name_of(item)), class_="product"),
            *((element("span", foreign(note), class_="note"),) if note else ()),
            element("span", foreign(item.charge.tracking_id), class_="key"),
        ),
        element("td", page.issuer.written(item.charge.amount), class_="amount"),
        element("td", page.issuer.written(item.open), class_="amount"),
    )


def _text_lines(page: _Page) -> Iterable[str]:
    priced = page.issuer.priced
    yield readable(page.issuer.name)
    yield f"{TITLE} for {readable(page.people.addressee.label)}, {page.day}"
    yield ""
    if not page.total:
        yield NOTHING_OWED
    else:
        yield f"Total owed: {priced(page.total)}"
        yield f"With your payment, please name {readable(page.people.addressee.code)}."
    for bucket, amount in zip(BUCKETS, page.debt.by_age, strict=True):
        if amount:
            yield f"  {_AGE_WORDS[bucket]}: {priced(amount)}"
    for is_fee, title, _ in _KINDS:
        items = [item for item in page.items if item.is_fee == is_fee]
        if items:
            yield from ("", title)
        for item in items:
            who = readable(page.people.members[item.charge.party_no].label)
            what = readable(page.name_of(item))
            note = f" ({readable(item.charge.note)})" if item.charge.note else ""
            yield f"  {page.day_of(item)}  {who}, {what}{note}: {priced(item.open)}"
    if page.debt.pending:
        yield from ("", f"Payments pending: {priced(page.debt.pending)}", PENDING_REMARK)
