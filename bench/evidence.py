"""Evidence: verifying a ledger of a million charges, and proving one receipt among many batches."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bench._catalog import seal_catalog
from bench._charge_files import ACCOUNT, write_charge_file
from bench._journey import open_ledger, take_file
from bench._launch import scratch_folder
from bench._results import Cell, publish
from ingestd.database.engine import Database
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.books.head import lock_head, store_head
from ingestd.ledger.evidence.receipts import read_receipt_seal
from ingestd.ledger.evidence.signing import SignedTree, Signing
from ingestd.ledger.evidence.tree_log import append_leaf
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.values.identifiers import AccountId, UploadId

# Smaller for a quick look: INGESTD_BENCH_ROWS=100000 takes half a minute.
ROWS = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
BATCHES = ROWS // 10
VERIFY_GOAL, PROOF_GOAL = 6.0, 0.2
_SEED = bytes(range(32))


def run() -> None:
    """Verify a ledger that one file filled, then prove receipts of a ledger of many files."""
    with scratch_folder() as folder:
        rows = [_verified(folder), *_proven(folder)]
    publish(
        "evidence",
        f"{ROWS:,} charges verified, one receipt proven among {BATCHES:,} batches; "
        f"median of {ROUNDS}",
        rows,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _verified(folder: Path) -> dict[str, Cell]:
    home = folder / "charges"
    database, folders = open_ledger(home, f"sqlite:///{home / 'ledger.db'}")
    seal_catalog(database, ACCOUNT)
    take_file(database, folders, write_charge_file(folder / "charges.csv", ROWS, seed=1))

    def verify() -> None:
        with database.reading_twice() as (connection, beside):
            found = verify_ledger(connection, ACCOUNT, decimals=2, beside=beside)
        if not found.holds or found.checked["charges"] != ROWS:
            raise AssertionError(f"the books are not right: {found.differences[:3]}")

    row = _row(f"ledger verify, {ROWS:,} charges", verify, VERIFY_GOAL)
    database.close()
    return row


def _proven(folder: Path) -> list[dict[str, Cell]]:
    home = folder / "batches"
    database, _ = open_ledger(home, f"sqlite:///{home / 'ledger.db'}")
    _fill_tree(database)

    def prove(batch_no: int) -> Callable[[], None]:
        def leg() -> None:
            with database.reading() as connection:
                seal = read_receipt_seal(connection, ACCOUNT, _upload_id(batch_no))
            assert seal is not None
            assert seal.batch_no == batch_no

        return leg

    rows = [
        _row(f"proof for receipt {number:,} of {BATCHES:,}", prove(number), PROOF_GOAL)
        for number in (BATCHES // 2, BATCHES - 1, BATCHES)
    ]
    database.close()
    return rows


def _row(what: str, leg: Callable[[], None], goal: float) -> dict[str, Cell]:
    walls, processor = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.monotonic(), time.process_time()
        leg()
        walls.append(time.monotonic() - wall)
        processor.append(time.process_time() - cpu)
    return {
        "what": what,
        "wall s": median(walls),
        "CPU s": median(processor),
        "goal s": goal,
        "rounds (s)": " ".join(f"{one:.3f}" for one in walls),
    }


@dataclass(slots=True)
class _TreesInMemory:
    """The last tree signed, kept where it costs nothing: proofs never look there."""

    last: dict[AccountId, SignedTree] = field(default_factory=dict)

    def read(self, account: AccountId) -> SignedTree | None:
        return self.last.get(account)

    def raise_to(self, account: AccountId, tree: SignedTree) -> None:
        self.last[account] = tree

    def start_over(self, account: AccountId, tree: SignedTree) -> None:
        self.last[account] = tree


def _fill_tree(database: Database) -> None:
    """Give the account batches of one file each: their leaves, signed as always, and no rows."""
    signing = Signing(name="bench", seeds=(_SEED,), signed_trees=_TreesInMemory())
    with database.writing() as connection:
        head = lock_head(connection, ACCOUNT)
        for batch_no in range(1, BATCHES + 1):
            leaf = BatchLeaf(
                account=ACCOUNT,
                batch_no=batch_no,
                event="upload",
                upload_id=_upload_id(batch_no),
                sealed_at=batch_no,
                rows_sealed=1,
                amount_posted=100,
                seal_hash=f"{batch_no:064x}",
                statement=f"{batch_no:064x}",
            )
            append_leaf(connection, head, leaf, signing=signing)
            head.batch_no = batch_no
        _fill_batches(connection)
        store_head(connection, head)


def _fill_batches(connection: Connection) -> None:
    for statement in (_SEALS, _OUTCOMES):
        connection.execute(sa.text(statement), {"account": ACCOUNT})


def _upload_id(batch_no: int) -> UploadId:
    return UploadId(f"{batch_no:026}")


_SEALS = """
INSERT INTO seal (account, batch_no, event, upload_id, sealed_at, rows_sealed, amount_posted,
  previous_hash, hash)
SELECT account, batch_no, 'upload', printf('%026d', batch_no), batch_no, 1, 100,
  printf('%064x', batch_no - 1), printf('%064x', batch_no)
FROM leaf WHERE account = :account
"""
_OUTCOMES = """
INSERT INTO file_outcome (account, upload_id, batch_no, filename, source, size_bytes, received_at,
  finished_at, node, status, applied_amount, findings)
SELECT account, printf('%026d', batch_no), batch_no, 'a.csv', 'folder', 1, 1, 1, 'bench',
  'rejected', 0, 0
FROM leaf WHERE account = :account
"""
