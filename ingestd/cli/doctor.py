"""`ingestd doctor`: a running installation, checked end to end."""

from __future__ import annotations

import typer

from ingestd.cli.options import ConfigOption, Output, OutputOption, config_path
from ingestd.cli.output import print_rows
from ingestd.service.doctor import examine
from ingestd.values.errors import EXIT_ANSWER_IS_NO


def doctor(output: OutputOption = Output.TABLE, config: ConfigOption = None) -> None:
    """Check config, folders, host keys, database, daemon and door. Exit 1 when one is not well."""
    results = examine(config_path(config))
    rows = [
        {"check": result.check, "ok": "ok" if result.ok else "NOT OK", "what": result.what}
        for result in results
    ]
    print_rows(rows, ("check", "ok", "what"), output)
    if not all(result.ok for result in results):
        raise typer.Exit(EXIT_ANSWER_IS_NO)
