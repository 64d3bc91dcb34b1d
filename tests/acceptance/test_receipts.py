"""A file with rows of every kind: its two receipts, and what its log must never say."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import paramiko  # type: ignore[import-untyped]
import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

FIRST = "student_billing_monday.csv"
MIXED = "student_billing_tuesday.csv"
NOTES = ("Atlas of Patagonia", "Serial KX-5512", "scratched\nlid", "Overdue Silmarillion")
MONDAY = (
    f"LIABILITY,M-1,00042,LOST_BOOK,{NOTES[0]},18.50,2025-03-02T14:38:02Z",
    "LIABILITY,M-2,00042,LOST_BOOK,,20.00,",
)
TUESDAY = (
    f"LIABILITY,T-1,00042,LOST_BOOK,{NOTES[1]},26.50,",
    f'LIABILITY,T-2,00043,LATE_FEE,"{NOTES[2]}",5.00,',
    f"LIABILITY,T-3,00043,LATE_FEE,{NOTES[3]},1E+2,",
    MONDAY[0],
    "LIABILITY,M-2,00042,LOST_BOOK,,21.00,",
    "LIABILITY,T-4,00043,LATE_FEE,,=1+1,",
)


@pytest.fixture(scope="module")
def receipt(shared_school: School) -> dict[str, Any]:
    """Send Monday's file, then Tuesday's; return Tuesday's receipt."""
    for filename, rows in ((FIRST, MONDAY), (MIXED, TUESDAY)):
        shared_school.upload(shared_school.write(filename, *rows))
        shared_school.wait_until_receipt(filename)
    return shared_school.wait_until_receipt(MIXED)


@pytest.fixture(scope="module")
def lines(shared_school: School, receipt: dict[str, Any]) -> list[dict[str, str]]:
    """Tuesday's CSV receipt."""
    path = shared_school.receipts / f"student_billing_tuesday.{receipt['upload_id']}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def processed(shared_school: School, receipt: dict[str, Any]) -> dict[str, Any]:
    """Tuesday's line in the log."""
    return shared_school.log.wait_until_event("file_processed", upload_id=receipt["upload_id"])


def test_each_row_is_counted_once_and_the_counts_add_up(receipt: dict[str, Any]) -> None:
    """No row of a district's file is ever lost between the counts."""
    counts = receipt["rows"]
    assert counts == {"total": 6, "applied": 2, "duplicate": 1, "conflict": 1, "rejected": 2}
    assert counts["total"] == sum(counts.values()) - counts["total"]


def test_a_file_with_bad_rows_is_processed_with_findings(receipt: dict[str, Any]) -> None:
    """Good rows do not wait for bad ones, and the status says that there is something to do."""
    assert (receipt["status"], receipt["applied_amount"]) == ("processed_with_findings", "31.50")


def test_the_finding_of_the_contract_is_told_to_the_letter(receipt: dict[str, Any]) -> None:
    """What the documentation shows is what a district gets."""
    assert receipt["findings"][0] == {
        "row": 4,
        "line": 5,
        "column": "amount",
        "code": "amount_invalid",
        "value": "1E+2",
        "message": "Write the amount as digits with up to two decimals, such as 100.00.",
    }


def test_conflicts_are_told_and_duplicates_are_not(receipt: dict[str, Any]) -> None:
    """A row that was sent again by habit is nothing to worry about; one that changed is."""
    told = [(finding["row"], finding["code"]) for finding in receipt["findings"]]
    assert told == [(4, "amount_invalid"), (6, "conflict"), (7, "amount_invalid")]
    assert receipt["findings_omitted"] == 0
    assert receipt["findings_by_code"] == {"amount_invalid": 2, "conflict": 1}


def test_a_conflict_names_the_charge_that_stays(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """The office finds the first file without asking anybody."""
    first = shared_school.wait_until_receipt(FIRST)
    message = receipt["findings"][1]["message"]
    assert f"upload {first['upload_id']}, row 3" in message


def test_the_csv_has_what_is_to_be_mended_first(lines: list[dict[str, str]]) -> None:
    """What is to be done stands on top, and names the charge and the student."""
    names = ("row", "line", "charge_tracking_id", "student_id", "outcome", "code")
    assert [tuple(line[name] for name in names) for line in lines] == [
        ("4", "5", "T-3", "00043", "rejected", "amount_invalid"),
        ("7", "8", "T-4", "00043", "rejected", "amount_invalid"),
        ("6", "7", "M-2", "00042", "conflict", "conflict"),
        ("", "", "", "", "duplicate", "duplicate"),
    ]


def test_rows_that_came_before_are_one_line_for_each_upload(
    shared_school: School, lines: list[dict[str, str]]
) -> None:
    """A nightly export of everything does not bury what matters."""
    first = shared_school.wait_until_receipt(FIRST)
    assert lines[-1]["message"] == (
        f"Rows that upload {first['upload_id']} ({FIRST}) had applied: 1. Nothing needs to be done."
    )
    assert lines[-1]["value"] == "1"


def test_a_spreadsheet_sees_at_once_that_the_csv_is_utf_8(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """Excel takes a file without a mark for what its country used before UTF-8."""
    path = shared_school.receipts / f"student_billing_tuesday.{receipt['upload_id']}.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrow,line,charge_tracking_id,student_id,")


def test_the_csv_never_starts_a_formula(
    receipt: dict[str, Any], lines: list[dict[str, str]]
) -> None:
    """A value of a stranger's file does not run in the office's spreadsheet."""
    assert (lines[1]["value"], receipt["findings"][2]["value"]) == ("'=1+1", "=1+1")


def test_a_conflict_changes_nothing(shared_school: School, receipt: dict[str, Any]) -> None:
    """Money that was posted stays as it was posted."""
    assert shared_school.items() == {"M-1": "18.50", "M-2": "20.00", "T-1": "26.50", "T-2": "5.00"}


def test_file_processed_has_the_counts_of_the_receipt(
    receipt: dict[str, Any], processed: dict[str, Any]
) -> None:
    """A dashboard needs one line for each file, and no database."""
    for name in ("rows", "account", "filename", "status", "sha256", "size_bytes", "applied_amount"):
        assert processed[name] == receipt[name]
    assert isinstance(processed["duration_ms"], int)


def test_upload_received_says_who_sent_what_with_which_program(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """Who sent a file can be told years later."""
    event = shared_school.log.wait_until_event("upload_received", filename=MIXED)
    for name in ("upload_id", "account", "filename", "size_bytes", "sha256"):
        assert event[name] == receipt[name]
    shown = shared_school.run_client("ssh-keygen", "-l", "-f", str(shared_school.key)).stdout
    assert event["key_fingerprint"] == shown.split()[1]
    assert "OpenSSH" in event["client_version"]


def test_the_log_follows_a_file_by_its_upload_id(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """One search in the log tells the whole journey."""
    # It is told last: the receipt is there before.
    shared_school.log.wait_until_event("ledger_sealed", upload_id=receipt["upload_id"])
    told = shared_school.log.events(upload_id=receipt["upload_id"], account="SPRINGFIELD")
    assert [event["event"] for event in told if event["event"] != "receipt_written"] == [
        *("upload_started", "upload_received", "file_claimed", "file_processed"),
        *("row_conflicts_found", "ledger_sealed"),
    ]


def test_every_line_of_the_log_is_one_json_object(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """A log shipper never meets a line that it cannot read."""
    for line in shared_school.log.lines:
        event = json.loads(line)
        assert {"timestamp", "level", "event", "logger"} <= set(event)
        assert datetime.fromisoformat(event["timestamp"]).utcoffset() is not None
        assert event["level"] in {"debug", "info", "warning", "error", "critical"}


def test_the_log_holds_nothing_of_a_child_and_no_secret(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """Whoever runs the machine need not be allowed to see the children's records."""
    text = "\n".join(shared_school.log.lines)
    public_key = shared_school.key.with_suffix(".pub").read_text().split()[1]
    students = ("00042", "00043", "Marchetti", "Ochoa", "Okonkwo", "P-77")
    values = ("1E+2", "=1+1", "T-3", "M-2", "LOST_BOOK")
    for secret in (*students, *NOTES, *values, "scratched", public_key):
        assert secret not in text


def test_the_log_holds_no_password_right_or_wrong(open_school: School) -> None:
    """A mistyped password is often the right one of another system."""
    right, wrong = "correct horse battery", "incorrect horse battery"
    done = open_school.run("password", stdin=right + "\n")
    accounts = open_school.config / "accounts.toml"
    log = open_school.log.from_now()
    accounts.write_text(accounts.read_text() + f"password_hash = '{done.stdout.strip()}'\n")
    log.wait_until_event("accounts_loaded")
    with pytest.raises(paramiko.AuthenticationException), open_school.paramiko(password=wrong):
        pass
    with open_school.paramiko(password=right) as sftp:
        assert sftp.listdir("/") == ["SPRINGFIELD"]
    open_school.log.wait_until_event("session_closed")
    events = Counter(event["event"] for event in open_school.log.events())
    assert (events["auth_failed"], events["session_opened"]) == (1, 1)
    text = "\n".join(open_school.log.lines)
    assert right not in text
    assert wrong not in text
    assert "argon2id" not in text
