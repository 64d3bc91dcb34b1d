"""Letters at the office's desk: written from the books, and mailed when somebody says so."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from ingestd.config.files.settings import MailSettings
from ingestd.reports.escaping.texts import shown
from ingestd.reports.invoices.pdf import render_pdf
from ingestd.reports.letters.letter import Letter
from ingestd.service.office.mail import hand_over, sender_of
from ingestd.values.addresses import is_mail_address
from ingestd.values.clock import Clock
from ingestd.values.errors import LibraryMissingError, NoAddressError, UsageError


def mail_letter(
    settings: MailSettings, clock: Clock, letter: Letter, *, to: str | None, needs_pdf: bool
) -> tuple[str, bool]:
    """Mail a letter; return the address that it was handed to, and whether a PDF is with it.

    It goes to `to`, or else to the address that the parents file or the guest gave. Without the
    library for PDFs it goes without one, unless `needs_pdf`. Raises UsageError, NoAddressError,
    LibraryMissingError and MailError; then nothing was sent.
    """
    sender = sender_of(settings, letter.issuer)
    recipient = _recipient(letter, to)
    try:
        pdf = render_pdf(letter.page)
    except LibraryMissingError:
        if needs_pdf:
            raise
        pdf = None
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = shown(f"{letter.title} of {letter.day} from {letter.issuer}")
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message.set_content(letter.text)
    message.add_alternative(letter.page, subtype="html")
    if pdf is not None:
        name = f"{letter.title.lower()}-{letter.day}.pdf"
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    hand_over(settings, message, recipient=recipient)
    return recipient, pdf is not None


def _recipient(letter: Letter, to: str | None) -> str:
    if to is not None:
        if not is_mail_address(to):
            raise UsageError(f"--mail-to {shown(to)} is no single mail address.")
        return to
    person = letter.addressee
    if letter.email is None:
        raise NoAddressError(
            f"No mail address is known of the {person.kind} {person.code}. Import one, or give "
            "--mail-to."
        )
    if not is_mail_address(letter.email):
        raise NoAddressError(
            f"What is stored as the mail address of the {person.kind} {person.code} is none. "
            "Correct it, or give --mail-to."
        )
    return letter.email
