"""`ingestd payouts`: money that is given back, as cash, by check or by ACH."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ingestd.cli.books.reports import asked
from ingestd.cli.opening.desk import (
    KeyOption,
    OnOption,
    ReasonOption,
    WhoOption,
    bookkeeper,
    day_of,
    print_answer,
)
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import print_rows
from ingestd.ledger.money.choices import CreditSource, PayoutMethod

app = typer.Typer(name="payouts", help="Money that is given back.", no_args_is_help=True)

PayoutOption = Annotated[str, typer.Option("--payout", help="The payout's ID.")]


class Status(StrEnum):
    """How far a payout is."""

    PENDING = "pending"
    CLEARED = "cleared"
    VOIDED = "voided"


@app.command("list")
def list_command(
    account: AccountOption,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only those that are so.")
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List payouts in the order in which they were made, and what of each is owed back."""
    with asked("payouts", account, config) as report:
        rows = (row for row in report.rows if status is None or row["status"] == status.value)
        print_rows(rows, report.columns, output, wide=wide)


@app.command("add")
def add(
    *,
    account: AccountOption,
    party: Annotated[str, typer.Option("--party", help="Whose credit it is.")],
    source: Annotated[CreditSource, typer.Option("--from", help="What waits there.")],
    method: Annotated[PayoutMethod, typer.Option("--method", help="Cash is gone at once.")],
    amount: Annotated[
        str | None, typer.Option("--amount", help="Such as 80.00. Default: all that waits.")
    ] = None,
    payee: Annotated[str | None, typer.Option("--payee", help="To whom it is made out.")] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="Such as the check's number.")
    ] = None,
    key: KeyOption = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Give waiting credit back. When its payment bounces, it is owed back."""
    from ingestd.service.office.payouts import Payout, add_payout

    payout = Payout(
        party=party,
        source=source,
        method=method,
        amount=amount,
        payee=payee,
        reference=reference,
        key=key,
    )
    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(add_payout(keeper, payout, on=day_of(on)), output, wide=wide)


@app.command("clear")
def clear(
    *,
    account: AccountOption,
    payout: PayoutOption,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that a payout left the bank."""
    from ingestd.service.office.payouts import clear as clear_payout

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(clear_payout(keeper, payout, on=day_of(on)), output, wide=wide)


@app.command("void")
def void(
    *,
    account: AccountOption,
    payout: PayoutOption,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take a payout back, cleared or not: its credit waits where it came from."""
    from ingestd.service.office.payouts import void as void_payout

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(void_payout(keeper, payout, on=day_of(on)), output, wide=wide)
