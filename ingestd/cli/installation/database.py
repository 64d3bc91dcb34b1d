"""`ingestd db`: the schema's version."""

from __future__ import annotations

from contextlib import closing

import typer

from ingestd.cli.terminal.options import ConfigOption, config_path
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO

app = typer.Typer(name="db", help="The database's schema.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_command(config: ConfigOption = None) -> None:
    """Bring the database's schema to this version. Safe to run twice."""
    from ingestd.service.installation.bootstrap import open_installation

    with closing(open_installation(config_path(config), Need.CHANGING)) as installation:
        before, after = installation.ledger.upgrade()
    if before == after:
        typer.echo(f"The schema is {after} already.")
    else:
        typer.echo(f"The schema is {after} now; it was {before or 'empty'}.")


@app.command("current")
def current(config: ConfigOption = None) -> None:
    """Print the schema's revision. Exit 1 when it is not the one of this version."""
    from ingestd.database.schema import HEAD_REVISION
    from ingestd.service.installation.bootstrap import open_installation

    with closing(open_installation(config_path(config))) as installation:
        revision = installation.ledger.revision()
    typer.echo(f"{revision or 'empty'} (this version works with {HEAD_REVISION})")
    if revision != HEAD_REVISION:
        raise typer.Exit(EXIT_ANSWER_IS_NO)
