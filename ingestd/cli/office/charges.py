"""`ingestd charges`: charges that are taken back, and penalties."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ingestd.cli.books.reports import asked
from ingestd.cli.opening.desk import OnOption, bookkeeper, day_of, print_answer
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import print_rows

app = typer.Typer(name="charges", help="What is owed.", no_args_is_help=True)

BillingCodeOption = Annotated[str, typer.Option("--billing-code", help="The product.")]
AmountOption = Annotated[
    str | None, typer.Option("--amount", help="Default: the product's price on that day.")
]


class Status(StrEnum):
    """How far a charge is paid."""

    UNPAID = "unpaid"
    PARTIAL = "partial"
    PAID = "paid"
    VOID = "void"


@app.command("list")
def list_command(
    account: AccountOption,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only those that are so.")
    ] = None,
    party: Annotated[str | None, typer.Option("--party", help="Only those of one party.")] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List charges, and what of each is paid and open."""
    with asked("items", account, config) as report:
        rows = (
            row
            for row in report.rows
            if (status is None or row["status"] == status.value)
            and (party is None or row["student_id"] == party)
        )
        print_rows(rows, report.columns, output, wide=wide)


@app.command("void")
def void(
    account: AccountOption,
    tracking_id: Annotated[str, typer.Option("--tracking-id", help="The charge_tracking_id.")],
    on: OnOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take a charge back. What was paid for it goes to the wallet of whom it was charged."""
    from ingestd.service.office.charges import void_charge

    with bookkeeper(config, account) as keeper:
        print_answer(void_charge(keeper, tracking_id, on=day_of(on)), output, wide=wide)


@app.command("penalty")
def penalty(
    *,
    account: AccountOption,
    party: Annotated[str, typer.Option("--party", help="Who is charged.")],
    billing_code: BillingCodeOption,
    amount: AmountOption = None,
    tracking_id: Annotated[
        str | None,
        typer.Option(
            "--tracking-id", "--id", help="The charge's ID; makes the command safe to repeat."
        ),
    ] = None,
    on: OnOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Charge somebody a penalty; it is owed and paid like any other fee."""
    from ingestd.service.office.charges import add_penalty

    with bookkeeper(config, account) as keeper:
        answer = add_penalty(
            keeper, party, billing_code, amount=amount, tracking_id=tracking_id, on=day_of(on)
        )
    print_answer(answer, output, wide=wide)
