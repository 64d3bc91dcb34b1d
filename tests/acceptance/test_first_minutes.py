"""The first five minutes: from an empty folder to a receipt that the ledger agrees with."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School, Template

NAME = "student_billing_destiny.csv"
ROWS = (
    "LIABILITY,D-1,00042,LOST_BOOK,Atlas,18.50,2025-05-03T14:38:02Z",
    "LIABILITY,D-2,00043,LATE_FEE,,,2025-05-03T23:30:00-05:00",
    "WALLET,D-3,00043,LATE_FEE,,7.25,",
)


@dataclass(frozen=True)
class Fetched:
    """What the district's job sent, and what it fetched afterwards."""

    sent: Path
    receipt: dict[str, Any]
    names: list[str]


@pytest.fixture(scope="module")
def fetched(shared_school: School, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    """Send a file and fetch its receipt, both with OpenSSH and over SFTP alone."""
    school = shared_school
    sent = school.write(NAME, *ROWS)
    school.upload(sent)
    school.wait_until_receipt(NAME)
    target = tmp_path_factory.mktemp("fetched")
    done = school.sftp_batch(f"get /{school.account}/receipts/* {target}")
    assert done.returncode == 0, done.stderr
    (path,) = target.glob("*.json")
    names = sorted(found.name for found in target.iterdir())
    return Fetched(sent=sent, receipt=json.loads(path.read_bytes()), names=names)


@pytest.fixture(scope="module")
def items(shared_school: School, fetched: Fetched) -> dict[str, Any]:
    """What `report items` answers after the upload."""
    answer: dict[str, Any] = shared_school.ask("report", "items")
    return answer


def test_every_command_that_makes_an_installation_exits_0_in_silence(template: Template) -> None:
    """An install script can rely on exit codes, and shows nobody a warning to wonder about."""
    assert [(done.returncode, done.stderr) for done in template.done] == [(0, "")] * 5


def test_init_twice_changes_nothing(school: School) -> None:
    """A deployment that runs on every boot neither resets config nor alarms clients."""

    def content() -> dict[Path, bytes]:
        return {
            path: path.read_bytes()
            for folder in (school.config, school.folder / "data" / "host_keys")
            for path in folder.iterdir()
        }

    before = content()
    assert school.run("init", str(school.folder)).returncode == 0
    assert content() == before


def test_init_lets_the_first_admin_in_once(school: School, tmp_path: Path) -> None:
    """The console is nobody's who happens to come first, and a second run locks nobody out."""
    made = school.run("init", str(tmp_path / "new"))
    [link] = re.findall(r"^  http://127\.0\.0\.1:\d+/invite/\S{43}$", made.stdout, re.MULTILINE)
    assert "signs in as admin" in made.stdout
    again = school.run("init", str(tmp_path / "new"))
    assert again.returncode == 0
    assert "invite" not in again.stdout
    kept = b"".join(path.read_bytes() for path in (tmp_path / "new" / "data").glob("ledger*"))
    assert link.rpartition("/")[2].encode() not in kept


def test_the_receipt_has_exactly_the_keys_of_the_contract(fetched: Fetched) -> None:
    """A district's script that reads receipts never meets a surprise."""
    assert list(fetched.receipt) == [
        *("receipt_version", "upload_id", "account", "filename", "format", "sha256", "size_bytes"),
        *("received_at", "finished_at", "status", "rows", "applied_amount", "findings"),
        *("findings_omitted", "findings_by_code", "seal"),
    ]
    assert list(fetched.receipt["rows"]) == [
        *("total", "applied", "duplicate", "conflict", "rejected")
    ]


def test_the_receipt_says_what_was_sent_and_what_became_of_it(fetched: Fetched) -> None:
    """The business office sees at a glance that all of a file arrived."""
    content = fetched.sent.read_bytes()
    told = {name: fetched.receipt[name] for name in fetched.receipt if not name.endswith("_at")}
    seal = told.pop("seal")
    assert list(seal) == ["batch", "proof"]  # the first receipt continues none
    assert list(seal["batch"]) == ["batch_no", "sealed_at", "rows_sealed", "amount_posted", "hash"]
    assert told == {
        "receipt_version": 1,
        "upload_id": told["upload_id"],
        "account": "SPRINGFIELD",
        "filename": NAME,
        "format": "student_billing",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "status": "processed",
        "rows": {"total": 3, "applied": 3, "duplicate": 0, "conflict": 0, "rejected": 0},
        "applied_amount": "30.75",
        "findings": [],
        "findings_omitted": 0,
        "findings_by_code": {},
    }


def test_a_file_without_findings_has_one_receipt_and_no_csv(fetched: Fetched) -> None:
    """An empty list of complaints would only make people look for one."""
    assert fetched.names == [f"student_billing_destiny.{fetched.receipt['upload_id']}.json"]


def test_items_and_receipt_agree(items: dict[str, Any], fetched: Fetched) -> None:
    """Each figure of a report leads back to the row of the file that it came from."""
    upload_id = fetched.receipt["upload_id"]
    rows = items["rows"]
    facts = [(row["tracking_id"], row["row"], row["amount"], row["open"]) for row in rows]
    assert facts == [
        ("D-1", 2, "18.50", "18.50"),
        ("D-2", 3, "5.00", "5.00"),
        ("D-3", 4, "7.25", "7.25"),
    ]
    assert {(row["upload_id"], row["status"]) for row in rows} == {(upload_id, "unpaid")}


def test_days_are_those_of_the_school(items: dict[str, Any]) -> None:
    """A fee of late evening in Chicago is not booked on the next day because of UTC."""
    days = {row["tracking_id"]: row["occurred_on"] for row in items["rows"]}
    assert (days["D-1"], days["D-2"]) == ("2025-05-03", "2025-05-03")


def test_totals_of_items_are_the_applied_amount(items: dict[str, Any], fetched: Fetched) -> None:
    """What the receipt promises is what the ledger holds, to the cent."""
    assert items["totals"]["amount"] == fetched.receipt["applied_amount"]


def test_balances_are_what_each_student_owes(shared_school: School, fetched: Fetched) -> None:
    """Wallet and liability are never mixed, and negative means that money is owed."""
    answer = shared_school.ask("report", "balances")
    balances = {(row["party"], row["account_type"]): row["balance"] for row in answer["rows"]}
    assert balances == {
        ("00042", "LIABILITY"): "-18.50",
        ("00043", "LIABILITY"): "-5.00",
        ("00043", "WALLET"): "-7.25",
    }


def test_incoming_is_empty_afterwards(shared_school: School, fetched: Fetched) -> None:
    """A client that lists the folder sees what still waits, and nothing else."""
    done = shared_school.sftp_batch(f"ls -1 /{shared_school.account}/incoming")
    assert [line for line in done.stdout.splitlines() if NAME in line] == []
