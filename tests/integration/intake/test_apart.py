"""A large file is judged by other processes, in stretches, and nobody can tell from the outcome."""

from __future__ import annotations

import json
import operator
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from bench._catalog import seal_catalog
from ingestd.access.accounts import FilePolicy, StudentPolicy
from ingestd.database.engine import Database
from ingestd.formats.kinds import student_billing
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rules import FileRules
from ingestd.intake.handling import KNOWN
from ingestd.intake.reading.apart import FileTask
from ingestd.intake.reading.progress import QUIET, HandedBackError, Progress
from ingestd.intake.reading.reading import Reading, read_file
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.ledger.taking.charge_files.charge_stage import ChargeStager
from ingestd.ledger.taking.stage import Whose
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, UploadId
from tests.integration.database.conftest import MakeDatabase
from tests.integration.ledger.conftest import Books, charges, open_books

ZONE = ZoneInfo("America/Chicago")
RULES = FileRules(timezone=ZONE, decimals=2, now=datetime(2026, 3, 2, tzinfo=UTC))
ROWS = 6_500  # more than 5,000 are hashed from their columns
SEALED = ("seal", "chunk", "leaf", "charge_key", "open_charge", "batch_total", "party_balance")


def content(*, rows: int = ROWS, first: str = "WALLET,T0,S1,MEAL,,") -> bytes:
    """Return a charge file of good rows, some at the catalog's price, and of every other kind."""
    lines = [
        f"LIABILITY,T{number},S{number % 5 + 1},MEAL,n {number},1.25" for number in range(1, rows)
    ]
    lines[10] = "WALLET,T11,S1,MEAL,,"
    lines[20] = "WALLET,T21,NOBODY,MEAL,,1.00"
    lines[30] = "WALLET,T31,S2,MEAL,,1.005"
    lines[40] = ""
    lines[50] = "WALLET,T51,S2,MEAL,ünï\u2028😀,1.00"
    lines[60] = "LIABILITY,T50,S2,MEAL,other,1.00"
    lines[rows - 300] = f"WALLET,t{rows - 300},S3,MEAL , padded,0.00"
    lines[rows - 200] = "LIABILITY,T7,S3,MEAL,n 7,1.25"
    lines[rows - 100] = "LIABILITY,t100,S3,MEAL,alike,3.00"
    lines[rows - 50] = "WALLET,TOO,FEW"
    lines[rows - 20] = "WALLET,T9,S5,MEAL,n 9,1.25"
    return charges(first, *lines)


def books_of(database: Database, folder: Path, *, apart: bool) -> Books:
    books = replace(open_books(database, folder), apart_bytes_min=0 if apart else 1 << 40)
    books.load(CatalogKind.PRODUCTS, [{"billing_code": "MEAL", "name": "Meal", "price": 350}])
    return books


@pytest.fixture(params=["sqlite", "postgresql"])
def twins(
    request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path: Path
) -> tuple[Books, Books]:
    """Two ledgers of a kind: files are judged here for the first, apart for the second."""
    return (
        books_of(make_database(request.param), tmp_path / "here", apart=False),
        books_of(make_database(request.param), tmp_path / "apart", apart=True),
    )


def assert_alike(here: Books, apart: Books) -> None:
    """Compare what was sealed, by its hashes, and what follows from it."""
    assert here.dump(*SEALED) == apart.dump(*SEALED)
    with apart.database.reading() as connection:
        found = verify_ledger(connection, apart.account.account_id, decimals=2)
    assert found.differences == ()


@pytest.mark.parametrize(
    ("twins", "policy"),
    [
        ("sqlite", {}),
        ("postgresql", {}),
        ("sqlite", {"students": StudentPolicy.REGISTER}),
        ("sqlite", {"file": FilePolicy.ALL_OR_NOTHING}),
    ],
    ids=["sqlite", "postgresql", "register", "all or nothing"],
    indirect=["twins"],
)
def test_charges_come_to_the_same_books(
    twins: tuple[Books, Books], policy: dict[str, object]
) -> None:
    """Every seal of a file that was cut in two is the seal of the file that was not."""
    here, apart = (books.under(**policy) for books in twins)
    later = content().replace(b"LIABILITY,T3", b"LIABILITY,U3").replace(b"n 4100,1.25", b"n,9.00")
    for file in (content(), content(), later):
        assert here.post_bytes(file) == apart.post_bytes(file)
    assert_alike(here, apart)


FEES = (
    "2026-02-01 08:10:10,14.00,M1,7,R{n},P{n},12.50,2.00,0.00,0.50\n"
    "2026-02-01,12.50,null,7,0,P{n},12.50,0.00,0.00,0.00\n"
    "2026-02-01 25:00:00,12.50,null,7,0,P{n},12.50,0.00,0.00,0.00\n"
)
SUNDRY = (
    "2026-02-01,11.00,M1,7,R{n},Gil Guest,1 Elm St,null,,Springfield,IL,62701,USA,"
    "Hall hire,HIRE,10.00,1.00,GST,{n},null,null\n"
    "2026-02-01,11.00,M1,7,null,Gïl,null,null,null,null,null,null,null,Hall,HIRE,10.00,2.00,GST"
    ",null,null,null\n"
)
REFUNDS = "T{n},,\nT{n},7,back\nT\u00a0{n},,\n"
STUDENTS = "S{n},Ann {n},P{n},enrolled\nS{n},,,left\n"


@pytest.mark.parametrize(
    ("twins", "filename", "header", "rows"),
    [
        ("sqlite", "fee_payments.csv", "", FEES),
        ("postgresql", "fee_payments.csv", "", FEES),
        ("sqlite", "sundry_payments.csv", "", SUNDRY),
        ("sqlite", "student_refunds.csv", "charge_tracking_id,tx_item_rowid,note\n", REFUNDS),
        ("sqlite", "students.csv", "student_id,name,parent_code,status\n", STUDENTS),
    ],
    ids=["fee payments", "on PostgreSQL", "sundry payments", "refunds", "students"],
    indirect=["twins"],
)
def test_files_of_every_format_come_to_the_same_books(
    twins: tuple[Books, Books], filename: str, header: str, rows: str
) -> None:
    """A provider's file of half a million payments keeps no other school waiting."""
    here, apart = (
        replace(books, account=replace(books.account, catalog_over_sftp=True)) for books in twins
    )
    file = (header + "".join(rows.format(n=number) for number in range(2_000))).encode()
    for books in (here, apart):
        know_what_payments_name(books)
        books.post(*(f"WALLET,T{number},S1,MEAL,,1.00" for number in range(0, 2_000, 3)))
    outcome = here.post_bytes(file, filename)
    assert outcome == apart.post_bytes(file, filename)
    assert outcome.rows is not None
    assert outcome.rows.total > 2_000
    assert_alike(here, apart)


@pytest.mark.parametrize(
    "file",
    [
        content() + b'WALLET,T,"never closed',
        content(first='WALLET,T0,S1,MEAL,"a ""note"", quoted",3.00'),
        content().replace(b"\n", b"\r"),
        content() + b"WALLET,T",
        content().replace(b",amount\n", b",Amount ($)\n", 1),
        content().replace(b"T6499,", b"T6499\xff,"),
        b"",
        charges("WALLET,T1,S1,MEAL,,1.00"),
        charges("WALLET,T1,S1,MEAL,,1.00", *["x" * 100_000 + ",y"] * 50),
    ],
    ids=[
        *("open quote", "quotes", "CR", "cut off", "misspelt", "encoding", "empty", "short"),
        "long lines",
    ],
)
def test_a_file_that_is_refused_or_not_cut_is_told_alike(
    make_database: MakeDatabase, tmp_path: Path, file: bytes
) -> None:
    """Where a file is judged is no business of who sent it."""
    here = books_of(make_database("sqlite"), tmp_path / "here", apart=False)
    apart = books_of(make_database("sqlite"), tmp_path / "apart", apart=True)
    assert here.post_bytes(file) == apart.post_bytes(file)
    assert here.dump("finding", "row_outcome", *SEALED) == apart.dump(
        "finding", "row_outcome", *SEALED
    )


def test_a_fault_in_that_process_is_one_line_without_its_words(
    make_database: MakeDatabase, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its words may quote a row, and the log is one event a line."""
    fails = replace(student_billing.FORMAT, make_checker=cast(Any, operator.getitem))
    file = content(first='WALLET,T0,S1,MEAL,"quoted",1.00')  # read in one stretch
    with (
        pytest.raises(StorageError, match="ended early"),
        reading(make_database("sqlite"), tmp_path, file, judged_format=fails),
    ):
        pass
    (line,) = capfd.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["during"], event["error"]) == (
        "error_escaped",
        "reading",
        "TypeError",
    )
    assert "FileRules" not in line


def test_a_process_that_is_killed_hands_the_file_back_as_an_error_of_the_world(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """The kernel picks the largest process when memory runs out; the file is tried again."""

    def kill(records: int, _bytes: int) -> None:
        if records:
            for pid in judging_processes():
                os.kill(pid, signal.SIGKILL)

    progress = Progress(report=kill, must_stop=lambda: False)
    with (
        pytest.raises(StorageError, match="ended early"),
        reading(make_database("sqlite"), tmp_path, content() * 20, progress=progress),
    ):
        pass
    assert_nothing_is_left(tmp_path)


def test_nothing_stays_behind_when_the_daemon_stops_half_way(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """A daemon that stops leaves no process that goes on reading, and no rows."""
    seen: list[int] = []
    progress = Progress(
        report=lambda records, _: seen.extend([records] * bool(judging_processes())),
        must_stop=lambda: any(seen),
    )
    with (
        pytest.raises(HandedBackError),
        reading(make_database("sqlite"), tmp_path, content() * 20, progress=progress),
    ):
        pass
    assert_nothing_is_left(tmp_path)


def test_bytes_that_change_while_they_are_read_are_not_taken(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """What is judged is what was hashed, block by block."""
    path = tmp_path / "changing.csv"
    file = content() * 20
    path.write_bytes(file)
    asked = iter(range(1_000))

    def change() -> bool:
        # Asked for the first time when the first block is hashed.
        if not next(asked):
            with path.open("r+b") as written:
                written.write(b"X")
        return False

    progress = Progress(report=lambda *_: None, must_stop=change)
    with (
        pytest.raises(StorageError, match="changed while it was read"),
        reading(make_database("sqlite"), tmp_path, None, progress=progress, path=path),
    ):
        pass


def test_a_folder_for_scratch_that_cannot_be_used_is_named(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """The operator reads which folder it is, and the file is tried again."""
    in_the_way = tmp_path / "tmp"
    in_the_way.write_bytes(b"")
    path = tmp_path / "charges.csv"
    path.write_bytes(content())
    with (
        pytest.raises(StorageError, match=str(in_the_way)),
        reading(make_database("sqlite"), in_the_way, None, path=path),
    ):
        pass


def test_what_was_judged_is_gone_afterwards(make_database: MakeDatabase, tmp_path: Path) -> None:
    """Rows of a district lie nowhere but in the ledger."""
    database = make_database("sqlite")
    with reading(database, tmp_path, content()) as read:
        assert list(tmp_path.glob("scratch-*"))
        assert [folder.is_dir() for folder in read.folders] == [True, True]
        assert {folder.stat().st_mode & 0o777 for folder in read.folders} == {0o700}
    assert not any(folder.exists() for folder in read.folders)
    assert_nothing_is_left(tmp_path)


def test_a_large_file_is_judged_by_others_without_being_asked_to(
    both: tuple[Database, Database], tmp_path: Path
) -> None:
    """A file that is large enough is posted like any other."""
    filler = "x" * 250
    rows = [f"WALLET,T{number},S{number % 5 + 1},MEAL,{filler},1.00" for number in range(34_000)]
    for number, database in enumerate(both):
        books = open_books(database, tmp_path / str(number))
        outcome = books.post(*rows)
        assert outcome.status is FileStatus.PROCESSED
        assert outcome.rows is not None
        assert (outcome.rows.applied, outcome.applied_amount) == (34_000, 3_400_000)


def know_what_payments_name(books: Books) -> None:
    account = {"account": books.account.account_id}
    with books.database.writing() as connection:
        for statement in (
            "INSERT INTO merchant (account, merchant_id, description) VALUES (:account, 'M1', '')",
            "INSERT INTO gl_account (account, gl_account, name) VALUES (:account, 'HIRE', '')",
            "INSERT INTO tax_code (account, tax_code, name) VALUES (:account, 'GST', '')",
        ):
            connection.execute(sa.text(statement), account)
    seal_catalog(books.database, books.account.account_id)


@contextmanager
def reading(
    database: Database,
    folder: Path,
    file: bytes | None,
    *,
    judged_format: JudgedFormat[Any] = student_billing.FORMAT,
    progress: Progress = QUIET,
    path: Path | None = None,
) -> Iterator[Reading]:
    """Read a file in other processes."""
    path = path or folder / "charges.csv"
    if file is not None:
        path.write_bytes(file)
    task = FileTask(
        whose=Whose(AccountId("SPRINGFIELD"), UploadId("0" * 26)),
        format=judged_format,
        known=KNOWN,
        stager=ChargeStager(zone=ZONE, received_at=0, is_copied=False),
        rules=RULES,
        is_sqlite=True,
    )
    lent = Database(database.engine, folder)
    with read_file(path, task, database=lent, progress=progress, apart_bytes_min=0) as read:
        yield read


def judging_processes() -> list[int]:
    """Return the processes of this one that judge a stretch."""
    children = [
        pid
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    return [
        int(pid)
        for pid in children
        if b"ingestd.intake.reading.stretch" in Path("/proc", pid, "cmdline").read_bytes()
    ]


def assert_nothing_is_left(folder: Path) -> None:
    assert not judging_processes()
    assert not list(folder.glob("scratch-*"))
