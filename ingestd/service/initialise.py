"""A new installation: config files, host keys, an empty ledger."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ingestd.config.examples import write_examples
from ingestd.database import schema
from ingestd.service.bootstrap import node_of, open_installation
from ingestd.sftp.host_keys import load_or_create_host_keys
from ingestd.spool.files import make_folder

CONFIG_FILE = "ingestd.toml"


def initialise(target: Path) -> list[Path]:
    """Make a new installation in `target`, or complete one; nothing that is there is changed.

    Returns the files that were written. Raises StorageError or DatabaseError.
    """
    config_folder = target / "config"
    make_folder(config_folder)
    written = list(write_examples(config_folder))
    with closing(open_installation(config_folder / CONFIG_FILE)) as installation:
        schema.upgrade(installation.database)
        load_or_create_host_keys(installation.folders.host_keys)
        node_of(installation.folders.data_dir)
    return written
