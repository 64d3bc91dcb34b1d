"""Sheets: what every page that a family gets has in common, on a screen, on paper, in a mail.

A sheet loads nothing, runs nothing, and escapes what others wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from importlib import resources
from typing import Final

from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.escaping.markup import Html, element, foreign, joined
from ingestd.reports.invoices.invoice import Person

# Where Letter is the paper that lies in the printer; everywhere else it is A4.
_LETTER_CURRENCIES: Final = frozenset({"USD", "CAD", "MXN"})
_KINDS: Final = {
    PartyKind.PARENT: "Family",
    PartyKind.STUDENT: "Student",
    PartyKind.GUEST: "Guest",
    PartyKind.ANONYMOUS: "",
}


def render_sheet(title: str, parts: Iterable[Html], *, currency: str) -> str:
    """Return a whole page of some parts, on the paper that goes with a currency."""
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(
            '<meta http-equiv="Content-Security-Policy"'
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        ),
        element("title", title),
        Html(f"<style>\n{_style(currency)}</style>"),
    )
    body = element("body", element("main", *parts))
    return f'<!DOCTYPE html>\n<html lang="en">{head.text}{body.text}</html>\n'


def _style(currency: str) -> str:
    paper = "letter" if currency in _LETTER_CURRENCIES else "a4"
    style = resources.files("ingestd.reports.invoices").joinpath("invoice.css").read_text("utf-8")
    return style.replace("size: auto", f"size: {paper}")


def heading(title: str, *, issuer: str, addressee: Person, day: date) -> Html:
    """Return who writes what to whom, and when."""
    name = (element("p", foreign(addressee.name), class_="name"),) if addressee.name else ()
    return element(
        "header",
        element(
            "div",
            element("p", foreign(issuer), class_="issuer"),
            element("h1", title),
        ),
        element(
            "div",
            *name,
            element("p", f"{_KINDS[addressee.kind]} ", foreign(addressee.code)),
            element("p", day_of(day)),
            class_="addressee",
        ),
    )


def footing(account: str, ledger_head: str) -> Html:
    """Return by which state of the books the sheet can be checked years later."""
    return element(
        "footer",
        element("p", f"Account {account}, as its books stand at batch"),
        element("p", ledger_head, class_="hash"),
    )


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Html],
    *,
    amounts: frozenset[str],
    sum_title: str,
    total: str,
    remark: str = "",
) -> Html:
    """Return a section of one table, which ends in its sum; `amounts` are columns of money."""
    head = (
        element("th", name, scope="col", **({"class_": "amount"} if name in amounts else {}))
        for name in columns
    )
    foot = element(
        "tr",
        element("th", sum_title, scope="row", colspan=str(len(columns) - 1)),
        element("td", total, class_="amount"),
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


def person_of(person: Person) -> Html:
    """Return a party by name and code, or by code where it has no name."""
    if not person.name:
        return foreign(person.code)
    return joined(
        element("span", foreign(person.name)), element("span", foreign(person.code), class_="key")
    )


def day_of(day: date) -> Html:
    """Return a day."""
    return element("time", day.isoformat(), datetime=day.isoformat())


def kind_words(kind: str) -> str:
    """Return how a payment came, in words: `fee_account` is a fee account payment's kind."""
    return "eCheck" if kind == "echeck" else kind.replace("_", " ").capitalize()
