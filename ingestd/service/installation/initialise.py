"""A new installation: config files, keys, an empty ledger; and whose ledger a folder has."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from ingestd.config.editing.examples import write_examples
from ingestd.service.evidence.ledger_key import make_ledger_key
from ingestd.service.installation.bootstrap import (
    Installation,
    lock_data_folder,
    node_of,
    open_installation,
)
from ingestd.service.installation.homes import require_homes
from ingestd.sftp.door.host_keys import load_or_create_host_keys
from ingestd.spool.files import make_folder
from ingestd.spool.known_ledger import KnownLedger

CONFIG_FILE = "ingestd.toml"


def initialise(target: Path, *, adopt: bool = False) -> list[Path]:
    """Make a new installation in `target`, or complete one; nothing that is there is changed.

    Returns the files that were written. `adopt`: see `complete`. Raises as that does.
    """
    config_folder = target / "config"
    make_folder(config_folder)
    written = list(write_examples(config_folder))
    complete(config_folder / CONFIG_FILE, adopt=adopt)
    return written


def complete(config_path: Path, *, adopt: bool = False) -> dict[str, KnownLedger]:
    """Make what an installation lacks of all that its config names; return each shard's ledger.

    With `adopt` its data folder belongs to the ledger that the database holds, or to a new one
    where there is none, whatever it knew before; no daemon may run on it meanwhile. Raises
    OtherLedgerError, StorageError, DatabaseError, and as `require_homes` does.
    """
    with closing(open_installation(config_path)) as installation:
        # The ledgers first: where one is refused, nothing else is made.
        known = {
            one.shard: _adopted(one) if adopt else one.ledger.make() for one in installation.shards
        }
        require_homes(installation.shards)
        load_or_create_host_keys(installation.folders.host_keys)
        for one in installation.shards:
            make_ledger_key(one.folders.ledger_key)
            node_of(one.folders)
    return known


def _adopted(installation: Installation) -> KnownLedger:
    lock = lock_data_folder(installation.folders)
    try:
        return installation.ledger.make(adopt=True)
    finally:
        os.close(lock)
