"""The connection is lost at every statement of signed books, and they end as without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.access.accounts import AnonymousPolicy
from ingestd.database.engine import Database
from ingestd.ledger.audit.against import hold_against, read_outside
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.evidence.tree_log import read_signed_tree
from ingestd.ledger.proof.note import Signer, VerifierKey
from ingestd.shipped import receipt_verify
from ingestd.spool.queue import release_leases, retry
from ingestd.values.errors import DatabaseError
from ingestd.values.identifiers import UploadId
from tests.integration.database.conftest import KINDS, MakeDatabase
from tests.integration.ledger.conftest import NODE, SEED, FakeClock, PowerCutError
from tests.integration.office.conftest import CHARGE_HEADER, TODAY
from tests.integration.payments.conftest import (
    FEES,
    PaymentOffice,
    fee_row,
    open_payment_office,
)

ORIGIN = "ledger.example/SPRINGFIELD"
MOMENTS_MAX = 200
# The queue says how often a file was tried, and the ledger's id is each database's own.
UNLIKE = {"upload", "ledger", "alembic_version"}

CHARGES = (
    "LIABILITY,C1,S1,LOST_BOOK,18.50,2026-02-01",
    "LIABILITY,C2,S2,PROM,,2026-02-02",
    "WALLET,C3,S1,MEAL,3.25,2026-02-03",
    "LIABILITY,C4,S3,LATE_FEE,,2026-02-04",
    "LIABILITY,C5,S3,LATE_FEE,,2026-02-05",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with something of every kind in it, and how many of its rows are what."""

    name: str
    lines: tuple[str, ...]
    counts: tuple[int, int, int, int]


FILES = (
    File(
        name="student_billing.csv",
        lines=(
            CHARGE_HEADER,
            *CHARGES[:2],
            "LIABILITY,N1,S2,CHROMEBOOK,,2026-03-01",
            "WALLET,N2,S3,MEAL,,2026-03-01",
            "WALLET,N2,S3,MEAL,,2026-03-01",
            "WALLET,C3,S1,MEAL,4.00,2026-02-03",
            "LIABILITY,N3,S9,MEAL,,2026-03-01",
            "LIABILITY,N4,S1,MEAL,1E+2,2026-03-01",
            "LIABILITY,N5,S4,SUMMER,0.00,2026-03-01",
            "WALLET,N6,ANONYMOUS,MEAL,,2026-03-01",
        ),
        counts=(4, 3, 1, 2),
    ),
    File(
        name=f"{FEES}.csv",
        lines=(
            fee_row("R1"),
            fee_row("R2", fee="300.00", build="25.00", discount="5.00", merchant="NOW", batch="8"),
            fee_row("R3", other="4.00", batch="9"),
            fee_row("R1", fee="7.00"),
            fee_row("R4", parent="NOBODY"),
        ),
        counts=(2, 1, 1, 1),
    ),
    File(
        name="student_refunds.csv",
        lines=("charge_tracking_id,note", "C1,paid", "C2,part", "C4,", "C5,again", "NONE,"),
        counts=(2, 1, 1, 1),
    ),
    File(
        name="students.csv",
        lines=("student_id,name,parent_code", "S1,Ann,COTT001", "S8,Eve,COLL001", "ANONYMOUS,,"),
        counts=(2, 0, 0, 1),
    ),
)


class StoppedClock(FakeClock):
    """A clock that stands still, so that what is tried again is dated as it was before."""

    def now(self) -> datetime:
        return self.instant


def open_signed_office(database: Database, folder: Path) -> PaymentOffice:
    """Return an office whose batches are signed, with something of every kind in its books."""
    office = open_payment_office(database, folder)
    account = replace(
        office.books.account,
        catalog_over_sftp=True,
        policy=replace(office.books.account.policy, anonymous_sales=AnonymousPolicy.CASH),
    )
    books = replace(office.books, account=account, clock=StoppedClock(TODAY - timedelta(days=1)))
    office.books = books.signed(for_witness=True)
    earlier = [office.charge(*CHARGES), office.send(FEES, fee_row("R1"), fee_row("R9"))]
    office.pay("P1", "COLL001", "40.00")
    office.settle("P1")
    earlier.append(office.refund("C4", "C5"))
    for outcome in earlier:
        office.books.deliver(outcome.upload_id)
    office.books.clock.instant = TODAY
    return office


@pytest.fixture(params=KINDS)
def twins(
    request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path: Path
) -> tuple[PaymentOffice, PaymentOffice]:
    """Two equal offices: one crashes, the other shows what should come of it."""
    kind = request.param
    return (
        open_signed_office(make_database(kind), tmp_path / "crashing"),
        open_signed_office(make_database(kind), tmp_path / "whole"),
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".csv"))
def test_a_lost_connection_at_any_statement_of_a_file_leaves_the_same_signed_books(
    twins: tuple[PaymentOffice, PaymentOffice], file: File
) -> None:
    """Whenever the daemon dies, a district's receipts, proofs and books are what they would be."""
    crashing, whole = twins
    content = "".join(f"{line}\n" for line in file.lines).encode()
    uploads = {office.books.queue(content, file.name) for office in twins}
    [upload_id] = uploads

    def journey(office: PaymentOffice) -> None:
        upload = office.books.lease()
        if upload is not None:  # else the crash came after the commit
            office.books.process(upload)
        office.books.deliver(upload_id)

    before = extent_of(whole)
    journey(whole)
    assert counts_of(whole, upload_id) == file.counts
    tried = crash_at_each_moment(crashing, journey, before, extent_of(whole))
    assert tried > 30
    assert_same_and_sound(crashing, whole)


def test_a_lost_connection_at_any_statement_of_settling_leaves_the_same_signed_books(
    twins: tuple[PaymentOffice, PaymentOffice],
) -> None:
    """Whoever settles a batch again after a power cut has what one run would have signed."""
    crashing, whole = twins

    def journey(office: PaymentOffice) -> None:
        office.settle_batch("7", "200.00")

    before = extent_of(whole)
    journey(whole)
    tried = crash_at_each_moment(crashing, journey, before, extent_of(whole))
    assert tried > 20
    assert_same_and_sound(crashing, whole)


Extent = list[tuple[object, ...]]


def crash_at_each_moment(
    office: PaymentOffice, journey: Callable[[PaymentOffice], None], before: Extent, after: Extent
) -> int:
    """Lose the connection at the first statement or commit, at the second, until none is left.

    Each time the books are as long as `before` or as `after`, and nothing that left the house
    says more than they hold. Returns how many moments there were.
    """
    books = office.books
    for moment in range(1, MOMENTS_MAX):
        try:
            with connection_lost(books.database, at=moment):
                journey(office)
        except (PowerCutError, DatabaseError):
            assert extent_of(office) in (before, after), moment
            assert_nothing_lost_was_told(office)
            start_again(office)
        else:
            return moment - 1
    raise AssertionError("the journey never came to an end")


def start_again(office: PaymentOffice) -> None:
    """Free what was worked on, as a daemon's start does, and have patience with it."""
    books = office.books
    waiting = office.rows("SELECT upload_id FROM upload WHERE account = :account")
    with books.database.writing() as connection:
        release_leases(connection, node=NODE)
        for [upload_id] in waiting:
            # A hundred deaths would set it aside, until somebody lets it be tried again.
            retry(connection, books.account.account_id, UploadId(upload_id))


@contextmanager
def connection_lost(database: Database, *, at: int) -> Iterator[None]:
    """Cut the connection before its `at`-th statement or commit is sent, and end the world."""
    sent = 0

    def before(connection: Connection, *_event: object) -> None:
        nonlocal sent
        sent += 1
        if sent == at:
            # Closed as a killed process leaves it: nobody takes anything back.
            connection.invalidate()
            raise PowerCutError

    moments = ("before_cursor_execute", "commit")
    for moment in moments:
        sa.event.listen(database.engine, moment, before)
    try:
        yield
    finally:
        for moment in moments:
            sa.event.remove(database.engine, moment, before)


def extent_of(office: PaymentOffice) -> Extent:
    """Return how many rows each table has, and the head's hash, in one statement."""
    counts = [
        f"SELECT '{table}', COUNT(*), NULL FROM {table}"
        for table in table_names_of(office.books.database)
    ]
    return office.rows(" UNION ALL ".join([*counts, "SELECT 'head', 0, MAX(hash) FROM seal_head"]))


def everything(office: PaymentOffice) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is stored, evidence and what waits for the witness among it."""
    tables = table_names_of(office.books.database)
    return office.books.dump(*tables)


@cache
def table_names_of(database: Database) -> list[str]:
    return sorted(set(sa.inspect(database.engine).get_table_names()) - UNLIKE)


def assert_nothing_lost_was_told(office: PaymentOffice) -> None:
    """Fail if something signed is noted or given out that the books do not hold."""
    books = office.books
    assert books.signing is not None
    with books.database.reading() as connection:
        kept = read_signed_tree(connection, books.account.account_id)
    noted = books.signing.signed_trees.read(books.account.account_id)
    assert kept is not None
    assert noted is not None
    given_out = [
        read_outside(name, content)
        for name, content in books.receipts().items()
        if name.endswith(".json")
    ]
    assert max(one.checkpoint.size for one in given_out) <= noted.size <= kept.size
    assert noted == kept or noted.size < kept.size


def assert_same_and_sound(crashing: PaymentOffice, whole: PaymentOffice) -> None:
    """Fail unless the books that crashed are the others to the last byte, and prove it."""
    assert everything(crashing) == everything(whole)
    assert files_of(crashing) == files_of(whole)
    books = crashing.books
    receipts = {
        name: content for name, content in books.receipts().items() if name.endswith(".json")
    }
    with books.database.reading() as connection:
        verification = verify_ledger(
            connection, books.account.account_id, decimals=2, keys_of=keys_of
        )
    assert verification.holds, verification.differences
    outside = [read_outside(name, content) for name, content in receipts.items()]
    held = hold_against(outside, books.account.account_id, verification.batches, keys_of)
    assert len(held) == len(receipts)
    assert all(one.holds for one in held), held
    paths = [books.folders.receipts(books.account.account_id) / name for name in receipts]
    [key] = keys_of(ORIGIN)
    assert receipt_verify.main(["--key", key.to_text(), *map(str, paths)]) == 0
    crashing.assert_in_balance()


def files_of(office: PaymentOffice) -> dict[str, bytes]:
    """Return every file of the data folder: receipts, archive, what was signed last."""
    folder = office.books.folder
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def counts_of(office: PaymentOffice, upload_id: UploadId) -> tuple[object, ...]:
    """Return how many rows were applied, duplicates, conflicts, rejected."""
    [counts] = office.rows(
        "SELECT applied, duplicate, conflict, rejected FROM file_outcome"
        f" WHERE account = :account AND upload_id = '{upload_id}'"
    )
    return counts


def keys_of(origin: str) -> list[VerifierKey]:
    return [Signer(origin, SEED).key]
