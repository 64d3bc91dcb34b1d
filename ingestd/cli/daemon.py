"""`ingestd init`, `serve` and `demo`: making an installation, and running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestd.cli.options import CONFIG_FLAG, DEFAULT_CONFIG, ConfigOption, config_path
from ingestd.cli.output import complain
from ingestd.values.errors import UsageError


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where it shall live.")],
    # Not from the environment: INGESTD_CONFIG may name the installation that is there already.
    config_asked: Annotated[
        Path | None,
        typer.Option(CONFIG_FLAG, help=f"DIR/{DEFAULT_CONFIG}, and no other.", show_default=False),
    ] = None,
) -> None:
    """Make an installation: config files, host keys, an empty ledger. Safe to run twice."""
    from ingestd.service.initialise import initialise

    config = directory / DEFAULT_CONFIG
    if config_asked is not None and config_asked.resolve() != config.resolve():
        raise UsageError(f"The config will be {config}, not {config_asked}: leave --config out.")
    written = initialise(directory)
    for path in written:
        typer.echo(f"wrote {path}")
    if not written:
        typer.echo(f"{directory} was complete already; nothing was changed.")
    typer.echo(
        f"Next: ingestd account add ID --name NAME --timezone ZONE --key FILE.pub "
        f"--allow ADDRESS --config {config}\nThen: ingestd serve --config {config}"
    )


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
    from ingestd.service.supervisor import serve as run_daemon
    from ingestd.service.waiting import serve_when_sound

    path = config_path(config)
    raise typer.Exit(serve_when_sound(path) if wait_for_config else run_daemon(path))


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the daemon running and say how to connect.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run a throw-away school end to end: upload, verdicts, receipt, balances."""
    from ingestd.service.demo import run_demo

    run_demo(say=typer.echo, complain=complain, keep=keep)
