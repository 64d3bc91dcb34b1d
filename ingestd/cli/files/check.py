"""`ingestd check`: a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import AccountOption, ConfigOption
from ingestd.cli.terminal.output import print_json
from ingestd.formats.names import FormatName
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to judge.")],
    account: AccountOption,
    file_format: Annotated[
        FormatName | None,
        typer.Option("--format", help="Needed where the file's name does not tell."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the receipt that a file would get, and store nothing. Exit 1 when rows are refused."""
    from ingestd.intake.answering.dry_run import check_file
    from ingestd.ledger.outcomes.file_outcomes import FileStatus

    with installation_for(Need.READING, config, account) as installation:
        outcome, receipt = check_file(
            installation.works(), installation.account(account), file, file_format
        )
    print_json(receipt)
    if outcome.status is not FileStatus.PROCESSED:
        raise typer.Exit(EXIT_ANSWER_IS_NO)
