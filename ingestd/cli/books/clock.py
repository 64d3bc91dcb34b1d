"""`ingestd ledger accept-clock`: somebody says that the clock is right, and the books are ahead."""

from __future__ import annotations

from typing import Annotated

import typer

from ingestd.cli.opening.installation import shards_for
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
    doubts = []
    with shards_for(Need.CHANGING, config, account) as shards:
        for shard in shards:
            one = None if account is None else shard.account(account).account_id
            now = to_microseconds(shard.clock.now())
            with shard.database.writing() as connection:
                if one is None:
                    found = find_clock_doubts(connection, now=now)
                else:
                    doubt = find_clock_doubt(connection, one, now=now)
                    found = [] if doubt is None else [doubt]
                for doubt in found:
                    write_acceptance(connection, doubt, by=by, reason=reason.strip())
            doubts += found
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
