"""The dry run: exactly the receipt that an upload would get, and nothing stored."""

from __future__ import annotations

import stat
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.database.engine import trial
from ingestd.formats.names import CATALOG_NAMES, PAYMENT_NAMES, FormatName, format_of, names_taken
from ingestd.intake.answering.receipt import receipt_fields
from ingestd.intake.handling import handling_of
from ingestd.intake.pipeline import (
    Works,
    counts_of_posted,
    location_of,
    provenance_of,
    status_under,
)
from ingestd.intake.reading.progress import QUIET
from ingestd.intake.reading.reading import Reading, read_file, task_of
from ingestd.ledger.books.clock_check import require_clock
from ingestd.ledger.books.head import look_at_head
from ingestd.ledger.outcomes.control_totals import read_staged_totals
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.ledger.outcomes.findings import count_staged_codes, read_staged_findings
from ingestd.ledger.proof.statement import FINDINGS_MAX
from ingestd.ledger.taking.stage import Whose
from ingestd.ledger.taking.verdicts import counted
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
        trial(connection),
    ):
        reading.bring(connection)
        return _judge(works, connection, account, upload, reading)


def _judge(
    works: Works,
    connection: Connection,
    account: Account,
    upload: QueuedUpload,
    reading: Reading,
) -> tuple[FileOutcome, dict[str, object]]:
    """Return what `decide` would write, from the stage alone: nothing is written and none waits."""
    taking, totals, posted = handling_of(upload.format).taking, None, None
    head = look_at_head(connection, account.account_id)
    require_clock(connection, head, now=to_microseconds(works.clock.now()))
    if not reading.refused and taking.judge(connection, head, account):
        weight = taking.weigh(connection, head)
        posted = counted(connection, applied=weight.rows, applied_amount=weight.amount)
        if upload.format in PAYMENT_NAMES:
            totals = read_staged_totals(connection)
    codes = count_staged_codes(connection)
    rows = None if posted is None else counts_of_posted(posted)
    outcome = FileOutcome(
        account=account.account_id,
        upload_id=upload.upload_id,
        provenance=provenance_of(upload, sha256=reading.sha256, size_bytes=reading.size_bytes),
        finished_at=to_microseconds(works.clock.now()),
        status=status_under(account.policy, rows),
        rows=rows,
        applied_amount=0 if posted is None else posted.applied_amount,
        findings=sum(codes.values()),
        location=location_of(account, upload),
    )
    findings = read_staged_findings(connection, limit=FINDINGS_MAX)
    decimals = decimals_of(account.currency)
    return outcome, receipt_fields(outcome, findings, codes, decimals=decimals, batches=totals)


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
