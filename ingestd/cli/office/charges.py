"""`ingestd charges`: charges that are taken back, and penalties."""

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
from ingestd.ledger.money.choices import RefundTo

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
    WRITTEN_OFF = "written_off"
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
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take a charge back. What was paid for it goes to the wallet of whom it was charged."""
    from ingestd.service.office.refunds import void_charge

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(void_charge(keeper, tracking_id, on=day_of(on)), output, wide=wide)


@app.command("refund")
def refund(
    *,
    account: AccountOption,
    tracking_id: Annotated[str, typer.Option("--tracking-id", help="The charge_tracking_id.")],
    amount: Annotated[
        str | None, typer.Option("--amount", help="So much of it; needs --id. Default: the rest.")
    ] = None,
    to: Annotated[
        RefundTo | None,
        typer.Option("--to", help="Where what was paid goes. Default: the wallet."),
    ] = None,
    key: KeyOption = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take a charge back, whole or in part; what was paid goes to the wallet, or out."""
    from ingestd.service.office.refunds import refund_charge

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        answer = refund_charge(keeper, tracking_id, amount=amount, to=to, key=key, on=day_of(on))
    print_answer(answer, output, wide=wide)


@app.command("write-off")
def write_off(
    *,
    account: AccountOption,
    tracking_id: Annotated[str, typer.Option("--tracking-id", help="The charge_tracking_id.")],
    amount: Annotated[
        str | None, typer.Option("--amount", help="So much of it. Default: all that is open.")
    ] = None,
    key: KeyOption = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Give up what is open of a charge, or of a payout that is owed back."""
    from ingestd.service.office.refunds import write_off_charge

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        answer = write_off_charge(keeper, tracking_id, amount=amount, key=key, on=day_of(on))
    print_answer(answer, output, wide=wide)


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
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Charge somebody a penalty; it is owed and paid like any other fee."""
    from ingestd.service.office.charges import add_penalty

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        answer = add_penalty(
            keeper, party, billing_code, amount=amount, tracking_id=tracking_id, on=day_of(on)
        )
    print_answer(answer, output, wide=wide)
