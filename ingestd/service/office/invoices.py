"""Invoices at the office's desk: read, rendered, and mailed when somebody says so."""

from __future__ import annotations

from ingestd.access.accounts import Account
from ingestd.config.files.settings import MailSettings
from ingestd.database.engine import Database
from ingestd.reports.invoices.invoice import Invoice, read_invoice
from ingestd.reports.invoices.page import render_page
from ingestd.reports.invoices.plain_text import render_text
from ingestd.reports.letters.letter import Letter
from ingestd.service.office.letters import mail_letter
from ingestd.values.clock import Clock, day_in


def invoice_of(database: Database, clock: Clock, account: Account, party: str) -> Invoice:
    """Return a party's invoice of today; everything on it is of one moment."""
    with database.reading() as connection:
        return read_invoice(connection, account, party, day=day_in(account.timezone, clock.now()))


def mail_invoice(
    settings: MailSettings, clock: Clock, invoice: Invoice, *, to: str | None, needs_pdf: bool
) -> tuple[str, bool]:
    """Mail an invoice as `mail_letter` does, which also says what it returns and raises."""
    letter = Letter(
        title="Invoice",
        issuer=invoice.issuer,
        day=invoice.day,
        addressee=invoice.addressee,
        email=invoice.email,
        page=render_page(invoice),
        text=render_text(invoice),
    )
    return mail_letter(settings, clock, letter, to=to, needs_pdf=needs_pdf)
