"""`ingestd config`: whether the three config files would be taken."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ingestd.cli.options import ConfigOption, Output, OutputOption, config_path
from ingestd.cli.output import complain, print_rows
from ingestd.service.access_files import check_config
from ingestd.values.errors import EXIT_USAGE

_COLUMNS = ("where", "line", "key", "message", "remedy")

app = typer.Typer(name="config", help="The config files.", no_args_is_help=True)


@app.callback()
def config_group() -> None:
    """The config files."""


@app.command("check")
def check(output: OutputOption = Output.TABLE, config: ConfigOption = None) -> None:
    """Check all three files and the environment; exit 2 with every mistake."""
    path = config_path(config)
    mistakes = check_config(path)
    if output is not Output.TABLE:
        print_rows([asdict(mistake) for mistake in mistakes], _COLUMNS, output)
    elif not mistakes:
        typer.echo(f"{path.parent}: no mistakes.")
    else:
        for mistake in mistakes:
            complain(str(mistake))
    if mistakes:
        raise typer.Exit(EXIT_USAGE)
