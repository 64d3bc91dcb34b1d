"""Uploads that end in the middle: they never become charges, and the district is told."""

from __future__ import annotations

import hashlib
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


def test_a_new_export_is_never_put_behind_the_old_ones_head(
    shared_school: School, cut: Path
) -> None:
    """Prices changed between two tries: a mix of both would be all good rows, and all wrong."""
    school, prefix = shared_school, cut.stem.removeprefix("student_billing_")[-40:]
    school.wait_until_receipt(cut.name)
    content = cut.read_bytes().replace(b",5.00,", b",7.00,")
    cut.write_bytes(content)
    done = school.sftp_batch(f"reput {cut} /{school.account}/incoming/{cut.name}")
    assert done.returncode == 1
    assert "No such file" in done.stderr
    school.upload(cut)
    receipt = school.wait_until_receipts(cut.name, 2)[1]
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
    assert set(school.items(prefix).values()) == {"7.00"}


def test_an_account_that_may_resume_continues_where_the_line_broke(school: School) -> None:
    """On a line that never lasts for a whole file; whoever asks for it knows the risk."""
    accounts = school.config / "accounts.toml"
    text = accounts.read_text() + f"\n[{school.account}.policy]\nresume = true\n"
    accounts.write_text(text)
    school.start()
    path = school.write_many("student_billing.csv", ROWS, prefix="R")
    content = path.read_bytes()
    with school.paramiko() as sftp:
        file = sftp.open(f"/{school.account}/incoming/{path.name}", "wb")
        file.write(content[:30_001])
        sftp.get_channel().get_transport().close()
    school.wait_until_receipt(path.name)
    done = school.sftp_batch(f"reput {path} /{school.account}/incoming/{path.name}")
    assert done.returncode == 0, done.stderr
    receipt = school.wait_until_receipts(path.name, 2)[1]
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
    assert receipt["rows"]["applied"] == ROWS


def test_a_file_that_was_cut_off_before_it_was_sent_is_not_charged(shared_school: School) -> None:
    """A last row without its end may be half an amount: 1 instead of 100."""
    path = shared_school.write("student_billing_half.csv", "LIABILITY,HALF-1,00042,LATE_FEE,,100,")
    path.write_bytes(path.read_bytes()[:-4])
    shared_school.upload(path)
    receipt = shared_school.wait_until_receipt(path.name)
    assert receipt["rows"] is None or receipt["rows"]["applied"] == 0
    assert receipt["findings"]
    assert shared_school.items("HALF") == {}
