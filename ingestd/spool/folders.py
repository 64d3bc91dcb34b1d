"""The folders of an installation. Nobody else puts a path together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from ingestd.spool.files import PRIVATE_FOLDER_MODE, make_folder
from ingestd.values.identifiers import AccountId, UploadId

_SPOOL = "spool"
_WORK = "work"


@dataclass(frozen=True, slots=True)
class Folders:
    """The tree below `data_dir`, all on one file system so that every move is an atomic rename.

    spool/ACCOUNT/incoming    what clients see; files may also be copied here by hand
    spool/ACCOUNT/receipts    what clients fetch
    spool/ACCOUNT/arrivals    notes that the door leaves for the intake, one per upload
    work/ACCOUNT/staging      bytes while they arrive; nothing here was acknowledged
    work/ACCOUNT/partials     what arrived of an interrupted upload, kept aside
    work/ACCOUNT/claimed      files taken from incoming, one folder per upload
    work/ACCOUNT/previews     files that somebody tries in the console, for a day
    work/ACCOUNT/fetched      files of a shared archive that somebody looks into, for a day
    work/ACCOUNT/upload_keys  which upload each key of a program stands for, for two days
    archive/ACCOUNT/2026-11   files with an outcome, one folder per upload
    quarantine/ACCOUNT        files under names that nobody recognises

    Beside them lie files of the installation itself, each named by a property below. An account
    whose books another database keeps has all this in a tree of its own: `homes` says which.
    """

    data_dir: Path
    homes: Mapping[AccountId, Path] = field(default_factory=dict, hash=False)
    host_keys_dir: Path | None = None

    def database_home(self, name: str) -> Path:
        """Return the tree of a further database: its ledger's id and key, its accounts' files."""
        return self.data_dir / "databases" / name

    def home_of(self, account: AccountId) -> Path:
        """Return the tree that an account's files lie in."""
        return self.homes.get(account, self.data_dir)

    @property
    def host_keys(self) -> Path:
        """Where the server's private keys lie; it may be elsewhere, and shared by nodes."""
        return self.host_keys_dir or self.data_dir / "host_keys"

    @property
    def ledger_key(self) -> Path:
        """The key that the books are signed with; its public half lies beside it."""
        return self.data_dir / "ledger_key"

    @property
    def console_key(self) -> Path:
        """The key that the console's secrets are kept with in the database."""
        return self.data_dir / "console_key"

    @property
    def last_signed(self) -> Path:
        """The folder that says of each account what was signed last."""
        return self.data_dir / "last_signed"

    @property
    def spool(self) -> Path:
        """What the watcher watches: the folders in which something appears for somebody."""
        return self.data_dir / _SPOOL

    @property
    def work(self) -> Path:
        """What changes too often to be watched."""
        return self.data_dir / _WORK

    @property
    def node_id(self) -> Path:
        """The file that names this folder among all that share a database."""
        return self.data_dir / "node_id"

    @property
    def ledger_id(self) -> Path:
        """The file that says which ledger this folder belongs to."""
        return self.data_dir / "ledger_id"

    @property
    def embedded_ledger(self) -> Path:
        """Where the ledger lies unless the config names another database."""
        return self.data_dir / "ledger.db"

    @property
    def daemon_lock(self) -> Path:
        """The file that the daemon holds locked while it runs."""
        return self.data_dir / "daemon.lock"

    @property
    def temporary(self) -> Path:
        """Where the embedded database spills what does not fit in memory."""
        return self.data_dir / "tmp"

    def incoming(self, account: AccountId) -> Path:
        """Published files that wait to be claimed."""
        return self.home_of(account) / _SPOOL / account / "incoming"

    def receipts(self, account: AccountId) -> Path:
        """Receipts, for the account to fetch."""
        return self.home_of(account) / _SPOOL / account / "receipts"

    def staging(self, account: AccountId) -> Path:
        """Bytes while they arrive."""
        return self.home_of(account) / _WORK / account / "staging"

    def partials(self, account: AccountId) -> Path:
        """What arrived of interrupted uploads, under the client's file name."""
        return self.home_of(account) / _WORK / account / "partials"

    def arrivals(self, account: AccountId) -> Path:
        """The door's notes to the intake."""
        return self.home_of(account) / _SPOOL / account / "arrivals"

    def claimed(self, account: AccountId) -> Path:
        """Files taken from incoming, as `UPLOAD_ID/file name`."""
        return self.home_of(account) / _WORK / account / "claimed"

    def previews(self, account: AccountId) -> Path:
        """Files that somebody tries before they are queued: for nobody but the daemon."""
        return self.home_of(account) / _WORK / account / "previews"

    def fetched(self, account: AccountId) -> Path:
        """Files that somebody looks into, fetched from a shared archive: nobody but the daemon."""
        return self.home_of(account) / _WORK / account / "fetched"

    def upload_keys(self, account: AccountId) -> Path:
        """Notes of which upload each key of a program stands for."""
        return self.home_of(account) / _WORK / account / "upload_keys"

    def archive(self, account: AccountId, upload_id: UploadId, received_at: datetime) -> Path:
        """The folder that keeps one processed upload, filed under the month it arrived in."""
        return self.home_of(account) / "archive" / account / f"{received_at:%Y-%m}" / upload_id

    def quarantine(self, account: AccountId, upload_id: UploadId) -> Path:
        """The folder that keeps one file that nobody recognised."""
        return self.home_of(account) / "quarantine" / account / upload_id

    def create_for(self, account: AccountId) -> None:
        """Make an account's folders where they are missing, mode 0750. Raises StorageError.

        Those of previews and of fetched files have mode 0700.
        """
        *open_folders, previews, fetched = self._folders_of(account)
        for folder in open_folders:
            make_folder(folder)
        for private in (previews, fetched):
            make_folder(private, mode=PRIVATE_FOLDER_MODE)

    def exist_for(self, account: AccountId) -> bool:
        """Tell whether `create_for` would find all of an account's folders."""
        return all(map(os.path.isdir, _paths_of(self, account)))

    def _folders_of(self, account: AccountId) -> tuple[Path, ...]:
        return (
            self.incoming(account),
            self.receipts(account),
            self.staging(account),
            self.partials(account),
            self.arrivals(account),
            self.claimed(account),
            self.previews(account),
            self.fetched(account),
        )

    def accounts(self) -> list[AccountId]:
        """Return every account that has folders, sorted, whether it is still configured or not."""
        found: set[AccountId] = set()
        for home in {self.data_dir, *self.homes.values()}:
            with (
                contextlib.suppress(FileNotFoundError),
                os.scandir(home / _SPOOL) as entries,
            ):
                found |= {
                    AccountId(entry.name)
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                }
        return sorted(found)


@lru_cache(maxsize=1024)
def _paths_of(folders: Folders, account: AccountId) -> tuple[str, ...]:
    """Return where an account's folders are: asked at each channel, and put together once."""
    return tuple(map(str, folders._folders_of(account)))  # noqa: SLF001 - of this module
