"""`ingestd cash`: cash in the till."""

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

app = typer.Typer(name="cash", help="Cash in the till.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the group a group while it has one command."""


@app.command("deposit")
def deposit(
    *,
    account: AccountOption,
    amount: Annotated[str, typer.Option("--amount", help="Such as 80.00.")],
    reference: Annotated[
        str | None, typer.Option("--reference", help="Such as the number of the deposit slip.")
    ] = None,
    key: KeyOption = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that cash was brought to the bank."""
    from ingestd.service.office.payouts import bring_cash

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        answer = bring_cash(keeper, amount, reference=reference, key=key, on=day_of(on))
    print_answer(answer, output, wide=wide)
