"""Uploads that end in the middle: they never become charges, and the district is told."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School
Until = Callable[..., Any]

ROWS = 4_000
KBIT_PER_SECOND = 4_000  # so that a megabyte takes long enough to be cut


@pytest.fixture(params=["program", "connection"])
def cut(shared_school: School, until: Until, request: pytest.FixtureRequest) -> Path:
    """A file whose upload was killed in the middle: the client program alone, or all of it."""
    school = shared_school
    prefix = request.node.name.translate(str.maketrans("[]", "__"))
    path = school.write_many(
        f"student_billing_{prefix}.csv", ROWS, prefix=prefix[-40:], note="x" * 200
    )
    log = school.log.from_now()
    program = subprocess.Popen(
        school.openssh("sftp", "-l", str(KBIT_PER_SECOND), "-b", "-", "SPRINGFIELD@127.0.0.1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with program:
        assert program.stdin is not None
        program.stdin.write(f"put {path} /{school.account}/incoming/\n".encode())
        program.stdin.close()
        staging = school.folder / "data" / "work" / school.account / "staging"
        until(lambda: any(file.stat().st_size for file in staging.glob("*")), "the first bytes")
        if request.param == "program":
            program.kill()  # its ssh goes on, and ends the channel as if all were well
        else:
            os.killpg(program.pid, signal.SIGKILL)
    log.wait_until_event("upload_interrupted", filename=path.name)
    return path


def test_a_cut_upload_gets_an_interrupted_receipt_and_no_charge(
    shared_school: School, cut: Path
) -> None:
    """Half a file is never billed, and the district sees that it has to send it again."""
    receipt = shared_school.wait_until_receipt(cut.name)
    assert (receipt["status"], receipt["rows"]) == ("interrupted", None)
    assert [finding["code"] for finding in receipt["findings"]] == ["upload_interrupted"]
    assert 0 < receipt["size_bytes"] < cut.stat().st_size
    assert shared_school.items(cut.stem.removeprefix("student_billing_")[-40:]) == {}
    assert shared_school.log.events("upload_received", filename=cut.name) == []


def test_the_same_file_sent_again_is_charged_whole(shared_school: School, cut: Path) -> None:
    """After a broken line the job just runs once more."""
    shared_school.wait_until_receipt(cut.name)
    shared_school.upload(cut)
    receipts = shared_school.wait_until_receipts(cut.name, 2)
    assert [receipt["status"] for receipt in receipts] == ["interrupted", "processed"]
    assert receipts[1]["rows"]["applied"] == ROWS


def test_a_resumed_upload_is_charged_whole(shared_school: School, cut: Path) -> None:
    """`reput` sends what is missing, and the file is the one that was meant."""
    shared_school.wait_until_receipt(cut.name)
    done = shared_school.sftp_batch(f"reput {cut} /{shared_school.account}/incoming/{cut.name}")
    assert done.returncode == 0, done.stderr
    receipt = shared_school.wait_until_receipts(cut.name, 2)[1]
    assert (receipt["status"], receipt["rows"]["applied"]) == ("processed", ROWS)


def test_a_file_that_was_cut_off_before_it_was_sent_is_not_charged(shared_school: School) -> None:
    """A last row without its end may be half an amount: 1 instead of 100."""
    path = shared_school.write("student_billing_half.csv", "LIABILITY,HALF-1,00042,LATE_FEE,,100,")
    path.write_bytes(path.read_bytes()[:-4])
    shared_school.upload(path)
    receipt = shared_school.wait_until_receipt(path.name)
    assert receipt["rows"] is None or receipt["rows"]["applied"] == 0
    assert receipt["findings"]
    assert shared_school.items("HALF") == {}
