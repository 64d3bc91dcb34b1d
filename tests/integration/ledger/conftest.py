"""A district's books, filled through the same journey that an uploaded file takes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy, Policy, StudentPolicy
from ingestd.database.engine import Database
from ingestd.database.scratch import HeldRows, attached, bring
from ingestd.formats.checking import RowBatch
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.names import format_of
from ingestd.formats.rows.catalog import CatalogRow
from ingestd.intake.answering.delivery import deliver
from ingestd.intake.pipeline import Works, process
from ingestd.intake.reading.progress import Progress
from ingestd.intake.reading.reading import APART_BYTES_MIN
from ingestd.ledger.books.batches import open_batch
from ingestd.ledger.books.head import lock_head
from ingestd.ledger.evidence.seals import Seal, seal
from ingestd.ledger.evidence.signing import Signing
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.ledger.taking.catalog import (
    CatalogStager,
    Imported,
    count_staged_news,
    judge_staged_catalog,
    post_staged_catalog,
)
from ingestd.ledger.taking.stage import Whose
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.report import Question, Report, Row
from ingestd.service.evidence.signed_trees import SignedTreeFiles
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueuedUpload, QueueEntry, enqueue, find_upload, lease_next
from ingestd.values.clock import EPOCH, to_microseconds
from ingestd.values.days import Day
from ingestd.values.identifiers import AccountId, UploadId, new_upload_id
from tests.integration.database.conftest import (
    both,
    database,
    make_database,
    server,
    sqlite_pattern,
)

__all__ = ["both", "database", "make_database", "server", "sqlite_pattern"]

SPRINGFIELD = AccountId("SPRINGFIELD")
NODE = "node-a"
SEED = bytes(range(32))
HEADER = "account_type,charge_tracking_id,student_id,billing_code,note,amount"
FACTS = ("party", "charge", "posting", "seal", "seal_head", "file_outcome", "row_outcome")
TABLES = (*FACTS, "finding", "upload", "student", "product", "product_price", "parent")
QUIET = Progress(report=lambda *_: None, must_stop=lambda: False)


CatalogEntry = Mapping[str, str | int | None]


class FakeClock:
    """A clock that goes on one second each time it is asked, so that answers are the same."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 18, tzinfo=UTC)) -> None:
        self.instant = start

    def now(self) -> datetime:
        self.instant += timedelta(seconds=1)
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()


def springfield(
    *,
    file: FilePolicy = FilePolicy.PARTIAL,
    students: StudentPolicy = StudentPolicy.ROSTER,
    currency: str = "USD",
) -> Account:
    return Account(
        account_id=SPRINGFIELD,
        name="Springfield",
        timezone=ZoneInfo("America/Chicago"),
        currency=currency,
        policy=Policy(file=file, students=students),
    )


def charges(*rows: str, header: str = HEADER) -> bytes:
    """Return a charge file of these rows."""
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def take_catalog(
    database: Database,
    account: AccountId,
    kind: CatalogKind,
    entries: Iterable[CatalogEntry],
    *,
    at: datetime = EPOCH,
) -> Imported:
    """Bring entries into force as a file with just their columns does, in a batch of their own.

    Unless it is said `at` which instant, nothing that the books know is older than the catalog.
    """
    entries = list(entries)
    given = frozenset(column for entry in entries for column in entry)
    names = CATALOG_FORMATS[kind].file.column_names
    rows = [
        CatalogRow(row, row, tuple(entry.get(name) for name in names), given)
        for row, entry in enumerate(entries, start=2)
    ]
    held, stager = HeldRows(), CatalogStager(kind)
    stager.add(held, RowBatch(rows=rows, records=len(rows)))
    stager.finish(held, whose=Whose(account, new_upload_id()), records=len(rows))
    with database.connection() as connection, attached(connection, stager.tables, ()):

        def take() -> Imported:
            bring(connection, stager.tables, (), held)
            head = lock_head(connection, account)
            batch = open_batch(head, event="catalog", now=to_microseconds(at))
            judge_staged_catalog(connection, head, kind, all_or_nothing=False)
            imported = count_staged_news(connection, head, kind)
            post_staged_catalog(connection, head, batch, kind, day=Day.of(at.date()))
            if imported.added or imported.changed:
                seal(connection, head, batch)
            return imported

        return database.transact(connection, take)


@dataclass
class Books:
    """One account's ledger, and files on their way into it."""

    database: Database
    folder: Path
    account: Account = field(default_factory=springfield)
    clock: FakeClock = field(default_factory=FakeClock)
    node: str = NODE
    signing: Signing | None = None
    apart_bytes_min: int = APART_BYTES_MIN
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def works(self) -> Works:
        return Works(
            database=self.database,
            clock=self.clock,
            node=self.node,
            signing=self.signing,
            apart_bytes_min=self.apart_bytes_min,
        )

    @property
    def folders(self) -> Folders:
        return Folders(self.folder)

    def signed(self, *seeds: bytes, for_witness: bool = False) -> Books:
        """Return the same books, whose batches are signed from now on."""
        signing = Signing(
            name="ledger.example",
            seeds=seeds or (SEED,),
            signed_trees=SignedTreeFiles(self.folders.last_signed),
            for_witness=for_witness,
        )
        return replace(self, signing=signing)

    def under(self, **policy: object) -> Books:
        """Return the same books under another policy."""
        changed = replace(self.account.policy, **policy)  # type: ignore[arg-type]
        return replace(self, account=replace(self.account, policy=changed))

    def load(
        self, kind: CatalogKind, entries: Iterable[CatalogEntry], *, at: datetime = EPOCH
    ) -> Imported:
        return take_catalog(self.database, self.account.account_id, kind, entries, at=at)

    def queue(self, content: bytes, filename: str = "student_billing.csv") -> UploadId:
        """Put a file into the claimed folder and the queue, as the intake does."""
        upload_id = UploadId(f"{next(self._numbers):026}")
        home = self.folders.claimed(self.account.account_id) / upload_id
        home.mkdir(parents=True)
        (home / filename).write_bytes(content)
        entry = QueueEntry(
            account=self.account.account_id,
            upload_id=upload_id,
            filename=filename,
            format=format_of(filename, takes_catalogs=self.account.catalog_over_sftp),
            source="folder",
            size_bytes=len(content),
            sha256=None,
            received_at=to_microseconds(self.clock.now()),
            node=self.node,
        )
        with self.database.writing() as connection:
            enqueue(connection, entry)
        return upload_id

    def lease(self) -> QueuedUpload | None:
        with self.database.writing() as connection:
            now = to_microseconds(self.clock.now())
            return lease_next(connection, node=self.node, owner=self.node, now=now)

    def process(self, upload: QueuedUpload, progress: Progress = QUIET) -> tuple[FileOutcome, Seal]:
        path = self.folders.claimed(upload.account) / upload.upload_id / upload.filename
        decided = process(self.works, self.account, upload, path, progress)
        return decided.outcome, decided.seal

    def post(self, *rows: str, header: str = HEADER) -> FileOutcome:
        """Send a charge file through its whole journey; return its outcome."""
        return self.post_bytes(charges(*rows, header=header))

    def post_bytes(self, content: bytes, filename: str = "student_billing.csv") -> FileOutcome:
        upload_id = self.queue(content, filename)
        upload = self.lease()
        assert upload is not None
        assert upload.upload_id == upload_id
        return self.process(upload)[0]

    def deliver(self, upload_id: UploadId) -> None:
        upload = self.upload(upload_id)
        deliver(self.database, self.folders, upload, decimals=2, signing=self.signing)

    def upload(self, upload_id: UploadId) -> QueuedUpload:
        with self.database.reading() as connection:
            upload = find_upload(connection, self.account.account_id, upload_id)
        assert upload is not None
        return upload

    def receipts(self) -> dict[str, bytes]:
        folder = self.folders.receipts(self.account.account_id)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def report(
        self, ask: Callable[[Connection, Question], Report], **changes: object
    ) -> dict[str, object]:
        """Return a report's JSON answer, read on two connections; `changes` narrow the question."""
        with self.database.reading_twice() as (connection, beside):
            assert beside is not None, "nobody writes"
            return self._answer(connection, ask, changes)

    def report_alone(
        self, ask: Callable[[Connection, Question], Report], **changes: object
    ) -> dict[str, object]:
        """Return the same, read on one connection."""
        with self.database.reading() as connection:
            return self._answer(connection, ask, changes)

    def _answer(
        self,
        connection: Connection,
        ask: Callable[[Connection, Question], Report],
        changes: Mapping[str, object],
    ) -> dict[str, object]:
        question = Question(
            account=self.account.account_id,
            as_of=datetime(2099, 1, 1, tzinfo=UTC).date(),
            as_known=datetime(2099, 1, 1, tzinfo=UTC),
            decimals=2,
            zone=self.account.timezone,
        )
        report = ask(connection, replace(question, **changes))  # type: ignore[arg-type]
        rows = list(report.rows)
        answer = report.heading() | {"rows": rows, "totals": report.totals}
        answer["identities"] = report.identities
        return dict(json.loads(json.dumps(answer)))

    def items(self, **changes: object) -> list[Row]:
        rows = self.report(report_items, **changes)["rows"]
        assert isinstance(rows, list)
        return rows

    def balances(self, **changes: object) -> dict[tuple[str, str], str]:
        rows = self.report(report_balances, **changes)["rows"]
        assert isinstance(rows, list)
        return {(row["party"], row["account_type"]): row["balance"] for row in rows}

    def dump(self, *tables: str) -> dict[str, list[tuple[object, ...]]]:
        """Return every row of tables, in the order of their first columns."""
        with self.database.reading() as connection:
            return {table: rows_of(connection, table) for table in tables or TABLES}


def rows_of(connection: Connection, table: str) -> list[tuple[object, ...]]:
    rows = connection.execute(sa.text(f"SELECT * FROM {table}")).all()
    return sorted((tuple(row) for row in rows), key=repr)


PRODUCTS: list[CatalogEntry] = [
    {"billing_code": "MEAL", "price": 325},
    {"billing_code": "LOST_BOOK", "price": 1850},
    {"billing_code": "FREE", "price": 0},
    {"billing_code": "UNPRICED", "price": None},
    {"billing_code": "FEE", "price": 500, "valid_from": "2025-09-01"},
    {"billing_code": "FEE", "price": 700, "valid_from": "2026-03-02"},
]
STUDENTS: list[CatalogEntry] = [{"student_id": f"S{number}"} for number in range(1, 6)]


def open_books(database: Database, folder: Path, **changes: object) -> Books:
    """Return an account's books with a small catalog."""
    books = Books(database=database, folder=folder, **changes)  # type: ignore[arg-type]
    books.folders.create_for(books.account.account_id)
    books.load(CatalogKind.PRODUCTS, PRODUCTS)
    books.load(CatalogKind.STUDENTS, STUDENTS)
    return books


@pytest.fixture
def books(database: Database, tmp_path: Path) -> Books:
    """Springfield's books, on either database."""
    return open_books(database, tmp_path / "data")


@pytest.fixture
def both_books(both: tuple[Database, Database], tmp_path: Path) -> tuple[Books, Books]:
    """The same books on SQLite and on PostgreSQL."""
    return open_books(both[0], tmp_path / "sqlite"), open_books(both[1], tmp_path / "postgresql")


@contextmanager
def statements_counted(database: Database, fail_at: int | None = None) -> Iterator[list[str]]:
    """Note every statement that is sent; raise at the `fail_at`-th, as if the power failed."""
    sent: list[str] = []

    def before(*event: object) -> None:
        sent.append(str(event[2]))
        if len(sent) == fail_at:
            raise PowerCutError

    sa.event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield sent
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", before)


class PowerCutError(Exception):
    """The world ended at this statement."""
