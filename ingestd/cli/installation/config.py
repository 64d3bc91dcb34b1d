"""`ingestd config`: whether the three config files would be taken."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, config_path
from ingestd.cli.terminal.output import complain, print_rows
from ingestd.values.errors import EXIT_USAGE

_COLUMNS = ("where", "line", "key", "message", "remedy")

app = typer.Typer(name="config", help="The config files.", no_args_is_help=True)


@app.callback()
def config_group() -> None:
    """The config files."""


@app.command("check")
def check(output: OutputOption = Output.TABLE, config: ConfigOption = None) -> None:
    """Check all three files and the environment; exit 2 with every mistake.

    accounts.toml and allowlist.toml are compared with what was last in force, as the daemon does.
    """
    from ingestd.service.in_force.config_check import check_config, list_awaited

    path = config_path(config)
    mistakes, look = check_config(path)
    if output is not Output.TABLE:
        print_rows([asdict(mistake) for mistake in mistakes], _COLUMNS, output)
    elif not mistakes:
        typer.echo(f"{path.parent}: no mistakes.")
    else:
        for mistake in mistakes:
            complain(str(mistake))
    for warning in (*list_awaited(path), *look.warnings):
        complain(f"warning: {warning}")
    if look.good.trouble:
        complain(f"Not compared with what is in force: {look.good.trouble}")
    if mistakes:
        raise typer.Exit(EXIT_USAGE)
