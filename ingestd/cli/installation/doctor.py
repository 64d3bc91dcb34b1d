"""`ingestd doctor`: a running installation, checked end to end."""

from __future__ import annotations

import typer

from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption, config_path
from ingestd.cli.terminal.output import print_rows
from ingestd.values.errors import EXIT_ANSWER_IS_NO, EXIT_USAGE


def doctor(
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Check config, folders, host keys, database, daemon and door. Exit 1 when one is not well.

    Exit 2 when the config names another ledger than the data folder's: the answers are then not
    about this installation.
    """
    from ingestd.service.installation.doctor import examine

    results = examine(config_path(config))
    rows = [
        {"check": result.check, "ok": "ok" if result.ok else "NOT OK", "what": result.what}
        for result in results
    ]
    print_rows(rows, ("check", "ok", "what"), output, wide=wide)
    if any(result.is_misled for result in results):
        raise typer.Exit(EXIT_USAGE)
    if not all(result.ok for result in results):
        raise typer.Exit(EXIT_ANSWER_IS_NO)
