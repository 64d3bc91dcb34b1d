"""Uploads to where no file can lie, or under a name that none can have: words, and the log.

OpenSSH, PuTTY, curl and rclone show "Permission denied" and no more of what they are told, so
that the operator must be able to see what a district tries.
"""

from __future__ import annotations

import asyncssh
from structlog.stdlib import BoundLogger

from ingestd.formats.findings.codes import shorten
from ingestd.sftp.tree.places import BadName, File, Place
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId

# A mirror of a thousand folders fails a thousand times for one reason.
LINES_A_SESSION_MAX = 20


class Misplaced:
    """What one session tried to put where it cannot be; of many tries, the log has the first."""

    def __init__(self, account: AccountId, log: BoundLogger, metrics: Metrics) -> None:
        self._account = account
        self._log = log
        self._metrics = metrics
        self._lines = 0

    def refusal_of_upload(
        self, path: bytes, place: Place | BadName | None, *, request: str
    ) -> asyncssh.SFTPError:
        """Note what would have put a file at `path`, and return what its client hears."""
        if isinstance(place, BadName):
            self._metrics.uploads.labels(outcome="refused").inc()
            self._tell(Event.UPLOAD_REFUSED, path, reason=place.trouble.value, bytes=0)
            return asyncssh.SFTPPermissionDenied(place.trouble.words)
        self._metrics.uploads.labels(outcome="misplaced").inc()
        self._tell(Event.UPLOAD_MISPLACED, path, request=request)
        if place is None:
            return asyncssh.SFTPPermissionDenied(self._remedy)
        if isinstance(place, File):
            return asyncssh.SFTPPermissionDenied(f"receipts are read only; {self._remedy}")
        return asyncssh.SFTPFileIsADirectory(f"is a folder; {self._remedy}")

    def refusal_of_folder(self, path: bytes) -> asyncssh.SFTPError:
        """Note a folder that would have been made for files, and return what its client hears."""
        self._metrics.uploads.labels(outcome="misplaced").inc()
        self._tell(Event.UPLOAD_MISPLACED, path.rstrip(b"/") + b"/", request="mkdir")
        return asyncssh.SFTPPermissionDenied(f"folders cannot be made here; {self._remedy}")

    @property
    def _remedy(self) -> str:
        return f"files go to /{self._account}/incoming/"

    def _tell(self, event: Event, path: bytes, **fields: object) -> None:
        if self._lines >= LINES_A_SESSION_MAX:
            return
        self._lines += 1
        folder, _, filename = path.rpartition(b"/")
        self._log.warning(
            event,
            filename=_shown(filename),
            folder=_shown(folder or b"/"),
            last_told=self._lines == LINES_A_SESSION_MAX,
            **fields,
        )


def _shown(text: bytes) -> str:
    """Return what a client said as one short line that cannot pass for anything else."""
    decoded = text.decode("utf-8", "backslashreplace")
    return shorten("".join(char if char.isprintable() else ascii(char)[1:-1] for char in decoded))
