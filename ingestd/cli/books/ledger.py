"""`ingestd ledger`: the books themselves, to be verified, exported and followed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.books.clock import accept_clock
from ingestd.cli.books.evidence import print_keys, resume_books, write_checkpoint
from ingestd.cli.books.following import Answer, follow, print_explained, print_traced
from ingestd.cli.books.known import AsKnownOption
from ingestd.cli.books.verified import print_verified
from ingestd.cli.opening.desk import (
    CountPendingOption,
    ReasonOption,
    WhoOption,
    bookkeeper,
    print_answer,
)
from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import complain
from ingestd.reports.exports.programs import ExportFormat
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO, UsageError
from ingestd.values.money import decimals_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.reports.trails.drill import Inquiry

app = typer.Typer(name="ledger", help="The books themselves.", no_args_is_help=True)


@app.command("verify")
def verify(
    account: AccountOption,
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="More to be held against.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="PATH",
            help="Receipts, checkpoints, or folders of them, that somebody kept.",
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Check all of an account's books against their seals and themselves. Exit 1 when one differs.

    Hashes, links between batches, postings, states and credit lots are computed again from what
    is stored; every difference is told with its batch and upload. With --against the batches, as
    their rows give them, are also held to what old receipts and checkpoints say.
    """
    from ingestd.ledger.audit.against import hold_against
    from ingestd.ledger.audit.verify import verify_ledger
    from ingestd.ledger.books.head import read_head_hash, read_known_at
    from ingestd.service.evidence.outside import keys_of_folder, read_kept

    if more and not against:
        raise UsageError("Paths stand behind --against.")
    kept = read_kept([*(against or ()), *(more or ())]) if against else []
    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account)
        with installation.database.reading_twice() as (connection, beside):
            keys_of = keys_of_folder(installation.folders.ledger_key)
            verification = verify_ledger(
                connection,
                found.account_id,
                decimals=decimals_of(found.currency),
                keys_of=keys_of,
                beside=beside,
            )
            known_at = read_known_at(connection, found.account_id) or 0
            head = read_head_hash(connection, found.account_id, known_at=known_at)
    held = hold_against(kept, found.account_id, verification.batches, keys_of)
    print_verified(
        found.account_id,
        head,
        verification,
        held if against else None,
        output,
        decimals_of(found.currency),
        wide=wide,
    )
    if not verification.holds or not all(one.holds for one in held):
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("export")
def export(
    account: AccountOption,
    book_format: Annotated[ExportFormat, typer.Option("--format", help="For which program.")],
    as_known: AsKnownOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the whole book for Beancount or hledger, with its balances to be checked."""
    from ingestd.reports.asking.known import known_instant
    from ingestd.reports.exports.book import Book
    from ingestd.reports.exports.export import export_book, writer_of

    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account)
        with installation.database.reading() as connection:
            book = Book(
                account=found.account_id,
                as_known=known_instant(connection, found, as_known, now=installation.clock.now()),
                currency=found.currency,
            )
            # UTF-8 whatever the terminal's locale: so the file is read.
            for text in export_book(connection, book, writer_of(book_format, book)):
                sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()


@app.command("explain")
def explain(
    account: AccountOption,
    payment: Annotated[str, typer.Option("--payment", metavar="ID", help="The payment's ID.")],
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell where each cent of a payment went, and by which rule."""
    from ingestd.reports.trails.explain import explain_payment

    def ask(connection: Connection, inquiry: Inquiry) -> Answer:
        return explain_payment(connection, inquiry, payment)

    answer = follow(ask, account, as_known, config)
    print_explained(answer, output, wide=wide)
    if not answer["reconciles"]:
        complain(f"Not all of {payment} is explained: the books are not sound.")
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("trace")
def trace(
    account: AccountOption,
    tracking_id: Annotated[str, typer.Option("--tracking-id", help="The charge's tracking ID.")],
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Follow a charge: its postings, and the file, sender and row of all that happened to it."""
    from ingestd.reports.trails.trace import trace_charge

    def ask(connection: Connection, inquiry: Inquiry) -> Answer:
        return trace_charge(connection, inquiry, tracking_id)

    print_traced(follow(ask, account, as_known, config), output, wide=wide)


@app.command("quote")
def quote(
    account: AccountOption,
    party: Annotated[str, typer.Option("--party", help="Who wants to buy.")],
    billing_code: Annotated[str, typer.Option("--billing-code", help="The product.")],
    count_pending: CountPendingOption = False,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell what must be paid to buy a product: its price, and what is owed already."""
    from ingestd.service.office.quotes import quote_product

    with bookkeeper(config, account, Need.READING, who=None, reason=None) as keeper:
        answer = quote_product(keeper, party, billing_code, counts_pending=count_pending)
        print_answer(answer, output, wide=wide)


@app.command("close")
def close(
    account: AccountOption,
    month: Annotated[str, typer.Option("--month", help="Such as 2026-03.")],
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Close a month that is over: what arrives later is posted in the first open month."""
    from ingestd.service.office.months import close_month

    with bookkeeper(config, account, who=who, reason=reason) as keeper:
        print_answer(close_month(keeper, month), output, wide=wide)


app.command("accept-clock")(accept_clock)
app.command("key")(print_keys)
app.command("checkpoint")(write_checkpoint)
app.command("resume")(resume_books)
