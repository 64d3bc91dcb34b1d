"""The folders of an installation. Nobody else puts a path together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestd.spool.files import PRIVATE_FOLDER_MODE, make_folder
from ingestd.values.identifiers import AccountId, UploadId


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

    Beside them lie files of the installation itself, each named by a property below.
    """

    data_dir: Path
    host_keys_dir: Path | None = None

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
        return self.data_dir / "spool"

    @property
    def work(self) -> Path:
        """What changes too often to be watched."""
        return self.data_dir / "work"

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
        return self.spool / account / "incoming"

    def receipts(self, account: AccountId) -> Path:
        """Receipts, for the account to fetch."""
        return self.spool / account / "receipts"

    def staging(self, account: AccountId) -> Path:
        """Bytes while they arrive."""
        return self.work / account / "staging"

    def partials(self, account: AccountId) -> Path:
        """What arrived of interrupted uploads, under the client's file name."""
        return self.work / account / "partials"

    def arrivals(self, account: AccountId) -> Path:
        """The door's notes to the intake."""
        return self.spool / account / "arrivals"

    def claimed(self, account: AccountId) -> Path:
        """Files taken from incoming, as `UPLOAD_ID/file name`."""
        return self.work / account / "claimed"

    def previews(self, account: AccountId) -> Path:
        """Files that somebody tries before they are queued: for nobody but the daemon."""
        return self.work / account / "previews"

    def fetched(self, account: AccountId) -> Path:
        """Files that somebody looks into, fetched from a shared archive: nobody but the daemon."""
        return self.work / account / "fetched"

    def upload_keys(self, account: AccountId) -> Path:
        """Notes of which upload each key of a program stands for."""
        return self.work / account / "upload_keys"

    def archive(self, account: AccountId, upload_id: UploadId, received_at: datetime) -> Path:
        """The folder that keeps one processed upload, filed under the month it arrived in."""
        return self.data_dir / "archive" / account / f"{received_at:%Y-%m}" / upload_id

    def quarantine(self, account: AccountId, upload_id: UploadId) -> Path:
        """The folder that keeps one file that nobody recognised."""
        return self.data_dir / "quarantine" / account / upload_id

    def create_for(self, account: AccountId) -> None:
        """Make an account's folders where they are missing, mode 0750. Raises StorageError.

        Those of previews and of fetched files have mode 0700.
        """
        for folder in (
            self.incoming(account),
            self.receipts(account),
            self.staging(account),
            self.partials(account),
            self.arrivals(account),
            self.claimed(account),
        ):
            make_folder(folder)
        for private in (self.previews(account), self.fetched(account)):
            make_folder(private, mode=PRIVATE_FOLDER_MODE)

    def accounts(self) -> list[AccountId]:
        """Return every account that has folders, sorted, whether it is still configured or not."""
        try:
            with os.scandir(self.spool) as entries:
                return sorted(
                    AccountId(entry.name)
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                )
        except FileNotFoundError:
            return []
