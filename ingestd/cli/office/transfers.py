"""`ingestd transfers`: waiting credit that goes to another party, or to another use."""

from __future__ import annotations

from typing import Annotated

import typer

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
from ingestd.ledger.money.choices import CreditSource, CreditTarget

app = typer.Typer(
    name="transfers", help="Waiting credit that goes to another use.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Keep the group a group while it has one command."""


@app.command("add")
def add(
    *,
    account: AccountOption,
    from_party: Annotated[str, typer.Option("--from-party", help="Whose credit it is.")],
    source: Annotated[CreditSource, typer.Option("--from", help="What waits there.")],
    to_party: Annotated[str, typer.Option("--to-party", help="Whose credit it becomes.")],
    target: Annotated[CreditTarget, typer.Option("--to", help="What it is for then.")],
    amount: Annotated[str, typer.Option("--amount", help="Such as 80.00.")],
    for_charge: Annotated[
        str | None, typer.Option("--for", help="The charge_tracking_id that it pays first.")
    ] = None,
    across_families: Annotated[
        bool, typer.Option("--across-families", help="Move it to another family.")
    ] = False,
    key: KeyOption = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Move waiting credit. It keeps the payment that it came from, and pays what is open there."""
    from ingestd.service.office.transfers import Transfer, add_transfer

    transfer = Transfer(
        from_party=from_party,
        source=source,
        to_party=to_party,
        target=target,
        amount=amount,
        for_charge=for_charge,
        across_families=across_families,
        key=key,
    )
    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(add_transfer(keeper, transfer, on=day_of(on)), output, wide=wide)
