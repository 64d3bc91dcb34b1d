"""What the audit keeps of accounts.toml and allowlist.toml, whoever changed them by which way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.config.editing.replace import Change
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.service.districts.differences import count_changed
from ingestd.service.installation.bootstrap import open_installation, prepared_installation
from ingestd.service.people.audit import Deed, Doer, write_audit
from ingestd.values.errors import IngestdError
from ingestd.values.identifiers import AccountId

_DEEDS = {
    accounts_file.FILE_NAME: Deed.ACCOUNTS_SAVED,
    allowlist_file.FILE_NAME: Deed.ALLOWLIST_SAVED,
}


def write_saved(
    connection: Connection,
    change: Change,
    *,
    by: Doer,
    at: datetime,
    account: AccountId | None,
    detail: Mapping[str, object],
) -> None:
    """Keep that somebody saved a file, and how many lines came and went, beside `detail`."""
    name = change.path.name
    added, removed = count_changed(
        *(text.decode("utf-8-sig", "replace") for text in (change.before, change.after))
    )
    write_audit(
        connection,
        _DEEDS[name],
        doer=by,
        at=at,
        subject=name,
        account=account,
        detail={**detail, "added": added, "removed": removed},
    )


def keep_saved_by_command(
    config_path: Path, changes: Sequence[Change], *, by: Doer, account: AccountId
) -> str:
    """Keep what a command has saved in the files; return why it cannot be kept, or nothing.

    A folder that was never initialised has no audit yet. The files stay as they are saved.
    """
    try:
        if not _is_initialised(config_path):
            return ""
        with (
            prepared_installation(config_path) as installation,
            installation.database.writing() as connection,
        ):
            now = installation.clock.now()
            for change in changes:
                write_saved(connection, change, by=by, at=now, account=account, detail={})
    except IngestdError as error:
        return error.message
    return ""


def _is_initialised(config_path: Path) -> bool:
    installation = open_installation(config_path)
    installation.close()
    return installation.folders.node_id.exists()
