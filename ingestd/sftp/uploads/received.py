"""A short memory of what was received: clients ask about a file after it was claimed.

paramiko compares the size after CLOSE, WinSCP sets the time, others remove and rename. The
file may be claimed, even processed, by then; the answer is still "yes, it is here".
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.values.clock import Clock
from ingestd.values.identifiers import AccountId, UploadId

_KEEP_SECONDS = 600.0
_FILES_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """One file that was received whole under this name."""

    upload_id: UploadId
    size_bytes: int
    received_at: float
    noted: float


class ReceivedMemory:
    """Received files by account and name, for ten minutes each, the newest per name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[tuple[AccountId, str], ReceivedFile] = {}

    def note(self, account: AccountId, filename: str, upload_id: UploadId, size_bytes: int) -> None:
        """Remember a file; older ones make room."""
        key = (account, filename)
        self._files.pop(key, None)
        self._files[key] = ReceivedFile(
            upload_id=upload_id,
            size_bytes=size_bytes,
            received_at=self._clock.now().timestamp(),
            noted=self._clock.monotonic(),
        )
        while len(self._files) > _FILES_MAX:
            del self._files[next(iter(self._files))]

    def find(self, account: AccountId, filename: str) -> ReceivedFile | None:
        """Return what was received under this name a short while ago, or None."""
        found = self._files.get((account, filename))
        if found is None:
            return None
        if self._clock.monotonic() - found.noted > _KEEP_SECONDS:
            del self._files[(account, filename)]
            return None
        return found

    def rename(self, account: AccountId, old: str, new: str) -> None:
        """Follow a client's rename."""
        found = self._files.pop((account, old), None)
        if found is not None:
            self._files[(account, new)] = found

    def forget_before(self, account: AccountId, filename: str, moment: float) -> None:
        """Forget what was received before `moment` of the monotonic clock: it was sent again."""
        found = self._files.get((account, filename))
        if found is not None and found.noted < moment:
            del self._files[(account, filename)]

    def forget(self, account: AccountId, filename: str) -> None:
        """Forget a file that its client withdrew."""
        self._files.pop((account, filename), None)
