"""How far an upload can be, as commands and the API name it."""

from __future__ import annotations

from enum import StrEnum


class UploadStatus(StrEnum):
    """How far an upload is: a state of the queue, or the status of its receipt."""

    WAITING = "waiting"
    WORKING = "working"
    FAILED = "failed"
    PROCESSED = "processed"
    PROCESSED_WITH_FINDINGS = "processed_with_findings"
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"
