"""`ingestd ledger accept-clock`: somebody says that the clock is right, and the books are ahead."""

from __future__ import annotations

from typing import Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.opening.who import who_runs_this
from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption
from ingestd.cli.terminal.output import complain, print_rows
from ingestd.service.in_force.need import Need
from ingestd.values.clock import format_second, from_microseconds, to_microseconds
from ingestd.values.errors import EXIT_ANSWER_IS_NO, UsageError

_COLUMNS = ("account", "clock", "last_batch", "behind_seconds", "accepted_by", "reason")
_REASON_CHARACTERS_MAX = 255


def accept_clock(
    reason: Annotated[str, typer.Option("--reason", help="Why it is right; kept for ever.")],
    account: Annotated[str | None, typer.Option("--account", help="Whose last batch.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those of all accounts.")] = False,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that the clock is right although the last batch is dated ahead of it: files go on.

    Who says so, when and why is kept for ever. Exit 1 when the clock is not behind.
    """
    if every == (account is not None):
        raise UsageError("Name whose last batch it is: --account ID, or --all.")
    if not (reason.strip() and reason.isprintable() and len(reason) <= _REASON_CHARACTERS_MAX):
        raise UsageError(f"Write a reason of 1 to {_REASON_CHARACTERS_MAX} printable characters.")
    from ingestd.ledger.books.clock_check import accept_clock as write_acceptance
    from ingestd.ledger.books.clock_check import find_clock_doubt, find_clock_doubts

    by = who_runs_this()
    with installation_for(Need.CHANGING, config) as installation:
        one = None if account is None else installation.account(account).account_id
        now = to_microseconds(installation.clock.now())
        with installation.database.writing() as connection:
            if one is None:
                doubts = find_clock_doubts(connection, now=now)
            else:
                found = find_clock_doubt(connection, one, now=now)
                doubts = [] if found is None else [found]
            for doubt in doubts:
                write_acceptance(connection, doubt, by=by, reason=reason.strip())
    rows = [
        {
            "account": doubt.account,
            "clock": format_second(from_microseconds(doubt.now)),
            "last_batch": format_second(from_microseconds(doubt.sealed_at)),
            "behind_seconds": doubt.behind_seconds,
            "accepted_by": by,
            "reason": reason.strip(),
        }
        for doubt in doubts
    ]
    print_rows(rows, _COLUMNS, output, wide=wide)
    if not rows:
        complain("The clock is not behind, or was accepted before: there is nothing to accept.")
        raise typer.Exit(EXIT_ANSWER_IS_NO)
