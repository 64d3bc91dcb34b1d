"""`ingestd invoice`: what a family is asked to pay, as a page, a PDF or a mail."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.documents import write_document
from ingestd.cli.terminal.options import AccountOption, ConfigOption
from ingestd.service.in_force.need import Need
from ingestd.values.errors import UsageError


class Document(StrEnum):
    """What an invoice is written as."""

    HTML = "html"
    PDF = "pdf"


def invoice(
    account: AccountOption,
    party: Annotated[
        str, typer.Option("--party", help="A parent code, a student of the family, or a guest.")
    ],
    output: Annotated[Document, typer.Option("--output", help="How to write it.")] = Document.HTML,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write it to this file, mode 0640.")
    ] = None,
    mail: Annotated[
        bool, typer.Option("--mail", help="Mail it now, over the configured server.")
    ] = False,
    mail_to: Annotated[
        str | None, typer.Option("--mail-to", help="With --mail: to this address instead.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write an invoice: open items, oldest first, and payments pending. --mail also sends it."""
    from ingestd.reports.invoices.page import render_page
    from ingestd.reports.invoices.pdf import render_pdf
    from ingestd.service.office.invoices import invoice_of, mail_invoice

    if mail_to is not None and not mail:
        raise UsageError("--mail-to says where --mail sends to. Add --mail to send.")
    is_pdf = output is Document.PDF
    if is_pdf and to is None and not mail and sys.stdout.isatty():
        raise UsageError("A PDF is nothing for a terminal. Give --to FILE.")
    with installation_for(Need.READING, config, account) as installation:
        clock, settings = installation.clock, installation.settings
        found = invoice_of(installation.database, clock, installation.account(account), party)
    if to is not None or not mail:
        page = render_page(found)
        write_document(render_pdf(page) if is_pdf else page.encode(), to)
    if mail:
        recipient, has_pdf = mail_invoice(settings.mail, clock, found, to=mail_to, needs_pdf=is_pdf)
        enclosed = "with a PDF" if has_pdf else "without a PDF: ingestd[pdf] is not installed"
        typer.echo(f"handed to {settings.mail.host} for {recipient}, {enclosed}")
