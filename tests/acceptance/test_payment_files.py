"""A provider's payments, from its own SFTP client to the family's paid charge."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

CHARGES = (
    "LIABILITY,C-1,00042,LOST_BOOK,,18.50,2025-03-02T14:38:02Z",
    "LIABILITY,C-2,00043,LATE_FEE,,30.00,2025-04-02T14:38:02Z",
)
PAYMENTS = (
    "2025-07-11 08:10:10,40.00,ABCDE371,20250711,657575,P-77,30.00,12.00,0.00,2.00\n"
    "2025-07-11 22:36:19,5.00,ABCDE371,20250712,657576,P-77,5.00,0.00,0.00,0.00\n"
)


@pytest.fixture
def merchant_school(school: School) -> School:
    """A running school that knows one merchant and has charged a family."""
    with sqlite3.connect(school.folder / "data" / "ledger.db") as ledger:
        ledger.execute(
            "INSERT INTO merchant (account, merchant_id, description) VALUES (?, 'ABCDE371', '')",
            (school.account,),
        )
    ledger.close()
    school.start()
    school.upload(school.write("student_billing.csv", *CHARGES))
    assert school.wait_until_receipt("student_billing.csv")["rows"]["applied"] == 2
    return school


def test_a_batch_that_the_bank_confirms_pays_the_family_s_charges(merchant_school: School) -> None:
    """From the provider's upload to the paid book there is one command, held to the bank's sum."""
    school = merchant_school
    file = school.outbox / "fee_payments_july.csv"
    file.write_text(PAYMENTS)
    school.upload(file)
    receipt = school.wait_until_receipt(file.name)
    assert (receipt["status"], receipt["applied_amount"]) == ("processed", "45.00")
    assert [(b["batch_num"], b["rows"], b["amount"]) for b in receipt["batches"]] == [
        ("20250711", 1, "40.00"),
        ("20250712", 1, "5.00"),
    ]
    batch = ("--account", school.account, "--merchant", "ABCDE371", "--batch", "20250711")
    wrong = school.run("payments", "settle", *batch, "--expect-total", "40.01")
    assert wrong.returncode == 1
    assert [item["status"] for item in school.ask("report", "items")["rows"]] == ["unpaid"] * 2
    done = school.run("payments", "settle", *batch, "--expect-total", "40.00")
    assert (done.returncode, done.stderr) == (0, "")
    items = {item["tracking_id"]: item for item in school.ask("report", "items")["rows"]}
    assert (items["C-1"]["status"], items["C-1"]["open"]) == ("paid", "0.00")
    assert (items["C-2"]["status"], items["C-2"]["open"]) == ("partial", "18.50")
    balances = {row["party"]: row["balance"] for row in school.ask("report", "balances")["rows"]}
    assert (balances.get("00042", "0.00"), balances["00043"]) == ("0.00", "-18.50")
    school.upload(file)
    again = school.wait_until_receipts(file.name, 2)[1]
    assert (again["rows"]["duplicate"], again["batches"]) == (2, [])
