"""Invoices at the office's desk: read, rendered, and mailed when somebody says so."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from ingestd.access.accounts import Account
from ingestd.config.files.settings import MailSettings
from ingestd.database.engine import Database
from ingestd.reports.escaping.texts import shown
from ingestd.reports.invoices.invoice import Invoice, read_invoice
from ingestd.reports.invoices.page import render_page
from ingestd.reports.invoices.pdf import render_pdf
from ingestd.reports.invoices.plain_text import render_text
from ingestd.service.office.mail import hand_over, sender_of
from ingestd.values.addresses import is_mail_address
from ingestd.values.clock import Clock, day_in
from ingestd.values.errors import LibraryMissingError, NoAddressError, UsageError


def invoice_of(database: Database, clock: Clock, account: Account, party: str) -> Invoice:
    """Return a party's invoice of today; everything on it is of one moment."""
    with database.reading() as connection:
        return read_invoice(connection, account, party, day=day_in(account.timezone, clock.now()))


def mail_invoice(
    settings: MailSettings, clock: Clock, invoice: Invoice, *, to: str | None, needs_pdf: bool
) -> tuple[str, bool]:
    """Mail an invoice; return the address that it was handed to, and whether a PDF is with it.

    It goes to `to`, or else to the address that the parents file or the guest gave. Without the
    library for PDFs it goes without one, unless `needs_pdf`. Raises UsageError, NoAddressError,
    LibraryMissingError and MailError; then nothing was sent.
    """
    sender = sender_of(settings, invoice.issuer)
    recipient = _recipient(invoice, to)
    page = render_page(invoice)
    try:
        pdf = render_pdf(page)
    except LibraryMissingError:
        if needs_pdf:
            raise
        pdf = None
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = shown(f"Invoice of {invoice.day} from {invoice.issuer}")
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message.set_content(render_text(invoice))
    message.add_alternative(page, subtype="html")
    if pdf is not None:
        name = f"invoice-{invoice.day}.pdf"
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    hand_over(settings, message, recipient=recipient)
    return recipient, pdf is not None


def _recipient(invoice: Invoice, to: str | None) -> str:
    if to is not None:
        if not is_mail_address(to):
            raise UsageError(f"--mail-to {shown(to)} is no single mail address.")
        return to
    person = invoice.addressee
    if invoice.email is None:
        raise NoAddressError(
            f"No mail address is known of the {person.kind} {person.code}. Import one, or give "
            "--mail-to."
        )
    if not is_mail_address(invoice.email):
        raise NoAddressError(
            f"What is stored as the mail address of the {person.kind} {person.code} is none. "
            "Correct it, or give --mail-to."
        )
    return invoice.email
