"""Crashes: whenever the power goes, an acknowledged upload is processed exactly once."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos import SEED, TIMES

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

CRASHES = 6
ROWS = 3_000
SHARED = 500  # rows that an upload has in common with the one before it
LATEST_MS = 400


def write(school: School, number: int) -> Path:
    """Write a file of which all rows are new but the first few."""
    first = number * (ROWS - SHARED)
    rows = (f"LIABILITY,K-{n},00042,LATE_FEE,,5.00," for n in range(first, first + ROWS))
    return school.write(f"student_billing_{number:02}.csv", *rows)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
def test_every_acknowledged_upload_is_processed_exactly_once(school: School, part: int) -> None:
    """A machine that loses power neither loses a file nor bills it twice."""
    chance = random.Random(SEED + part)
    # Spread over the whole time that a file takes, so that each step is hit by some.
    moments = [
        (2 * step + part % 2 + chance.random()) / (2 * CRASHES) * LATEST_MS
        for step in range(CRASHES)
    ]
    chance.shuffle(moments)
    for number, moment_ms in enumerate(moments):
        path = write(school, number)
        school.start()
        # A client may notice, as it leaves, that nobody is there to say goodbye to.
        with contextlib.suppress(EOFError), school.paramiko() as sftp:
            sftp.put(str(path), f"/{school.account}/incoming/{path.name}", confirm=False)
            with pytest.raises(subprocess.TimeoutExpired):
                school.daemon.wait(moment_ms / 1000)
            school.kill()
    school.start()
    receipts = [
        school.wait_until_receipt(f"student_billing_{number:02}.csv") for number in range(CRASHES)
    ]

    assert [receipt["rows"] for receipt in receipts] == [
        {
            "total": ROWS,
            "applied": ROWS - (SHARED if number else 0),
            "duplicate": SHARED if number else 0,
            "conflict": 0,
            "rejected": 0,
        }
        for number in range(CRASHES)
    ]
    unique = CRASHES * (ROWS - SHARED) + SHARED
    assert school.items() == {f"K-{number}": "5.00" for number in range(unique)}
    uploads = {each["upload_id"]: each["status"] for each in school.ask("uploads", "list")}
    assert uploads == {receipt["upload_id"]: "processed" for receipt in receipts}
    processed = Counter(
        event["upload_id"] for log in school.logs for event in log.events("file_processed")
    )
    assert max(processed.values()) == 1
