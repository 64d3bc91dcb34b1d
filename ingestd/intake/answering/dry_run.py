"""The dry run: exactly the receipt that an upload would get, and nothing stored."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

from ingestd.access.accounts import Account
from ingestd.database.engine import rehearsal
from ingestd.formats.names import CATALOG_NAMES, FormatName, format_of, names_taken
from ingestd.intake.answering.receipt import receipt_of
from ingestd.intake.handling import handling_of
from ingestd.intake.pipeline import Works, decide
from ingestd.intake.reading.progress import QUIET
from ingestd.intake.reading.reading import read_file, task_of
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.ledger.taking.stage import Whose
from ingestd.spool.claimed import storable_name
from ingestd.spool.files import storage_errors
from ingestd.spool.queue import QueuedUpload
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import new_upload_id
from ingestd.values.money import decimals_of


def check_file(
    works: Works, account: Account, path: Path, format_name: FormatName | None = None
) -> tuple[FileOutcome, dict[str, object]]:
    """Return the outcome and the receipt that `path` would get if it were uploaded now.

    The format comes from the file's name unless it is given. Raises UsageError when neither
    tells it, when the account does not take files of this format over SFTP, or when there is
    no such file, or a folder; StorageError and DatabaseError.
    """
    format_name = _format_to_check(account, path, format_name)
    upload = _as_if_uploaded(works, account, path, format_name)
    task = task_of(
        handling_of(format_name),
        account,
        Whose(account.account_id, upload.upload_id),
        received_at=upload.received_at,
        database=works.database,
    )
    with (
        read_file(
            path, task, database=works.database, progress=QUIET, follow_links=True
        ) as reading,
        works.database.connection() as connection,
        reading.attached(connection),
        rehearsal(connection),
    ):
        reading.bring(connection)
        # Nothing is signed that is not kept.
        unsigned = replace(works, signing=None)
        outcome = decide(unsigned, connection, account, upload, reading).outcome
        receipt = receipt_of(connection, outcome, decimals=decimals_of(account.currency))
    return outcome, receipt


def _format_to_check(account: Account, path: Path, given: FormatName | None) -> FormatName:
    format_name = given or format_of(path.name, takes_catalogs=True)
    if format_name is None:
        known = ", ".join(names_taken(takes_catalogs=account.catalog_over_sftp))
        raise UsageError(
            f"{path.name} is no recognised file name. Rename it, or give --format: {known}."
        )
    if format_name in CATALOG_NAMES and not account.catalog_over_sftp:
        # Its upload would be set aside unread, so there is no receipt of its rows to show.
        raise UsageError(
            f"Account {account.account_id} takes no catalog files over SFTP. Set "
            "catalog_over_sftp = true for it in accounts.toml, or import the file: "
            f"ingestd catalog import {format_name}"
        )
    return format_name


def _as_if_uploaded(
    works: Works, account: Account, path: Path, format_name: FormatName
) -> QueuedUpload:
    try:
        with storage_errors(path):
            status = path.stat()
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path} is a folder. Name a file in it.")
    return QueuedUpload(
        account=account.account_id,
        upload_id=new_upload_id(),
        filename=storable_name(path.name),
        format=format_name.value,
        source="folder",
        size_bytes=status.st_size,
        sha256=None,
        received_at=to_microseconds(works.clock.now()),
        peer=None,
        session_id=None,
        key_fingerprint=None,
        client_version=None,
        node=works.node,
        state="working",
        status=None,
        owner=None,
        claim_token=0,
        attempts=0,
        waits=0,
        last_error=None,
        records_done=0,
        delivered=False,
    )
