"""An invoice in plain text: what a mail says to those who read no HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.reports.escaping.markup import readable
from ingestd.reports.invoices.invoice import Invoice, OpenItem
from ingestd.reports.invoices.page import NOTHING_DUE, PENDING_REMARK


def render_text(invoice: Invoice) -> str:
    """Return the invoice's lines; nothing that others wrote can end one."""
    return "".join(f"{line}\n" for line in _lines(invoice))


def _lines(invoice: Invoice) -> Iterable[str]:
    yield readable(invoice.issuer)
    yield f"Invoice for {readable(invoice.addressee.label)}, {invoice.day}"
    yield ""
    if invoice.total_due:
        yield f"Total due: {invoice.priced(invoice.total_due)}"
        yield f"With your payment, please name {readable(invoice.addressee.code)}."
    else:
        yield NOTHING_DUE
    yield from _items(invoice, "Fees", invoice.fees)
    yield from _items(invoice, "Wallets below zero", invoice.wallets)
    if invoice.pending:
        yield from ("", "Payments pending", PENDING_REMARK)
    for payment in invoice.pending:
        who = readable(payment.payer.label)
        yield f"  {payment.received_on}  {who}: {invoice.priced(payment.amount)}"
    if invoice.credits:
        yield from ("", "Credit waiting")
    for credit in invoice.credits:
        is_wallet = credit.account_type is AccountType.WALLET
        words = f"In the wallet of {readable(credit.owner.label)}" if is_wallet else "For fees"
        yield f"  {words}: {invoice.priced(credit.amount)}"


def _items(invoice: Invoice, title: str, items: Sequence[OpenItem]) -> Iterable[str]:
    if not items:
        return
    yield from ("", title)
    for item in items:
        what = f"{readable(item.charged_to.label)}, {readable(item.product)}"
        note = f" ({readable(item.note)})" if item.note else ""
        yield f"  {item.occurred_on}  {what}{note}: {invoice.priced(item.open)}"
