"""What the commands of the business office share: whose books, which day, how it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import Output
from ingestd.cli.terminal.output import print_json, print_rows
from ingestd.service.in_force.need import Need
from ingestd.values.errors import UsageError

if TYPE_CHECKING:
    from ingestd.service.office.bookkeeper import Answer, Bookkeeper

OnOption = Annotated[
    datetime | None,
    typer.Option(
        "--on", formats=["%Y-%m-%d"], help="The effective day. Default: today, account's time zone."
    ),
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Why, such as NSF; kept with the payment.")
]


@contextmanager
def bookkeeper(
    config: Path | None, account: str, need: Need = Need.CHANGING
) -> Iterator[Bookkeeper]:
    """Lend the writer of an account's books."""
    from ingestd.service.office.bookkeeper import Bookkeeper

    with installation_for(need, config) as installation:
        yield Bookkeeper(
            database=installation.database,
            clock=installation.clock,
            account=installation.account(account),
            signing=installation.signing() if need is Need.CHANGING else None,
        )


def day_of(option: datetime | None) -> date | None:
    """Return the day that `--on` names. Raises UsageError for one that no file could name."""
    from ingestd.formats.judging.times import YEAR_MIN

    if option is not None and option.year < YEAR_MIN:
        raise UsageError(f"--on {option.date()} lies before {YEAR_MIN}. Correct the year.")
    return None if option is None else option.date()


def print_answer(answer: Answer, output: Output, *, wide: bool) -> None:
    """Print what a command did: one row, or one JSON object."""
    if output is Output.JSON:
        print_json(answer)
    else:
        print_rows([answer], tuple(answer), output, wide=wide)
