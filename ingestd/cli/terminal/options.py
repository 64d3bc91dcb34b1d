"""Options that several commands share, so that each is spelled and explained once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ingestd.config.files.place import DEFAULT_CONFIG, SYSTEM_FILE, find_config


class Output(StrEnum):
    """How a command prints its rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


CONFIG_FLAG = "--config"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        CONFIG_FLAG,
        envvar="INGESTD_CONFIG",
        help=f"The main config file. Default: {DEFAULT_CONFIG}, else what {SYSTEM_FILE} names.",
        show_default=False,
    ),
]
AccountOption = Annotated[str, typer.Option("--account", help="The account's ID.")]
OutputOption = Annotated[Output, typer.Option("--output", help="How to print.")]
WideOption = Annotated[
    bool, typer.Option("--wide", help="Show all columns of a table, however wide it gets.")
]


def config_path(option: Path | None) -> Path:
    """Return the config file that a command works with, in the environment that belongs to it.

    Raises ConfigError where `find_config` does.
    """
    return find_config(option)
