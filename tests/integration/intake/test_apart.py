"""A large file is judged by a process of its own, and nobody can tell from the outcome."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingestd.database.engine import Database
from ingestd.formats.charges import ChargeRow
from ingestd.formats.checking import RowBatch, check_charge_file
from ingestd.formats.rows import FileRules
from ingestd.intake.apart import check_apart
from ingestd.intake.reading import APART_BYTES_MIN
from ingestd.ledger.outcomes import FileStatus
from ingestd.values.errors import StorageError
from tests.integration.ledger.conftest import charges, open_books

RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 3, 2, tzinfo=UTC)
)
ROWS = 30_000


def content(*, first: str = "WALLET,T0,S1,MEAL,,") -> bytes:
    """Return a file of three batches: plain rows, rows without amount or note, and bad ones."""
    rows = [f"LIABILITY,T{number},S{number % 7},MEAL,n {number},1.25" for number in range(1, ROWS)]
    rows[5_000] = "WALLET,T5001,S1,MEAL,ünï\u2028😀,1E+2"
    rows[25_000] = 'WALLET,t25001,S1,MEAL,"a ""note"", quoted",3.00'
    return charges(first, *rows)


def blocks_of(content: bytes, size: int = 100_000) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def told(batches: Iterator[RowBatch[ChargeRow]]) -> list[object]:
    return [(list(batch.rows), batch.findings, batch.records, batch.rejected) for batch in batches]


@pytest.mark.parametrize("refused", [False, True])
def test_another_process_comes_to_the_same_verdicts(*, refused: bool) -> None:
    """Where a file is judged is no business of who sent it."""
    file = content() + (b'WALLET,T,"never closed' if refused else b"")
    with closing(check_apart(check_charge_file, blocks_of(file), RULES)) as batches:
        assert told(batches) == told(check_charge_file(blocks_of(file), RULES))


def test_a_file_that_cannot_be_read_is_told_by_its_own_error() -> None:
    """The operator learns of the disk, not of a process that starved."""

    def broken() -> Iterator[bytes]:
        yield content()[:100_000]
        raise StorageError("The disk is gone.")

    with pytest.raises(StorageError, match="The disk is gone"):
        told(check_apart(check_charge_file, broken(), RULES))


def test_a_process_that_is_killed_hands_the_file_back_as_an_error_of_the_world() -> None:
    """The kernel picks the largest process when memory runs out; the file is tried again."""
    with closing(check_apart(check_charge_file, blocks_of(content() * 20), RULES)) as batches:
        next(batches)
        for pid in children_that_check():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(StorageError, match="ended early"):
            told(batches)


def test_nothing_stays_behind_when_reading_stops_half_way() -> None:
    """A daemon that stops leaves no process and no thread that goes on reading."""
    batches = check_apart(check_charge_file, blocks_of(content() * 20), RULES)
    next(batches)
    assert children_that_check()
    batches.close()
    assert not children_that_check()
    assert not [thread for thread in threading.enumerate() if thread.name == "ingestd-feeder"]


def test_a_large_file_gets_the_outcome_of_its_parts(
    both: tuple[Database, Database], tmp_path: Path
) -> None:
    """A file that is large enough for a second process is posted like any other."""
    filler = "x" * 250
    count = APART_BYTES_MIN // 250
    rows = [f"WALLET,T{number},S{number % 5 + 1},MEAL,{filler},1.00" for number in range(count)]
    for number, database in enumerate(both):
        books = open_books(database, tmp_path / str(number))
        outcome = books.post(*rows)
        assert outcome.status is FileStatus.PROCESSED
        assert outcome.rows is not None
        assert (outcome.rows.applied, outcome.applied_amount) == (count, count * 100)


def children_that_check() -> list[int]:
    """Return the processes of this one that judge a file."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            command = Path("/proc", pid, "cmdline").read_bytes()
            if b"ingestd.intake.apart" in command:
                found.append(int(pid))
    return found
