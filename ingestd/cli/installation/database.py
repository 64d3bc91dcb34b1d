"""`ingestd db`: the schema's version, and where the ledger is."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated

import typer

from ingestd.cli.terminal.options import ConfigOption, config_path
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO

app = typer.Typer(name="db", help="The ledger's database.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_command(config: ConfigOption = None) -> None:
    """Bring the database's schema to this version. Safe to run twice."""
    from ingestd.service.installation.bootstrap import open_installation
    from ingestd.service.installation.homes import name_of_shard

    with closing(open_installation(config_path(config), Need.CHANGING)) as installation:
        for shard in installation.shards:
            before, after = shard.ledger.upgrade()
            which = f" of {name_of_shard(shard)}" if installation.further else ""
            if before == after:
                typer.echo(f"The schema{which} is {after} already.")
            else:
                typer.echo(f"The schema{which} is {after} now; it was {before or 'empty'}.")


@app.command("current")
def current(config: ConfigOption = None) -> None:
    """Print the schema's revision. Exit 1 when it is not the one of this version."""
    from ingestd.database.schema import HEAD_REVISION
    from ingestd.service.installation.bootstrap import open_installation
    from ingestd.service.installation.homes import name_of_shard

    is_current = True
    with closing(open_installation(config_path(config))) as installation:
        for shard in installation.shards:
            revision = shard.ledger.revision()
            which = f"{name_of_shard(shard)}: " if installation.further else ""
            typer.echo(f"{which}{revision or 'empty'} (this version works with {HEAD_REVISION})")
            is_current = is_current and revision == HEAD_REVISION
    if not is_current:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("copy")
def copy_command(
    to: Annotated[
        str,
        typer.Option("--to", metavar="URL", help="An empty database, on a server or a new file."),
    ],
    which: Annotated[
        str | None,
        typer.Option(
            "--database", metavar="NAME", help="Which of [databases]; without it, database_url's."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Move the ledger to another database, from SQLite to PostgreSQL or back.

    Everything is copied and held to the original, which then refuses all work; the data folder
    belongs to the copy from then on. Stop the daemon first. If it is interrupted, run it again.
    """
    from ingestd.service.installation.bootstrap import open_installation
    from ingestd.service.installation.moving import move_ledger

    progress = _Progress()
    with closing(open_installation(config_path(config), Need.CHANGING)) as installation:
        moved = move_ledger(installation.shard_named(which or ""), to, progress.tell)
    progress.end()
    for account, batch_no, head in moved.heads:
        typer.echo(f"{account}: {batch_no} batches, ledger head {head}")
    typer.echo(f"The ledger is in {moved.place} from now on, and refuses all work where it was.")
    if which is not None:
        typer.echo(
            f"Set, for the daemon and for commands: url in [databases.{which}], or "
            f"INGESTD_DATABASES__{which.upper()}__URL='{moved.url}'"
        )
    elif moved.is_default:
        typer.echo(
            "Take INGESTD_DATABASE_URL out of the environment, and database_url out of the config."
        )
    else:
        typer.echo(f"Set, for the daemon and for commands: INGESTD_DATABASE_URL='{moved.url}'")
    if moved.is_on_server:
        typer.echo("Give the daemon's role its rights first, and name that role in the URL.")


class _Progress:
    """Tells on stderr how many rows of each table are copied: on a terminal, as they are."""

    def __init__(self) -> None:
        self._table = ""
        self._line = ""
        self._is_live = sys.stderr.isatty()

    def tell(self, table: str, rows: int) -> None:
        if table != self._table:
            self.end()
        self._table, self._line = table, f"copied {table}: {rows:,} rows"
        if self._is_live:
            sys.stderr.write(f"\r{self._line}")

    def end(self) -> None:
        """Let the line of the last table stand."""
        if self._line:
            sys.stderr.write("\n" if self._is_live else f"{self._line}\n")
        self._line = ""
