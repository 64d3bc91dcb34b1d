"""The page of an invoice: HTML that needs nothing else, for a screen, a printer or a mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from importlib import resources
from typing import Final

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.escaping.markup import Html, element, foreign, joined
from ingestd.reports.invoices.invoice import (
    Credit,
    Invoice,
    OpenItem,
    PendingPayment,
    Person,
    sum_open,
)

NOTHING_DUE: Final = "Nothing is due."
PENDING_REMARK: Final = (
    "Received, and not confirmed by the bank yet. What is due stays as it is until then."
)
_ITEM_COLUMNS: Final = ("Day", "For", "What", "Amount", "Paid", "Open")
_PENDING_COLUMNS: Final = ("Received", "From", "Payment", "Amount")
_AMOUNTS: Final = frozenset({"Amount", "Paid", "Open"})
# Where Letter is the paper that lies in the printer; everywhere else it is A4.
_LETTER_CURRENCIES: Final = frozenset({"USD", "CAD", "MXN"})


def render_page(invoice: Invoice) -> str:
    """Return the whole page. It loads nothing, runs nothing, and escapes what others wrote."""
    title = f"Invoice for {invoice.addressee.label}, {invoice.day}"
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(
            '<meta http-equiv="Content-Security-Policy"'
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        ),
        element("title", title),
        Html(f"<style>\n{_style(invoice)}</style>"),
    )
    body = element("body", element("main", *_parts(invoice)))
    return f'<!DOCTYPE html>\n<html lang="en">{head.text}{body.text}</html>\n'


def _style(invoice: Invoice) -> str:
    paper = "letter" if invoice.currency in _LETTER_CURRENCIES else "a4"
    style = resources.files("ingestd.reports.invoices").joinpath("invoice.css").read_text("utf-8")
    return style.replace("size: auto", f"size: {paper}")


def _parts(invoice: Invoice) -> Iterable[Html]:
    yield _heading(invoice)
    yield _summary(invoice)
    if invoice.fees:
        yield _items(invoice, "Fees", "Fees due", invoice.fees)
    if invoice.wallets:
        yield _items(invoice, "Wallets below zero", "Wallets due", invoice.wallets)
    if invoice.pending:
        yield _pending(invoice)
    if invoice.credits:
        yield _credits(invoice)
    yield element(
        "footer",
        element("p", f"Account {invoice.account}, as its books stand at batch"),
        element("p", invoice.ledger_head, class_="hash"),
    )


def _heading(invoice: Invoice) -> Html:
    person = invoice.addressee
    name = (element("p", foreign(person.name), class_="name"),) if person.name else ()
    return element(
        "header",
        element(
            "div",
            element("p", foreign(invoice.issuer), class_="issuer"),
            element("h1", "Invoice"),
        ),
        element(
            "div",
            *name,
            element("p", f"{_KINDS[person.kind]} ", foreign(person.code)),
            element("p", _day(invoice.day)),
            class_="addressee",
        ),
    )


_KINDS: Final = {
    PartyKind.PARENT: "Family",
    PartyKind.STUDENT: "Student",
    PartyKind.GUEST: "Guest",
    PartyKind.ANONYMOUS: "",
}


def _summary(invoice: Invoice) -> Html:
    if not invoice.total_due:
        return element("section", element("p", NOTHING_DUE, class_="total"), class_="summary")
    lines = [
        element("p", "Total due", class_="label"),
        element("p", invoice.priced(invoice.total_due), class_="total"),
        element("p", "With your payment, please name ", foreign(invoice.addressee.code), "."),
    ]
    return element("section", *lines, class_="summary")


def _items(invoice: Invoice, title: str, sum_title: str, items: Sequence[OpenItem]) -> Html:
    rows = (
        element(
            "tr",
            element("td", _day(item.occurred_on)),
            element("td", _person(item.charged_to)),
            element("td", *_what(item)),
            *(
                element("td", invoice.written(amount), class_="amount")
                for amount in (item.amount, item.paid, item.open)
            ),
        )
        for item in items
    )
    return _table(invoice, title, _ITEM_COLUMNS, rows, sum_title=sum_title, total=sum_open(items))


def _what(item: OpenItem) -> Iterable[Html]:
    yield element("span", foreign(item.product), class_="product")
    if item.note:
        yield element("span", foreign(item.note), class_="note")
    yield element("span", foreign(item.tracking_id), class_="key")


def _pending(invoice: Invoice) -> Html:
    def row(payment: PendingPayment) -> Html:
        return element(
            "tr",
            element("td", _day(payment.received_on)),
            element("td", _person(payment.payer)),
            element(
                "td",
                element("span", kind_words(payment.kind), class_="product"),
                element("span", foreign(payment.payment_id), class_="key"),
            ),
            element("td", invoice.written(payment.amount), class_="amount"),
        )

    return _table(
        invoice,
        "Payments pending",
        _PENDING_COLUMNS,
        map(row, invoice.pending),
        sum_title="Pending",
        total=invoice.total_pending,
        remark=PENDING_REMARK,
    )


def _credits(invoice: Invoice) -> Html:
    lines = (
        element("li", *credit_words(credit), ": ", element("b", invoice.priced(credit.amount)))
        for credit in invoice.credits
    )
    return element(
        "section", element("h2", "Credit waiting"), element("ul", *lines), class_="credit"
    )


def kind_words(kind: str) -> str:
    """Return how a payment came, in words: `fee_account` is a fee account payment's kind."""
    return "eCheck" if kind == "echeck" else kind.replace("_", " ").capitalize()


def credit_words(credit: Credit) -> tuple[Html | str, ...]:
    """Return what a credit is for, in words."""
    match credit.account_type:
        case AccountType.LIABILITY:
            return ("For the next fees",)
        case AccountType.WALLET:
            return ("In the wallet of ", foreign(credit.owner.label))


def _table(
    invoice: Invoice,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Html],
    *,
    sum_title: str,
    total: int,
    remark: str = "",
) -> Html:
    """Return a section of one table, which ends in its sum."""
    head = (
        element("th", name, scope="col", **({"class_": "amount"} if name in _AMOUNTS else {}))
        for name in columns
    )
    foot = element(
        "tr",
        element("th", sum_title, scope="row", colspan=str(len(columns) - 1)),
        element("td", invoice.priced(total), class_="amount"),
    )
    name = title.lower().replace(" ", "-")
    return element(
        "section",
        element("h2", title, id=name),
        *((element("p", remark, class_="remark"),) if remark else ()),
        element(
            "table",
            element("thead", element("tr", *head)),
            element("tbody", *rows),
            element("tfoot", foot),
            aria_labelledby=name,
        ),
    )


def _person(person: Person) -> Html:
    if not person.name:
        return foreign(person.code)
    return joined(
        element("span", foreign(person.name)), element("span", foreign(person.code), class_="key")
    )


def _day(day: date) -> Html:
    return element("time", day.isoformat(), datetime=day.isoformat())
