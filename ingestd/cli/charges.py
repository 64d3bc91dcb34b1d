"""`ingestd charges`: charges that are taken back, and penalties."""

from __future__ import annotations

from typing import Annotated

import typer

from ingestd.cli.desk import OnOption, bookkeeper, day_of, print_answer
from ingestd.cli.options import AccountOption, ConfigOption, Output, OutputOption
from ingestd.service.office.charges import add_penalty, void_charge

app = typer.Typer(name="charges", help="What is owed.", no_args_is_help=True)

BillingCodeOption = Annotated[str, typer.Option("--billing-code", help="The product.")]
AmountOption = Annotated[
    str | None, typer.Option("--amount", help="Default: the product's price on that day.")
]


@app.command("void")
def void(
    account: AccountOption,
    tracking_id: Annotated[str, typer.Option("--tracking-id", help="The charge_tracking_id.")],
    on: OnOption = None,
    output: OutputOption = Output.TABLE,
    config: ConfigOption = None,
) -> None:
    """Take a charge back. What was paid for it goes to the wallet of whom it was charged."""
    with bookkeeper(config, account) as keeper:
        print_answer(void_charge(keeper, tracking_id, on=day_of(on)), output)


@app.command("penalty")
def penalty(
    account: AccountOption,
    party: Annotated[str, typer.Option("--party", help="Who is charged.")],
    billing_code: BillingCodeOption,
    amount: AmountOption = None,
    tracking_id: Annotated[
        str | None,
        typer.Option("--tracking-id", help="The charge's ID; makes the command safe to repeat."),
    ] = None,
    on: OnOption = None,
    output: OutputOption = Output.TABLE,
    config: ConfigOption = None,
) -> None:
    """Charge somebody a penalty; it is owed and paid like any other fee."""
    with bookkeeper(config, account) as keeper:
        answer = add_penalty(
            keeper, party, billing_code, amount=amount, tracking_id=tracking_id, on=day_of(on)
        )
    print_answer(answer, output)
