"""`ingestd sales`: what is sold at a counter or in a shop."""

from __future__ import annotations

from typing import Annotated

import typer

from ingestd.cli.office.charges import AmountOption, BillingCodeOption
from ingestd.cli.opening.desk import (
    CountPendingOption,
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
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import Paid

app = typer.Typer(name="sales", help="Sales by hand.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the group a group while it has one command."""


@app.command("add")
def add(
    *,
    account: AccountOption,
    party: Annotated[
        str,
        typer.Option("--party", help="ANONYMOUS, a student, a guest's ID; guest: a new one."),
    ],
    billing_code: BillingCodeOption,
    amount: AmountOption = None,
    tax: Annotated[str | None, typer.Option("--tax", help="What of the amount is tax.")] = None,
    tax_code: Annotated[
        str | None, typer.Option("--tax-code", help="Under which code the tax is due.")
    ] = None,
    paid: Annotated[
        Paid | None,
        typer.Option("--paid", help="Paid for on the spot, or from a deposit or an advance."),
    ] = None,
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Refuse it where past debt comes first.")
    ] = False,
    count_pending: CountPendingOption = False,
    to: Annotated[
        AccountType | None,
        typer.Option("--to", help="The account that is charged. Default: LIABILITY."),
    ] = None,
    tracking_id: Annotated[
        str | None,
        typer.Option(
            "--tracking-id", "--id", help="The sale's ID; makes the command safe to repeat."
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Where: a counter, a shop, a canteen.")
    ] = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    name: Annotated[str | None, typer.Option("--name", help="A new guest's name.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="A new guest's address.")] = None,
    phone: Annotated[str | None, typer.Option("--phone", help="A new guest's number.")] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Write down a sale. Cash pays this sale alone; otherwise it is owed like any charge."""
    from ingestd.service.office.charges import Sale, add_sale

    sale = Sale(
        party=party,
        billing_code=billing_code,
        amount=amount,
        tax=tax,
        tax_code=tax_code,
        paid=paid,
        enforces=enforce,
        counts_pending=count_pending,
        account_type=to,
        tracking_id=tracking_id,
        name=name,
        email=email,
        phone=phone,
        source=source,
    )
    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(add_sale(keeper, sale, on=day_of(on)), output, wide=wide)
