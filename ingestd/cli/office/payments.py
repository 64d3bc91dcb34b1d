"""`ingestd payments`: money that came, settled, bounced."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ingestd.cli.books.reports import asked
from ingestd.cli.opening.desk import (
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
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import PaymentMethod
from ingestd.values.errors import UsageError

app = typer.Typer(name="payments", help="Money that came.", no_args_is_help=True)


PaymentOption = Annotated[str, typer.Option("--payment", help="The payment's ID.")]


class Status(StrEnum):
    """How far a payment is."""

    PENDING = "pending"
    SETTLED = "settled"
    RETURNED = "returned"
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
    """List payments in the order in which they arrived."""
    with asked("payments", account, config) as report:
        rows = (row for row in report.rows if status is None or row["status"] == status.value)
        print_rows(rows, report.columns, output, wide=wide)


@app.command("add")
def add(
    *,
    account: AccountOption,
    payer: Annotated[str, typer.Option("--payer", help="A parent, a student or a guest.")],
    amount: Annotated[str, typer.Option("--amount", help="Such as 80.00.")],
    method: Annotated[PaymentMethod, typer.Option("--method", help="Cash settles at once.")],
    to: Annotated[AccountType, typer.Option("--to", help="What it pays.")] = AccountType.LIABILITY,
    for_charge: Annotated[
        str | None, typer.Option("--for", help="The charge_tracking_id that it names.")
    ] = None,
    for_party: Annotated[
        str | None,
        typer.Option("--for-party", help="Whose wallet it feeds. Default: the payer's."),
    ] = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    key: Annotated[
        str | None, typer.Option("--id", help="The payment's ID; makes the command safe to repeat.")
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Write down a payment. It is pending until it settles; until then it pays nothing."""
    from ingestd.service.office.payments import Payment, add_payment

    payment = Payment(
        payer=payer,
        amount=amount,
        method=method.value,
        to=to,
        for_charge=for_charge,
        for_party=for_party,
        key=key,
    )
    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        print_answer(add_payment(keeper, payment, on=day_of(on)), output, wide=wide)


@app.command("settle")
def settle(
    *,
    account: AccountOption,
    payment: Annotated[str | None, typer.Option("--payment", help="The payment's ID.")] = None,
    merchant: Annotated[str | None, typer.Option("--merchant", help="With --batch.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="A settlement batch.")] = None,
    expect_total: Annotated[
        str | None, typer.Option("--expect-total", help="The bank's total of the batch.")
    ] = None,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that money is in the bank: it pays what is owed, and revenue is realised."""
    from ingestd.service.office.payments import settle_batch, settle_payment

    is_one = payment is not None and merchant is None and batch is None and expect_total is None
    is_batch = payment is None and merchant is not None and batch is not None
    if not (is_one or is_batch):
        raise UsageError("Give --payment, or --merchant with --batch (and --expect-total).")
    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        if payment is not None:
            answer = settle_payment(keeper, payment, on=day_of(on))
        else:
            answer = settle_batch(
                keeper, merchant or "", batch or "", expected=expect_total, on=day_of(on)
            )
    print_answer(answer, output, wide=wide)


@app.command("return")
def return_command(
    *,
    account: AccountOption,
    payment: PaymentOption,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    penalty: Annotated[
        str | None, typer.Option("--penalty", help="The billing code to charge the payer.")
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that a settled payment bounced: exactly what it did is undone."""
    from ingestd.service.office.payments import return_payment

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        answer = return_payment(keeper, payment, penalty=penalty, on=day_of(on))
    print_answer(answer, output, wide=wide)


@app.command("void")
def void(
    account: AccountOption,
    payment: PaymentOption,
    on: OnOption = None,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take back a payment that has not settled."""
    from ingestd.service.office.payments import take_back_payment

    with bookkeeper(config, account, who=who, reason=reason, output=output) as keeper:
        answer = take_back_payment(keeper, payment, on=day_of(on))
    print_answer(answer, output, wide=wide)
