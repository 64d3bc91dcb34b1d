"""`ingestd report`: questions to the ledger."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
    Asked,
    AsOfOption,
    FamilyOption,
    KnownSinceOption,
    PartyOption,
    ProductOption,
    SinceOption,
    SourceOption,
    UntilOption,
)
from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.service.in_force.need import Need

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.reports.figures.report import Question, Report

app = typer.Typer(name="report", help="Questions to the ledger.", no_args_is_help=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A report: in which wing of `reports` it stands, what it narrows to, what it groups by."""

    about: str
    wing: str = "figures"
    narrows_to: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    is_letter: bool = False
    has_since: bool = False
    has_days: bool = True


_WHOM = ("party", "family")

REPORTS: Mapping[str, Kind] = MappingProxyType(
    {
        "sales": Kind(
            about="What was charged, taken back and written off, by day posted.",
            narrows_to=("product", "source"),
            by=("product", "source", "vendor", "gl_account", "day"),
        ),
        "payments": Kind(
            about="Who paid what, by day received, and what became of it.",
            narrows_to=(*_WHOM, "source"),
            statuses=("pending", "settled", "returned", "voided"),
        ),
        "items": Kind(
            about="Every charge, by day occurred: what of it is paid and open, its file and row.",
            narrows_to=(*_WHOM, "product", "source"),
            statuses=("unpaid", "partial", "paid", "void", "written_off"),
        ),
        "balances": Kind(
            about="What each party has in credit, less what it owes; between two days: "
            "what changed.",
            narrows_to=_WHOM,
        ),
        "revenue": Kind(
            about="What of each product's sales is realised by settled money, by day posted.",
            narrows_to=("product",),
            by=("product", "gl_account"),
        ),
        "aging": Kind(about="What is owed, by how many days ago it occurred.", narrows_to=_WHOM),
        "arrears": Kind(
            about="Who owes for how long, how they are reached, when they last paid; of one "
            "family also as a letter.",
            wing="families",
            narrows_to=_WHOM,
            is_letter=True,
            has_days=False,
        ),
        "statement": Kind(
            about="All that moved a family's balance, or one party's, line by line; also as a "
            "letter.",
            wing="families",
            narrows_to=_WHOM,
            is_letter=True,
        ),
        "collections": Kind(
            about="The money that came in, settled, came back or went out, by day, method, batch.",
            wing="money",
            narrows_to=(*_WHOM, "source"),
            by=("settled", "received", "returned", "paid_out", "deposited"),
        ),
        "payouts": Kind(
            about="Who was given money back, how, whether it left the bank, what is owed back.",
            wing="money",
            narrows_to=(*_WHOM, "source"),
            statuses=("pending", "cleared", "voided"),
        ),
        "held": Kind(
            about="What is held for others, and for whom or what; between two days: what came.",
            wing="money",
            narrows_to=_WHOM,
            by=("gl_account", "tax_code", "party"),
        ),
        "pledges": Kind(about="What donors promised, and what of it came."),
        "changes": Kind(
            about="Which batches came since an instant, who made each and why, and what reports "
            "differ by.",
            has_since=True,
        ),
        "tax": Kind(
            about="What was sold with tax, what of the tax was collected, given back, is due.",
            wing="money",
        ),
    }
)
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
        asked = Asked(**typed)
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


def _ask(name: str, connection: Connection, question: Question, **more: object) -> Report:
    """Ask one report; only its module is loaded."""
    module = importlib.import_module(f"ingestd.reports.{REPORTS[name].wing}.{name}")
    report: Report = getattr(module, f"report_{name}")(connection, question, **more)
    return report


@contextmanager
def _answer(name: str, account: str, asked: Asked, config: ConfigOption) -> Iterator[Report]:
    with installation_for(Need.READING, config) as installation:
        found = installation.account(account)
        now = installation.clock.now()
        with installation.database.reading_twice() as (connection, _):
            question = asked.question(connection, found, now=now)
            more = asked.known_before(connection, found, now=now)
            yield _ask(name, connection, question, **more)


@contextmanager
def asked(name: str, account: str, config: ConfigOption) -> Iterator[Report]:
    """Lend a report's answer about today, as known now."""
    with _answer(name, account, Asked(), config) as report:
        yield report
