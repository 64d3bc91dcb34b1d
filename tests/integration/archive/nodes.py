"""Two nodes on one database and one archive, and what may happen to them."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingestd.database.engine import Database
from ingestd.sftp.tree.incoming import AccountFiles
from ingestd.sftp.uploads.announcing import Announcing
from ingestd.spool.archive.archive import Archive
from ingestd.spool.arrivals import Arrival
from ingestd.spool.publish import publish
from tests.integration.intake.conftest import Station, open_station_on
from tests.integration.ledger.conftest import SPRINGFIELD, Books

ROW = "WALLET,T1,S1,MEAL,,1.00"


@dataclass
class Node:
    """A node: its station, whose works share an archive, and what its door does at CLOSE."""

    station: Station
    announcing: Announcing
    archive: Archive

    @property
    def files(self) -> AccountFiles:
        return AccountFiles(
            self.station.folders, SPRINGFIELD, takes_catalogs=False, shows_partials=False
        )

    def staged(self, content: bytes, name: str) -> tuple[Path, Arrival]:
        arrival = replace(
            self.station.arrival(content, name), sha256=hashlib.sha256(content).hexdigest()
        )
        path = self.station.folders.staging(SPRINGFIELD) / arrival.upload_id
        path.write_bytes(content)
        return path, arrival

    def close(self, content: bytes, name: str = "student_billing.csv") -> Arrival:
        """Do what CLOSE waits for."""
        path, arrival = self.staged(content, name)
        arrival = asyncio.run(self.announcing.announce(self.files, path, arrival))
        return publish(self.station.folders, path, arrival, takes_catalogs=False)

    def look(self) -> None:
        """Claim all that was published, as a look does once it is quiet."""
        claims = self.station.worker().claims
        account = self.station.books.account
        claims.recover(account)
        for path in sorted(self.station.incoming.iterdir()):
            claims.claim(account, path.name)

    def lose_disk(self) -> None:
        shutil.rmtree(self.station.folders.data_dir)


def node_on(
    database: Database, folder: Path, log: list[dict[str, Any]], archive: Archive, name: str
) -> Node:
    books = Books(database=database, folder=folder / name, node=name)
    books.folders.create_for(SPRINGFIELD)
    station = open_station_on(books, log)
    station.archive = archive
    announcing = Announcing(
        archive=archive,
        database=database,
        node=name,
        clock=station.clock,
        settle_seconds=1.0,
    )
    return Node(station=station, announcing=announcing, archive=archive)


def let_time_pass(database: Database) -> None:
    """Let what was announced be due, and leases run out, for whichever node."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE upload SET lease_expires_at = 0,"
            " next_try_at = CASE WHEN next_try_at > 0 THEN 1 ELSE 0 END"
        )


def posted(node: Node) -> list[str]:
    rows = node.station.books.dump("charge_key")["charge_key"]
    return sorted(str(row[1]) for row in rows)
