"""A report as a letter to one family: a page, a PDF, or a mail."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.documents import write_document
from ingestd.cli.terminal.options import ConfigOption, Output
from ingestd.service.in_force.need import Need
from ingestd.values.errors import UsageError

if TYPE_CHECKING:
    from ingestd.reports.asking.questions import Asked


class LetterOutput(StrEnum):
    """How a report is printed that can also be a letter."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    HTML = "html"
    PDF = "pdf"


LetterOutputOption = Annotated[
    LetterOutput, typer.Option("--output", help="How to print; html and pdf are letters.")
]
FileOption = Annotated[
    Path | None, typer.Option("--file", help="Write the letter to this file, mode 0640.")
]
MailOption = Annotated[
    bool, typer.Option("--mail", help="Mail the letter now, over the configured server.")
]
MailToOption = Annotated[
    str | None, typer.Option("--mail-to", help="With --mail: to this address instead.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How a letter is wanted, and where it goes."""

    output: LetterOutput = LetterOutput.TABLE
    file: Path | None = None
    mail: bool = False
    mail_to: str | None = None

    @property
    def table(self) -> Output | None:
        """How a report is printed; None where a letter is written."""
        is_letter = self.output in {LetterOutput.HTML, LetterOutput.PDF}
        return None if is_letter or self.mail else Output(self.output.value)

    def check(self) -> None:
        """Refuse what contradicts itself. Raises UsageError."""
        if self.mail_to is not None and not self.mail:
            raise UsageError("--mail-to says where --mail sends to. Add --mail to send.")
        if self.file is not None and self.table is not None:
            raise UsageError("--file is for letters. Add --output html or --output pdf.")


def write_letter(
    name: str, account: str, asked: Asked, sending: Sending, config: ConfigOption
) -> None:
    """Write a statement's or an arrears' letter, and mail it where that is wanted."""
    from ingestd.reports.invoices.pdf import render_pdf
    from ingestd.reports.letters.arrears_letter import write_arrears_letter
    from ingestd.reports.letters.letter import Issuer
    from ingestd.reports.letters.statement_letter import write_statement
    from ingestd.service.office.letters import mail_letter

    write = {"statement": write_statement, "arrears": write_arrears_letter}[name]
    is_pdf = sending.output is LetterOutput.PDF
    if is_pdf and sending.file is None and not sending.mail and sys.stdout.isatty():
        raise UsageError("A PDF is nothing for a terminal. Give --file FILE.")
    with installation_for(Need.READING, config, account) as installation:
        clock, settings = installation.clock, installation.settings
        found = installation.account(account)
        issuer = Issuer(account=found.account_id, name=found.name, currency=found.currency)
        with installation.database.reading() as connection:
            letter = write(connection, asked.question(connection, found, now=clock.now()), issuer)
    if sending.file is not None or not sending.mail:
        content = render_pdf(letter.page) if is_pdf else letter.page.encode()
        write_document(content, sending.file)
    if sending.mail:
        recipient, has_pdf = mail_letter(
            settings.mail, clock, letter, to=sending.mail_to, needs_pdf=is_pdf
        )
        enclosed = "with a PDF" if has_pdf else "without a PDF: ingestd[pdf] is not installed"
        typer.echo(f"handed to {settings.mail.host} for {recipient}, {enclosed}")
