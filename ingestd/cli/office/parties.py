"""`ingestd parties`: students, parents and guests, and how they are reached."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ingestd.cli.books.known import AsKnownOption
from ingestd.cli.books.questions import AsOfOption, asked_of
from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import print_csv, print_facts, print_json, print_rows, print_tables
from ingestd.service.in_force.need import Need

app = typer.Typer(name="parties", help="Students, parents and guests.", no_args_is_help=True)


class PartyKind(StrEnum):
    """What a party is."""

    STUDENT = "student"
    PARENT = "parent"
    GUEST = "guest"
    ANONYMOUS = "anonymous"


@app.command("list")
def list_command(
    account: AccountOption,
    kind: Annotated[PartyKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    as_of: AsOfOption = None,
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List everybody whom the catalogs or the books know, and how they are reached."""
    from ingestd.ledger.books.chart import PartyKind as BooksKind
    from ingestd.reports.families.people import COLUMNS, list_people

    asked = asked_of(as_of=as_of, as_known=as_known)
    with installation_for(Need.READING, config, account) as installation:
        found, now = installation.account(account), installation.clock.now()
        with installation.database.reading() as connection:
            question = asked.question(connection, found, now=now)
            wanted = None if kind is None else BooksKind(kind.value)
            print_rows(list_people(connection, question, kind=wanted), COLUMNS, output, wide=wide)


@app.command("show")
def show(
    account: AccountOption,
    party: Annotated[
        str, typer.Option("--party", help="A student, a parent or a guest; student:X and such.")
    ],
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell all of one party: how it is reached, its balances, its charges, its payments."""
    from ingestd.reports.families.people import show_person

    with installation_for(Need.READING, config, account) as installation:
        found, now = installation.account(account), installation.clock.now()
        with installation.database.reading() as connection:
            person = show_person(connection, asked_of().question(connection, found, now=now), party)
    tables = {name: of for name, of in person.items() if isinstance(of, list)}
    facts = {name: value for name, value in person.items() if name not in tables}
    match output:
        case Output.JSON:
            print_json(person)
        case Output.CSV:
            print_csv([facts], tuple(facts))
        case Output.TABLE:
            print_facts(facts, wide=wide)
            print_tables(tables, wide=wide)
