"""The road of a file behind the console: claimed, processed and delivered when a test says so."""

from __future__ import annotations

import os
from pathlib import Path

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.intake.looking.claim import Claims
from ingestd.intake.work.space import SpaceWatch
from ingestd.intake.work.worker import Worker
from ingestd.ledger.entries.author import Author, Command
from ingestd.service.office.catalog import import_file
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId
from tests.integration.console.conftest import SPRINGFIELD, Answer, Console, Visitor


def process(console: Console, account: AccountId = SPRINGFIELD) -> None:
    """Take all that waits in an account's `incoming/`, and process whatever is queued."""
    installation = console.installation.shard_of(account)
    folders, works = installation.folders, installation.works()
    claims = Claims(works=works, folders=folders, temporary_hours=24, temporary_max=1000)
    configured = console.keeper.current.accounts[account]
    claims.queue_interrupted(configured)
    claims.recover(configured)
    incoming = folders.incoming(account)
    for name in sorted(os.listdir(incoming)):
        assert claims.claim(configured, name)
    metrics = Metrics()
    worker = Worker(
        works=works,
        folders=folders,
        keeper=console.keeper,
        claims=claims,
        metrics=metrics,
        space=SpaceWatch(console.clock, metrics.disk_full),
    )
    while worker.run_next():
        pass


HEADER = "account_type,charge_tracking_id,student_id,billing_code,note,amount"
CATALOG = {
    CatalogKind.STUDENTS: "student_id,name,parent_code,status\nS1,Ann Lee,COLL001,enrolled\n",
    CatalogKind.PRODUCTS: "billing_code,name,price\nMEAL,Lunch,2.50\n",
    CatalogKind.PARENTS: "parent_code,name\nCOLL001,Mary Lee\n",
    CatalogKind.MERCHANTS: "merchant_id,description,settle\nABCDE371,Bank,on_confirm\n",
}


def charges(*rows: str) -> bytes:
    """Return a charge file of these rows."""
    return "".join(f"{line}\n" for line in (HEADER, *rows)).encode()


def take_catalog(
    console: Console, folder: Path, account: AccountId = SPRINGFIELD, **other: str
) -> None:
    """Take what files refer to; `other` is added to the catalog's file of a kind."""
    author = Author(command=Command.CATALOG_IMPORT, entered_by="test")
    for kind, content in CATALOG.items():
        path = folder / f"{kind}.csv"
        path.write_text(content + other.get(kind.value, ""))
        configured = console.keeper.current.accounts[account]
        shard = console.installation.shard_of(account)
        result = import_file(shard, configured, kind, path, author=author)
        assert not result.findings


async def drop(
    visitor: Visitor, path: str, content: bytes, filename: str = "export.csv", **fields: str
) -> Answer:
    """Send a form with a file in it, as a browser does."""
    boundary = "----boundary7MA4"
    written = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    told = f'form-data; name="file"; filename="{filename}"'
    written += f"--{boundary}\r\nContent-Disposition: {told}\r\n".encode("utf-8", "surrogatepass")
    written += b"Content-Type: text/csv\r\n\r\n" + content + f"\r\n--{boundary}--\r\n".encode()
    return await visitor.post_form(path, written, boundary)
