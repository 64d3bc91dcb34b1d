"""A large file is judged by a process of its own, and nobody can tell from the outcome."""

from __future__ import annotations

import json
import operator
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from ingestd.database.engine import Database
from ingestd.formats.checking import (
    RowBatch,
    check_catalog_file,
    check_charge_file,
    check_payment_file,
    check_refund_file,
)
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.names import FormatName
from ingestd.formats.rules import FileRules
from ingestd.intake.apart import Check, check_apart
from ingestd.intake.reading import APART_BYTES_MIN
from ingestd.ledger.outcomes.file_outcomes import FileStatus
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


def told(batches: Iterator[RowBatch[Any]]) -> list[tuple[object, ...]]:
    return [
        (list(batch.rows), batch.findings, batch.records, batch.rejected, batch.rejected_names)
        for batch in batches
    ]


@pytest.mark.parametrize("refused", [False, True])
def test_another_process_comes_to_the_same_verdicts(*, refused: bool) -> None:
    """Where a file is judged is no business of who sent it."""
    file = content() + (b'WALLET,T,"never closed' if refused else b"")
    with closing(check_apart(check_charge_file, blocks_of(file), RULES)) as batches:
        assert told(batches) == told(check_charge_file(blocks_of(file), RULES))


@pytest.mark.parametrize("ignored", [(), ("amount ($)",)])
def test_a_misspelt_column_is_found_by_another_process_too(ignored: tuple[str, ...]) -> None:
    """A large file is not the one that is charged at the catalog's prices."""
    file = content().replace(b",amount\n", b",Amount ($)\n", 1)
    rules = replace(RULES, ignore_columns=ignored)
    with closing(check_apart(check_charge_file, blocks_of(file), rules)) as batches:
        apart = list(batches)
    assert apart[-1].is_refused == (not ignored)
    assert told(iter(apart)) == told(check_charge_file(blocks_of(file), rules))


def test_a_fault_in_that_process_is_one_line_without_its_words(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its words may quote a row, and the log is one event a line."""
    fails = cast(Check, operator.getitem)  # which says what key it was given
    with (
        closing(check_apart(fails, blocks_of(content()), RULES)) as batches,
        pytest.raises(StorageError),
    ):
        list(batches)
    (line,) = capfd.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["during"], event["error"]) == (
        "error_escaped",
        "reading",
        "TypeError",
    )
    assert "FileRules" not in line


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
    ("check", "header", "rows"),
    [
        (partial(check_payment_file, FormatName.FEE_PAYMENTS), "", FEES),
        (partial(check_payment_file, FormatName.SUNDRY_PAYMENTS), "", SUNDRY),
        (check_refund_file, "charge_tracking_id,tx_item_rowid,note\n", REFUNDS),
        (
            partial(check_catalog_file, CatalogKind.STUDENTS),
            "student_id,name,parent_code,status\n",
            STUDENTS,
        ),
    ],
    ids=["fee payments", "sundry payments", "refunds", "students"],
)
def test_files_of_every_format_can_be_judged_apart(check: Check, header: str, rows: str) -> None:
    """A provider's file of half a million payments keeps no other school waiting."""
    file = (header + "".join(rows.format(n=number) for number in range(12_000))).encode()
    with closing(check_apart(check, blocks_of(file), RULES)) as batches:
        apart = told(batches)
    assert apart == told(check(blocks_of(file), RULES))
    assert len(apart) > 1
    assert any(rejected for _, _, _, rejected, _ in apart)


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


def test_a_process_that_is_killed_inside_a_message_is_told_of_likewise() -> None:
    """Half of an answer is no answer: the operator reads what happened, not what a pipe says."""
    with closing(check_apart(check_charge_file, blocks_of(content() * 20), RULES)) as batches:
        next(batches)
        [pid] = children_that_check()
        wait_until_it_rests(pid)  # nobody takes the next batch, which is larger than the pipe
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


def wait_until_it_rests(pid: int) -> None:
    """Wait until a process has used no processor for a while."""
    deadline = time.monotonic() + 30
    used, still = "", 0
    while still < 20:
        assert time.monotonic() < deadline, "the process never waits"
        times = Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[11:13]
        still = still + 1 if " ".join(times) == used else 0
        used = " ".join(times)
        select.select([], [], [], 0.01)
