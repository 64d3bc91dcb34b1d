"""Upload keys: a program that sends a file again, for want of an answer, sends it once.

They lie beside the uploads and not in the database, which no door waits for. A crash between a
file's end and its key leaves the key out: then the file comes twice, and its rows are duplicates.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from ingestd.service.files.receiving import Received
from ingestd.spool.files import make_folder, storage_errors, write_durably
from ingestd.spool.folders import Folders
from ingestd.values.clock import Clock, format_instant
from ingestd.values.errors import IngestdError
from ingestd.values.identifiers import AccountId, UploadId

LIFETIME = timedelta(hours=48)
"""How long a key stands for its file; a day is promised."""

_PRUNE_STEP = timedelta(hours=1)


class KeyInUseError(IngestdError):
    """A file under the same key is on its way at this moment."""

    code = "key_in_use"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadKey:
    """A key, as a program chose it, among those of its `owner` in one account.

    The owner's name has no spaces in it.
    """

    account: AccountId
    owner: str
    key: str

    @property
    def file_name(self) -> str:
        """What its note is called: the same for the same key, and nothing of it can be read."""
        return f"{sha256(f'{self.owner} {self.key}'.encode()).hexdigest()}.json"


class UploadKeys:
    """Remembers which file each key stands for. Belongs to the daemon's loop."""

    def __init__(self, folders: Folders, clock: Clock) -> None:
        self._folders = folders
        self._clock = clock
        self._in_use: set[UploadKey] = set()
        self._pruned: dict[AccountId, datetime] = {}

    @contextlib.contextmanager
    def used(self, key: UploadKey) -> Iterator[None]:
        """Keep a key from being used twice at once. Raises KeyInUseError."""
        if key in self._in_use:
            raise KeyInUseError("A file with this key is on its way. Ask again when it has come.")
        self._in_use.add(key)
        try:
            yield
        finally:
            self._in_use.discard(key)

    def find(self, key: UploadKey) -> Received | None:
        """Return the file that a key stands for, if there is one. Raises StorageError."""
        path = self._path(key)
        with storage_errors(path):
            try:
                fields = json.loads(path.read_bytes())
            except (FileNotFoundError, ValueError):
                return None  # what no power cut leaves is no note
        if datetime.fromisoformat(fields.pop("kept_at")) + LIFETIME <= self._clock.now():
            return None
        return Received(**fields | {"upload_id": UploadId(fields["upload_id"])})

    def keep(self, key: UploadKey, received: Received) -> None:
        """Remember the file that a key stands for, durably. Raises StorageError."""
        path, now = self._path(key), self._clock.now()
        make_folder(path.parent)
        fields = asdict(received) | {"kept_at": format_instant(now)}
        write_durably(path, json.dumps(fields).encode())
        if self._pruned.get(key.account, now - _PRUNE_STEP) <= now - _PRUNE_STEP:
            self._pruned[key.account] = now
            _prune(path.parent, before=now - LIFETIME)

    def _path(self, key: UploadKey) -> Path:
        return self._folders.upload_keys(key.account) / key.file_name


def _prune(folder: Path, *, before: datetime) -> None:
    with storage_errors(folder):
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
