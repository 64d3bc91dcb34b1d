"""`ingestd report`: questions to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingestd.cli.books.answers import print_report
from ingestd.cli.books.known import AsKnownOption
from ingestd.cli.books.letters import (
    FileOption,
    LetterOutput,
    LetterOutputOption,
    MailOption,
    MailToOption,
    Sending,
    write_letter,
)
from ingestd.cli.books.questions import (
    AsOfOption,
    FamilyOption,
    KnownSinceOption,
    PartyOption,
    ProductOption,
    SinceOption,
    SourceOption,
    UntilOption,
    asked_of,
)
from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.reports.asking.kinds import REPORTS, Kind, ask
from ingestd.service.in_force.need import Need

if TYPE_CHECKING:
    from ingestd.reports.asking.questions import Asked
    from ingestd.reports.figures.report import Report

app = typer.Typer(name="report", help="Questions to the ledger.", no_args_is_help=True)


_NARROWING: Mapping[str, object] = MappingProxyType(
    {
        "party": PartyOption,
        "family": FamilyOption,
        "product": ProductOption,
        "source": SourceOption,
    }
)


def _choice(flag: str, choices: tuple[str, ...], about: str) -> object:
    """Return an option that is one of some words."""
    words = StrEnum(flag, {word.upper(): word for word in choices})  # type: ignore[misc]
    return Annotated[words | None, typer.Option(flag, help=about)]


def _options(kind: Kind) -> dict[str, tuple[object, object]]:
    """Return the options that a report takes, each as what it is and what it is by default."""
    options: dict[str, tuple[object, object]] = {"account": (AccountOption, Parameter.empty)}
    if kind.by:
        options["by"] = (_choice("--by", kind.by, f"What rows are sums of: {kind.by[0]} …"), None)
    options |= {name: (_NARROWING[name], None) for name in kind.narrows_to}
    if kind.statuses:
        options["status"] = (_choice("--status", kind.statuses, "Only those that are so."), None)
    if kind.has_days:
        options |= {"since": (SinceOption, None), "until": (UntilOption, None)}
    options |= {"as_of": (AsOfOption, None), "as_known": (AsKnownOption, None)}
    if kind.has_since:
        options["known_since"] = (KnownSinceOption, None)
    if kind.is_letter:
        options |= {
            "output": (LetterOutputOption, LetterOutput.TABLE),
            "file": (FileOption, None),
            "mail": (MailOption, False),
            "mail_to": (MailToOption, None),
        }
    else:
        options["output"] = (OutputOption, Output.TABLE)
    return options | {"wide": (WideOption, False), "config": (ConfigOption, None)}


def _command(name: str, kind: Kind) -> Callable[..., None]:
    """Return the command that asks for one report, with the options that make sense of it."""

    def command(**typed: Any) -> None:  # noqa: ANN401 - what its options make of words
        account, config, wide = (typed.pop(each) for each in ("account", "config", "wide"))
        sent = {
            each: typed.pop(each) for each in ("file", "mail", "mail_to", "output") if each in typed
        }
        asked = asked_of(**typed)
        output = sent["output"]
        if kind.is_letter:
            sending = Sending(**sent)
            sending.check()
            if sending.table is None:
                write_letter(name, account, asked, sending, config)
                return
            output = sending.table
        with _answer(name, account, asked, config) as report:
            print_report(report, output, wide=wide)

    command.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(each, Parameter.KEYWORD_ONLY, annotation=option, default=default)
            for each, (option, default) in _options(kind).items()
        ]
    )
    return command


for _name, _kind in REPORTS.items():
    app.command(_name, help=_kind.about)(_command(_name, _kind))


@contextmanager
def _answer(name: str, account: str, asked: Asked, config: ConfigOption) -> Iterator[Report]:
    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account)
        now = installation.clock.now()
        with installation.database.reading_twice() as (connection, _):
            question = asked.question(connection, found, now=now)
            more = asked.known_before(connection, found, now=now)
            yield ask(name, connection, question, **more)


@contextmanager
def asked(name: str, account: str, config: ConfigOption) -> Iterator[Report]:
    """Lend a report's answer about today, as known now."""
    with _answer(name, account, asked_of(), config) as report:
        yield report
