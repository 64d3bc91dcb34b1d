"""Rows of uploads, under the names that `ingestd uploads` has for them."""

from __future__ import annotations

from ingestd.intake.answering.receipt import counts_of
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.service.files.uploads import FoundUpload
from ingestd.spool.arrivals import Arrival
from ingestd.spool.queue import QueuedUpload
from ingestd.spool.upload_status import UploadStatus
from ingestd.values.clock import format_second, from_microseconds


def upload_row(upload: QueuedUpload) -> dict[str, object]:
    """Return an upload as the queue knows it."""
    return {
        "upload_id": upload.upload_id,
        "filename": upload.filename,
        "format": upload.format,
        "source": upload.source,
        "received_at": format_second(from_microseconds(upload.received_at)),
        "size_bytes": upload.size_bytes,
        "status": upload.status or upload.state,
        "records_done": upload.records_done if upload.state == "working" else None,
        "last_error": upload.last_error,
    }


def found_row(upload: FoundUpload) -> dict[str, object]:
    """Return an upload of a list, with its row counts."""
    return {
        "upload_id": upload.upload_id,
        "filename": upload.filename,
        "format": upload.format,
        "source": upload.source,
        "received_at": format_second(from_microseconds(upload.received_at)),
        "size_bytes": upload.size_bytes,
        "status": upload.state,
        "records_done": upload.records_done if upload.state == UploadStatus.WORKING else None,
        "last_error": upload.error,
        "rows": upload.rows,
        "applied": upload.applied,
        "duplicate": upload.duplicate,
        "conflict": upload.conflict,
        "rejected": upload.rejected,
    }


def note_row(note: Arrival) -> dict[str, object]:
    """Return an upload that came a moment ago, and is not in the queue yet."""
    return {
        "upload_id": note.upload_id,
        "filename": note.filename,
        "format": None,
        "source": note.source,
        "received_at": format_second(note.received_at),
        "size_bytes": note.size_bytes,
        "status": UploadStatus.WAITING.value,
        "records_done": None,
        "last_error": None,
        "sha256": note.sha256,
        "peer": note.peer,
        "sent_by": note.sent_by,
    }


def counts_row(outcome: FileOutcome | None) -> dict[str, object]:
    """Return row counts, each None as long as, or because, rows were not read."""
    rows = None if outcome is None else outcome.rows
    if rows is None:
        return dict.fromkeys(("rows", "applied", "duplicate", "conflict", "rejected"))
    counts = counts_of(rows)
    return {"rows": counts.pop("total"), **counts}
