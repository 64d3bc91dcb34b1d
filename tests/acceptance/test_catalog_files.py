"""A district that sends its catalog itself: a new student today, a charge a moment later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

ROSTER = "student_id,name,parent_code,status\n00042,Lisa Marchetti,P-77,enrolled\n00099,New,,\n"
CHARGE = "LIABILITY,C-1,00099,LATE_FEE,,5.00,2025-03-02T14:38:02Z"


@pytest.fixture
def trusted_school(school: School) -> School:
    """A running school whose account may send its catalog."""
    accounts = school.config / "accounts.toml"
    accounts.write_text(accounts.read_text() + "catalog_over_sftp = true\n")
    school.start()
    return school


def test_a_student_of_tonight_s_roster_is_charged_by_the_next_file(trusted_school: School) -> None:
    """A nightly job brings the roster and the charges, and nobody imports anything by hand."""
    roster = trusted_school.outbox / "students_nightly.csv"
    roster.write_text(ROSTER)
    trusted_school.upload(roster)
    receipt = trusted_school.wait_until_receipt(roster.name)
    assert (receipt["format"], receipt["status"]) == ("students", "processed")
    assert receipt["rows"]["applied"] == receipt["rows"]["total"] == 2
    assert [(f["code"], f["value"]) for f in receipt["findings"]] == [
        ("student_disappeared", "00043")
    ]
    charge = trusted_school.write("student_billing.csv", CHARGE)
    trusted_school.upload(charge)
    assert trusted_school.wait_until_receipt(charge.name)["rows"]["applied"] == 1
    assert trusted_school.items() == {"C-1": "5.00"}
    assert trusted_school.log.wait_until_event("file_processed", upload_id=receipt["upload_id"])
    assert "00043" not in "\n".join(trusted_school.log.lines)


def test_without_the_setting_a_roster_waits_and_changes_nothing(open_school: School) -> None:
    """A name that happens to fit is no permission."""
    roster = open_school.outbox / "students.csv"
    roster.write_text(ROSTER)
    open_school.upload(roster)
    charge = open_school.write("student_billing.csv", CHARGE)
    open_school.upload(charge)
    receipt = open_school.wait_until_receipt(charge.name)
    assert [finding["code"] for finding in receipt["findings"]] == ["student_unknown"]
    assert [path.name for path in open_school.incoming.iterdir()] == ["students.csv"]
