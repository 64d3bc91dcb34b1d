"""The page of an invoice: HTML that needs nothing else, for a screen, a printer or a mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.reports.escaping.markup import Html, element, foreign
from ingestd.reports.invoices.invoice import (
    Credit,
    Invoice,
    OpenItem,
    PendingPayment,
    sum_open,
)
from ingestd.reports.invoices.sheet import (
    day_of,
    footing,
    heading,
    kind_words,
    person_of,
    render_sheet,
    table,
)

NOTHING_DUE: Final = "Nothing is due."
PENDING_REMARK: Final = (
    "Received, and not confirmed by the bank yet. What is due stays as it is until then."
)
_ITEM_COLUMNS: Final = ("Day", "For", "What", "Amount", "Paid", "Open")
_PENDING_COLUMNS: Final = ("Received", "From", "Payment", "Amount")
_AMOUNTS: Final = frozenset({"Amount", "Paid", "Open"})


def render_page(invoice: Invoice) -> str:
    """Return the whole page. It loads nothing, runs nothing, and escapes what others wrote."""
    title = f"Invoice for {invoice.addressee.label}, {invoice.day}"
    return render_sheet(title, _parts(invoice), currency=invoice.currency)


def _parts(invoice: Invoice) -> Iterable[Html]:
    yield heading("Invoice", issuer=invoice.issuer, addressee=invoice.addressee, day=invoice.day)
    yield _summary(invoice)
    if invoice.fees:
        yield _items(invoice, "Fees", "Fees due", invoice.fees)
    if invoice.wallets:
        yield _items(invoice, "Wallets below zero", "Wallets due", invoice.wallets)
    if invoice.pending:
        yield _pending(invoice)
    if invoice.credits:
        yield _credits(invoice)
    yield footing(invoice.account, invoice.ledger_head)


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
            element("td", day_of(item.occurred_on)),
            element("td", person_of(item.charged_to)),
            element("td", *_what(item)),
            *(
                element("td", invoice.written(amount), class_="amount")
                for amount in (item.amount, item.paid, item.open)
            ),
        )
        for item in items
    )
    return table(
        title,
        _ITEM_COLUMNS,
        rows,
        amounts=_AMOUNTS,
        sum_title=sum_title,
        total=invoice.priced(sum_open(items)),
    )


def _what(item: OpenItem) -> Iterable[Html]:
    yield element("span", foreign(item.product), class_="product")
    if item.note:
        yield element("span", foreign(item.note), class_="note")
    yield element("span", foreign(item.tracking_id), class_="key")


def _pending(invoice: Invoice) -> Html:
    def row(payment: PendingPayment) -> Html:
        return element(
            "tr",
            element("td", day_of(payment.received_on)),
            element("td", person_of(payment.payer)),
            element(
                "td",
                element("span", kind_words(payment.kind), class_="product"),
                element("span", foreign(payment.payment_id), class_="key"),
            ),
            element("td", invoice.written(payment.amount), class_="amount"),
        )

    return table(
        "Payments pending",
        _PENDING_COLUMNS,
        map(row, invoice.pending),
        amounts=_AMOUNTS,
        sum_title="Pending",
        total=invoice.priced(invoice.total_pending),
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


def credit_words(credit: Credit) -> tuple[Html | str, ...]:
    """Return what a credit is for, in words."""
    match credit.account_type:
        case AccountType.LIABILITY:
            return ("For the next fees",)
        case AccountType.WALLET:
            return ("In the wallet of ", foreign(credit.owner.label))
