"""`ingestd init`, `serve` and `demo`: making an installation, and running it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.terminal.options import CONFIG_FLAG, ConfigOption, config_path
from ingestd.cli.terminal.output import complain
from ingestd.config.files.place import CONFIG_VARIABLE, DEFAULT_CONFIG
from ingestd.values.errors import UsageError

if TYPE_CHECKING:
    from ingestd.spool.known_ledger import KnownLedger


def init(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="Where it shall live. Without it: what --config describes."
        ),
    ] = None,
    # Not from the environment: INGESTD_CONFIG may name the installation that is there already.
    config_asked: Annotated[
        Path | None,
        typer.Option(
            CONFIG_FLAG, help=f"With DIR: DIR/{DEFAULT_CONFIG}, no other.", show_default=False
        ),
    ] = None,
    adopt_ledger: Annotated[
        bool,
        typer.Option(
            "--adopt-ledger",
            help="Let the data folder belong to the ledger that the database holds, from now on.",
        ),
    ] = False,
) -> None:
    """Make an installation: config files, host keys, an empty ledger. Safe to run twice."""
    if directory is None:
        _complete(config_asked, adopt_ledger=adopt_ledger)
        return
    from ingestd.service.installation.initialise import complete, initialise

    config = directory / DEFAULT_CONFIG
    if config_asked is not None and config_asked.resolve() != config.resolve():
        raise UsageError(f"The config will be {config}, not {config_asked}: leave --config out.")
    # Where it is the machine's installation, its ledger is the one that the daemon will use.
    config_path(config)
    written = initialise(directory, adopt=adopt_ledger)
    for path in written:
        typer.echo(f"wrote {path}")
    if adopt_ledger:
        _tell_ledgers(complete(config))
    elif not written:
        typer.echo(f"{directory} was complete already; nothing was changed.")
    _invite_first_admin(config)
    typer.echo(
        f"Next: ingestd account add ID --name NAME --timezone ZONE --key FILE.pub "
        f"--allow ADDRESS --config {config}\nThen: ingestd serve --config {config}"
    )


def _complete(config_asked: Path | None, *, adopt_ledger: bool) -> None:
    """Complete an installation that stands wherever its config says."""
    named = os.environ.get(CONFIG_VARIABLE)
    config = config_path(config_asked or (Path(named) if named else None))
    if config_asked is None and not config.exists():
        raise UsageError("Name the folder that the installation shall live in: ingestd init DIR")
    from ingestd.service.installation.initialise import complete

    _tell_ledgers(complete(config, adopt=adopt_ledger))
    _invite_first_admin(config)


def _invite_first_admin(config: Path) -> None:
    """Print how the console's first admin comes in, where nobody was let in yet."""
    from ingestd.cli.opening.installation import installation_for
    from ingestd.cli.opening.who import who_runs_this
    from ingestd.service.in_force.need import Need
    from ingestd.service.people.audit import Doer, Via
    from ingestd.service.people.letting_in import Doorkeeper

    with installation_for(Need.READING, config) as installation:
        doorkeeper = Doorkeeper(installation.database, installation.clock)
        invitation = doorkeeper.invite_first(by=Doer(name=who_runs_this(), via=Via.COMMAND))
        if invitation is not None:
            typer.echo(
                f"The console's first admin signs in as {invitation.user.name}, and chooses a "
                "password once the daemon runs, within 24 hours:\n"
                f"  {invitation.address(installation.settings)}"
            )


def _tell_ledgers(ledgers: Mapping[str, KnownLedger]) -> None:
    for shard, known in ledgers.items():
        folder = f"Its folder databases/{shard}" if shard else "The data folder"
        typer.echo(f"{folder} belongs to the ledger {known.ledger_id} ({known.place}).")


def serve(
    wait_for_config: Annotated[
        bool,
        typer.Option(
            "--wait-for-config",
            help="Tell mistakes of the config once and wait until they are mended: for containers.",
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run the daemon: SFTP, intake, health and metrics. SIGTERM stops it, SIGHUP reloads."""
    from ingestd.console.app import make_console
    from ingestd.service.daemon.supervisor import serve as run_daemon
    from ingestd.service.daemon.waiting import serve_when_sound

    path = config_path(config)
    run = serve_when_sound if wait_for_config else run_daemon
    raise typer.Exit(run(path, make_console))


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the daemon running and say how to connect.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run a throw-away school end to end: upload, verdicts, receipt, balances."""
    from ingestd.service.installation.demo import run_demo

    run_demo(say=typer.echo, complain=complain, keep=keep)
