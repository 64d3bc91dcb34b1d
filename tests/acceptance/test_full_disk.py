"""A disk without room: uploads are refused at the door, and nothing that was taken is lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

NAME = "student_billing_full.csv"
RESERVE_BYTES_MAX = 2**40  # the most that can be set


@pytest.fixture
def full(school: School) -> School:
    """A running school whose disk has less room than it is to keep free."""
    if shutil.disk_usage(school.folder).free >= RESERVE_BYTES_MAX:
        pytest.skip("this disk has more room than any reserve")
    school.set(intake__disk_reserve_bytes=RESERVE_BYTES_MAX)
    school.start()
    school.write(NAME, "LIABILITY,F-1,00042,LOST_BOOK,,18.50,")
    return school


def test_an_upload_without_room_is_refused_with_a_reason(full: School) -> None:
    """The client hears why, and does not believe that its file arrived."""
    with full.paramiko() as sftp, pytest.raises(OSError, match="no space"):
        sftp.put(str(full.outbox / NAME), f"/{full.account}/incoming/{NAME}")
    refused = full.log.wait_until_event("upload_refused")
    assert (refused["filename"], refused["reason"]) == (NAME, "no_space")
    assert list(full.incoming.iterdir()) == []


def test_a_refused_upload_fails_the_job_of_the_district(full: School) -> None:
    """A job that looks at its exit code tries again tomorrow."""
    done = full.sftp_batch(f"put {NAME} /{full.account}/incoming/")
    assert done.returncode == 1


def test_what_was_taken_before_is_finished_on_a_full_disk(full: School) -> None:
    """The reserve is there so that accepted work can always finish."""
    shutil.copy(full.outbox / NAME, full.incoming / NAME)
    assert full.wait_until_receipt(NAME)["rows"]["applied"] == 1


def test_uploads_work_again_once_there_is_room(full: School) -> None:
    """After the disk was tidied up the same job simply works."""
    assert full.sftp_batch(f"put {NAME} /{full.account}/incoming/").returncode == 1
    assert full.stop() == 0
    full.set(intake__disk_reserve_bytes=0)
    full.start()
    full.upload(full.outbox / NAME)
    assert full.wait_until_receipt(NAME)["rows"]["applied"] == 1
