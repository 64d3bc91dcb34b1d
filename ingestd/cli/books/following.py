"""Printing what was followed through the books: facts first, then what happened, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import ConfigOption, Output
from ingestd.cli.terminal.output import (
    print_csv,
    print_facts,
    print_json,
    print_list,
    print_table,
)
from ingestd.service.in_force.need import Need
from ingestd.values.money import decimals_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.reports.trails.drill import Inquiry

Answer = dict[str, Any]
Row = Mapping[str, object]

_EXPLAINED_COLUMNS = (
    *("what", "amount", "party", "tracking_id", "billing_code", "rule", "effective_on", "batch"),
    *("undone_on", "undone_by", "undone_batch"),
)
_TRACED_COLUMNS = (
    *("posting", "batch", "event", "effective_on", "debit", "debit_party", "credit"),
    *("credit_party", "amount", "payment_id", "reverses", "known_at", "by", "reason"),
)
_ENTRY_COLUMNS = ("batch", "command", "by", "reason", "location")


def follow(
    ask: Callable[[Connection, Inquiry], Answer],
    account: str,
    as_known: str | None,
    config: ConfigOption,
) -> Answer:
    """Return what is asked of an account's books, as known now or by then."""
    from ingestd.reports.asking.known import known_instant
    from ingestd.reports.trails.drill import Inquiry

    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account)
        with installation.database.reading() as connection:
            inquiry = Inquiry(
                account=found.account_id,
                as_known=known_instant(connection, found, as_known, now=installation.clock.now()),
                decimals=decimals_of(found.currency),
            )
            return ask(connection, inquiry)


def print_explained(answer: Answer, output: Output, *, wide: bool) -> None:
    """Print where a payment went; CSV has the lines alone."""
    lines = list(_explained_lines(answer))
    _print(answer, answer["payment"], lines, _EXPLAINED_COLUMNS, output, wide=wide)
    if output is Output.TABLE:
        if answer["entries"]:
            typer.echo()
            print_table(answer["entries"], _ENTRY_COLUMNS, wide=wide)
        totals = [f"{name} {value}" for name, value in answer["totals"].items()]
        typer.echo()
        print_list(totals, wide=wide)
        typer.echo(f"ledger head {answer['ledger_head']}")


def print_traced(answer: Answer, output: Output, *, wide: bool) -> None:
    """Print where a charge came from and what became of it; CSV has the postings alone."""
    facts = answer["charge"] | _named("payout", answer["payout"])
    for name in ("refund", "write_off"):
        for number, taken in enumerate(answer[f"{name}s"], start=1):
            facts |= _named(name if number == 1 else f"{name} {number}", taken)
    for payment in answer["payments"]:
        facts |= _named(f"payment {payment['payment_id']}", payment)
    _print(answer, facts, answer["postings"], _TRACED_COLUMNS, output, wide=wide)
    if output is Output.TABLE:
        typer.echo(f"ledger head {answer['ledger_head']}")


def _print(
    answer: Answer,
    facts: Answer,
    lines: Sequence[Row],
    columns: Sequence[str],
    output: Output,
    *,
    wide: bool,
) -> None:
    match output:
        case Output.JSON:
            print_json(answer)
        case Output.CSV:
            print_csv(lines, columns)
        case Output.TABLE:
            print_facts(dict(_told(facts)), wide=wide)
            typer.echo()
            print_table(lines, columns, wide=wide)


def _told(facts: Answer) -> Iterator[tuple[str, object]]:
    """Yield each fact by its name; those of an origin stand with the others."""
    for name, value in facts.items():
        if isinstance(value, dict):
            is_origin = name == "origin"
            yield from _told({key if is_origin else f"{name} {key}": value[key] for key in value})
        elif value is not None:
            yield name, value


def _named(name: str, facts: Answer | None) -> Answer:
    if facts is None:
        return {}
    origin = facts.get("origin") or {}
    return {name: {key: value for key, value in facts.items() if key != "origin"} | origin}


def _explained_lines(answer: Answer) -> Iterator[Row]:
    for part in answer["parts"]:
        yield part | {"what": f"part: {part['kind']}"}
    for allocation in answer["allocations"]:
        yield allocation | {"what": "pays"}
    for moved in answer["moved_to_wallets"]:
        yield moved | {"what": "moved to wallet", "party": moved["to_party"]}
    for moved in answer["transfers"]:
        yield moved | {"what": f"transferred: {moved['to']}", "party": moved["to_party"]}
    for waiting in answer["waiting"]:
        yield waiting | {"what": f"waits: {waiting['account_type']}"}
    for held in answer["held"]:
        yield held | {"what": f"held: {held['account']}"}
