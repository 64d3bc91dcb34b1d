"""Files in `incoming/`: copied in by hand, under temporary names, under names nobody knows."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School
Until = Callable[..., Any]

_numbers = itertools.count()


@pytest.fixture
def name() -> str:
    """A recognised name that no other test uses."""
    return f"student_billing_{next(_numbers)}.csv"


def row(key: str) -> str:
    return f"LIABILITY,{key},00042,LOST_BOOK,,18.50,"


@pytest.fixture
def let_a_file_pass(shared_school: School) -> Callable[[], None]:
    """Lend a function that returns once a file that came after all others was processed."""

    def send() -> None:
        later = f"student_billing_later_{next(_numbers)}.csv"
        shared_school.upload(shared_school.write(later, row(later)))
        shared_school.wait_until_receipt(later)

    return send


@pytest.fixture
def rename(shared_school: School) -> Callable[[str, str], None]:
    """Lend a function that renames a file in `incoming/` as a client does."""

    def send(old: str, new: str) -> None:
        folder = f"/{shared_school.account}/incoming"
        done = shared_school.sftp_batch(f"rename {folder}/{old} {folder}/{new}")
        assert done.returncode == 0, done.stderr

    return send


def test_a_file_copied_in_by_hand_is_processed(shared_school: School, name: str) -> None:
    """An operator can bring in a file that came by mail, and it takes the same road."""
    shutil.copy(shared_school.write(name, row(name)), shared_school.incoming / name)
    assert shared_school.wait_until_receipt(name)["rows"]["applied"] == 1
    assert shared_school.log.wait_until_event("file_claimed", filename=name)["source"] == "folder"
    assert not (shared_school.incoming / name).exists()


def test_a_file_copied_in_while_the_daemon_was_down_is_processed(school: School) -> None:
    """Files that wait are found at the start: the folder is the truth."""
    school.incoming.mkdir(parents=True)
    shutil.copy(school.write("student_billing.csv", row("DOWN")), school.incoming)
    school.start()
    assert school.wait_until_receipt("student_billing.csv")["rows"]["applied"] == 1


@pytest.mark.parametrize("form", ["{}.filepart", "{}.part", "{}.partial", "{}.tmp", ".{}"])
def test_a_temporary_name_waits_until_it_is_renamed(
    shared_school: School,
    name: str,
    form: str,
    let_a_file_pass: Callable[[], None],
    rename: Callable[[str, str], None],
) -> None:
    """Clients that upload under a temporary name are never read half-way."""
    temporary = form.format(name)
    shared_school.upload(shared_school.write(temporary, row(name)))
    let_a_file_pass()
    assert (shared_school.incoming / temporary).exists()
    rename(temporary, name)
    receipt = shared_school.wait_until_receipt(name)
    assert (receipt["filename"], receipt["rows"]["applied"]) == (name, 1)
    assert shared_school.log.events("file_claimed", filename=temporary) == []


def test_a_name_that_nobody_recognises_waits_untouched(
    shared_school: School, let_a_file_pass: Callable[[], None], rename: Callable[[str, str], None]
) -> None:
    """A file that was named wrongly is not swallowed; renaming it saves sending it again."""
    path = shared_school.write("charges.csv", row("WRONG-NAME"))
    shared_school.upload(path)
    let_a_file_pass()
    assert (shared_school.incoming / path.name).read_bytes() == path.read_bytes()
    rename(path.name, "student_billing_right_name.csv")
    receipt = shared_school.wait_until_receipt("student_billing_right_name.csv")
    assert receipt["rows"]["applied"] == 1


def test_a_file_can_be_withdrawn_before_it_is_claimed(school: School) -> None:
    """Who notices a mistake right away can take the file back."""
    school.set(intake__settle_seconds=60)
    school.start()
    school.upload(school.write("student_billing.csv", row("BACK")))
    folder = f"/{school.account}/incoming"
    assert school.sftp_batch(f"rm {folder}/student_billing.csv").returncode == 0
    assert list(school.incoming.iterdir()) == []
    assert school.ask("uploads", "list") == []


def test_temporary_names_that_nobody_renames_lock_nobody_out(school: School, until: Until) -> None:
    """A job whose rename fails every night goes on, and hears of each file that was not taken."""
    school.set(sftp__max_temporary_files=3, sftp__max_files_waiting=2)
    school.start()
    folder = f"/{school.account}/incoming"
    for night in range(8):
        school.upload(school.write(f"night_{night}.part", row(f"NIGHT-{night}")))
    until(lambda: len(list(school.incoming.iterdir())) == 3, "the quarantine")
    assert {path.name for path in school.incoming.iterdir()} == {
        f"night_{night}.part" for night in (5, 6, 7)
    }
    for night in range(5):
        receipt = school.wait_until_receipt(f"night_{night}.part")
        assert receipt["status"] == "rejected"
        assert [finding["code"] for finding in receipt["findings"]] == ["file_name_temporary"]
        kept = school.folder / "data" / "quarantine" / school.account / receipt["upload_id"]
        path = kept / f"night_{night}.part"
        until(path.exists, "the file in quarantine")
        assert f"NIGHT-{night}," in path.read_text()
    done = school.sftp_batch(f"rename {folder}/night_7.part {folder}/student_billing.csv")
    assert done.returncode == 0, done.stderr
    assert school.wait_until_receipt("student_billing.csv")["rows"]["applied"] == 1
    assert set(school.items()) == {"NIGHT-7"}
