"""What has to hold in the end, whatever happened: each upload once, its receipt, its bytes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.spool.archive.archive import Archive
from ingestd.values.identifiers import AccountId
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import SPRINGFIELD

PEER = "203.0.113.7"
INTERRUPTED = "interrupted"
"""The status of an upload whose client was told of a failure: its receipt says what to do."""


@dataclass
class Sent:
    """A file that a client sends until it is told OK: `unanswered` says how often it was not."""

    filename: str
    content: bytes
    keys: tuple[str, ...]
    account: AccountId = SPRINGFIELD
    acknowledged: int = 0
    unanswered: int = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def rows_of(database: Database, statement: str, **values: object) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.text(statement), values).mappings()]


def is_idle(database: Database) -> bool:
    """Tell whether nothing waits in the queue, and everything is delivered."""
    return not rows_of(
        database, "SELECT upload_id FROM upload WHERE state <> 'done' OR delivered = 0"
    )


def require_kept(stations: Sequence[Station], sent: Sequence[Sent]) -> None:
    """See that everything that was acknowledged is applied, everything once, and nothing waits."""
    database = stations[0].books.database
    uploads = rows_of(database, "SELECT * FROM upload ORDER BY upload_id")
    by_file: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for upload in uploads:
        assert (upload["state"], upload["delivered"]) == ("done", 1), upload
        assert upload["attempts"] == 0, upload
        assert (upload["source"], upload["peer"]) == ("sftp", PEER), upload
        if upload["status"] == INTERRUPTED:
            continue
        assert upload["status"] in ("processed", "processed_with_findings"), upload
        by_file[upload["account"], _hash_read(database, upload)].append(upload)
    keys: Counter[tuple[str, str]] = Counter()
    receipts = _receipts(stations)
    for each in sent:
        found = by_file.pop((each.account, each.sha256), [])
        assert each.acknowledged <= len(found) <= each.acknowledged + each.unanswered, each
        applied = [receipts[upload["upload_id"]]["rows"]["applied"] for upload in found]
        assert sum(applied) == (len(each.keys) if found else 0), each
        if found:
            keys.update((each.account, key) for key in each.keys)
    assert not by_file, "nobody sent these"
    told = [upload for upload in uploads if upload["status"] == INTERRUPTED]
    assert len(told) <= sum(each.unanswered for each in sent)
    charged = rows_of(database, "SELECT account, tracking_id FROM charge")
    assert Counter((row["account"], row["tracking_id"]) for row in charged) == keys
    _require_one_batch_each(database, uploads)
    assert sorted(receipts) == sorted(upload["upload_id"] for upload in uploads)
    _require_archived(stations, database, uploads)
    for station in stations:
        _require_nothing_waits(station)
    for account in {AccountId(upload["account"]) for upload in uploads}:
        with database.reading() as connection:
            verified = verify_ledger(connection, account, decimals=2)
        assert verified.holds, verified.differences


def _hash_read(database: Database, upload: dict[str, Any]) -> str:
    [outcome] = rows_of(
        database,
        "SELECT sha256 FROM file_outcome WHERE account = :account AND upload_id = :upload_id",
        account=upload["account"],
        upload_id=upload["upload_id"],
    )
    assert upload["sha256"] in (None, outcome["sha256"])
    return str(outcome["sha256"])


def _require_one_batch_each(database: Database, uploads: Sequence[dict[str, Any]]) -> None:
    batches = rows_of(database, "SELECT account, upload_id FROM seal WHERE event = 'upload'")
    expected = sorted((upload["account"], upload["upload_id"]) for upload in uploads)
    assert sorted((batch["account"], batch["upload_id"]) for batch in batches) == expected


def _receipts(stations: Sequence[Station]) -> dict[str, dict[str, Any]]:
    """Return the JSON receipt of each upload; of two nodes' that have it both say the same."""
    found: dict[str, dict[str, Any]] = {}
    for station in stations:
        for path in station.folders.spool.glob("*/receipts/*.json"):
            receipt = json.loads(path.read_bytes())
            upload_id = receipt["upload_id"]
            assert path.name.split(".")[-2] == upload_id
            assert found.setdefault(upload_id, receipt) == receipt
    return found


def _require_archived(
    stations: Sequence[Station], database: Database, uploads: Sequence[dict[str, Any]]
) -> None:
    kept: Counter[str] = Counter()
    for station in stations:
        for path in station.folders.data_dir.glob("archive/*/*/*/*.csv"):
            upload_id = path.parent.name
            kept[upload_id] += 1
            [upload] = [each for each in uploads if each["upload_id"] == upload_id]
            assert _hash_of(path) == _hash_read(database, upload)
    for upload in uploads:
        if upload["status"] == INTERRUPTED:
            continue
        if upload["archived"]:
            require_blob(stations[0].archive, AccountId(upload["account"]), upload["sha256"])
        assert kept[upload["upload_id"]] == (0 if upload["archived"] else 1), upload


def require_blob(archive: Archive, account: AccountId, sha256: str) -> None:
    """See that an archive has the right bytes under a hash."""
    with tempfile.TemporaryDirectory() as folder:
        archive.fetch(account, sha256, Path(folder) / "blob")  # which holds it to its hash


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _require_nothing_waits(station: Station) -> None:
    folders = station.folders
    for name in ("spool/*/incoming", "work/*/claimed", "work/*/staging"):
        for folder in folders.data_dir.glob(name):
            assert sorted(folder.rglob("*")) == []
