"""What the commands of the business office share: whose books, which day, how it is answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.opening.who import who_runs_this
from ingestd.cli.terminal.options import Output
from ingestd.cli.terminal.output import print_csv, print_json, print_table, print_tables
from ingestd.service.in_force.need import Need
from ingestd.values.errors import LedgerRefusal, UsageError

if TYPE_CHECKING:
    from ingestd.service.office.bookkeeper import Answer, Bookkeeper

OnOption = Annotated[
    datetime | None,
    typer.Option(
        "--on", formats=["%Y-%m-%d"], help="The effective day. Default: today, account's time zone."
    ),
]
WhoOption = Annotated[
    str | None,
    typer.Option("--who", help="Who does this; kept with it. Default: who runs the command."),
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Why, such as NSF; kept with it.")
]


CountPendingOption = Annotated[
    bool, typer.Option("--count-pending", help="Let money that is on its way count as paid.")
]
KeyOption = Annotated[
    str | None, typer.Option("--id", help="Its ID; makes the command safe to repeat.")
]


@contextmanager
def bookkeeper(
    config: Path | None,
    account: str,
    need: Need = Need.CHANGING,
    *,
    who: str | None,
    reason: str | None,
    output: Output = Output.TABLE,
) -> Iterator[Bookkeeper]:
    """Lend the writer of an account's books; `who` is who runs the command where it is None.

    What the books refuse is told in JSON, too, where that is the `output`.
    """
    from ingestd.service.office.bookkeeper import Bookkeeper

    with installation_for(need, config, account) as installation:
        keeper = Bookkeeper(
            database=installation.database,
            clock=installation.clock,
            account=installation.account(account),
            entered_by=who_runs_this() if who is None else who,
            reason=reason,
            signing=installation.signing() if need is Need.CHANGING else None,
        )
        try:
            yield keeper
        except LedgerRefusal as refusal:
            if output is Output.JSON and refusal.refusal:
                print_json({"status": "refused", "code": refusal.refusal, **refusal.told})
            raise


def day_of(option: datetime | None) -> date | None:
    """Return the day that `--on` names. Raises UsageError for one that no file could name."""
    from ingestd.formats.judging.times import YEAR_MIN

    if option is not None and option.year < YEAR_MIN:
        raise UsageError(f"--on {option.date()} lies before {YEAR_MIN}. Correct the year.")
    return None if option is None else option.date()


def print_answer(answer: Answer, output: Output, *, wide: bool) -> None:
    """Print what a command did: one row, or one JSON object.

    What the answer lists stands below the row as a table, and in CSV as one text.
    """
    lists = {name: rows for name, rows in answer.items() if isinstance(rows, list)}
    match output:
        case Output.JSON:
            print_json(answer)
        case Output.CSV:
            texts = {name: _one_text(rows) for name, rows in lists.items()}
            print_csv([answer | texts], tuple(answer))
        case Output.TABLE:
            print_table([answer], [name for name in answer if name not in lists], wide=wide)
            print_tables(lists, wide=wide)


def _one_text(rows: Iterable[Mapping[str, object]]) -> str:
    return "; ".join(" ".join(map(str, row.values())) for row in rows)
