"""Several districts whose files come to several nodes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Allowlist
from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.spool.publish import publish
from ingestd.values.identifiers import AccountId
from tests.integration.faults.promises import Sent
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import PRODUCTS, STUDENTS, Books, charges, springfield

DISTRICTS = [AccountId(name) for name in ("SPRINGFIELD", "SHELBYVILLE", "OGDENVILLE")]


def load_catalogs(database: Database, folder: Path) -> None:
    for district in DISTRICTS:
        account = replace(springfield(), account_id=district)
        books = Books(database=database, folder=folder, account=account)
        books.load(CatalogKind.PRODUCTS, PRODUCTS)
        books.load(CatalogKind.STUDENTS, STUDENTS)


def node_of_all(database: Database, folder: Path, log: list[dict[str, Any]], name: str) -> Station:
    """Return a node that serves all districts."""
    accounts = {each: replace(springfield(), account_id=each) for each in DISTRICTS}
    empty = Allowlist(everyone=(), deny=(), accounts={})
    keeper = AccessKeeper(Access(accounts=accounts, allowlist=empty))
    books = Books(database=database, folder=folder / name, node=name)
    for district in DISTRICTS:
        books.folders.create_for(district)
    return Station(books=books, log=log, keeper=keeper).signed()


@dataclass
class Post:
    """Makes files and hands them to nodes, as their doors publish them."""

    chance: random.Random

    def make(self, number: int) -> Sent:
        """Make a file with keys of its own, for any of the districts."""
        keys = tuple(f"T{number}-{row}" for row in range(self.chance.randrange(1, 5)))
        content = charges(*(f"WALLET,{key},S1,MEAL,,1.00" for key in keys))
        name = f"student_billing_{number}.csv"
        return Sent(name, content, keys, account=self.chance.choice(DISTRICTS))

    def hand_over(self, sent: Sent, stations: Sequence[Station]) -> None:
        """Publish a file at each of some nodes, whose clients are told OK."""
        for station in stations:
            arrival = replace(station.arrival(sent.content, sent.filename), account=sent.account)
            staged = station.folders.staging(sent.account) / arrival.upload_id
            staged.write_bytes(sent.content)
            publish(station.folders, staged, arrival, takes_catalogs=False)
            sent.acknowledged += 1
