"""The dry run, and how many findings a receipt shows, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.access.accounts import FilePolicy, StudentPolicy
from ingestd.intake.answering.dry_run import check_file
from ingestd.ledger.proof.statement import FINDINGS_MAX
from ingestd.values.errors import UsageError
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import Books, charges

ROWS = (
    "WALLET,T1,S1,MEAL,,1.00",
    "WALLET,T1,S1,MEAL,,2.00",
    "WALLET,T2,S9,MEAL,,1.00",
    "WALLET,T3,S1,MEAL,,x",
)
DIFFERS = ("upload_id", "received_at", "finished_at")


@pytest.mark.parametrize("file", FilePolicy)
@pytest.mark.parametrize("students", StudentPolicy)
@pytest.mark.parametrize("content", [charges(*ROWS), charges(), b"", b"%PDF-1.7"])
def test_a_dry_run_gives_the_receipt_of_the_real_run_and_stores_nothing(
    books: Books, tmp_path: Path, file: FilePolicy, students: StudentPolicy, content: bytes
) -> None:
    """A district can try a file without fear."""
    books = books.under(file=file, students=students)
    path = tmp_path / "student_billing.csv"
    path.write_bytes(content)
    before = books.dump()
    outcome, dry = check_file(books.works, books.account, path)
    assert books.dump() == before
    real = books.post_bytes(content)
    books.deliver(real.upload_id)
    receipt = Station(books=books, log=[], keeper=None).receipts()[real.upload_id]  # type: ignore[arg-type]
    assert outcome.rows == real.rows
    for key in DIFFERS:
        del dry[key], receipt[key]
    assert dry == receipt


def test_a_link_that_is_named_is_followed(books: Books, tmp_path: Path) -> None:
    """The operator's `latest` link to today's export can be tried like the export itself."""
    export = tmp_path / "export.csv"
    export.write_bytes(charges("WALLET,T1,S1,MEAL,,1.00"))
    link = tmp_path / "student_billing_latest.csv"
    link.symlink_to(export)
    outcome, receipt = check_file(books.works, books.account, link)
    assert outcome.rows is not None
    assert (outcome.rows.applied, receipt["size_bytes"]) == (1, export.stat().st_size)


def test_a_dry_run_of_nothing_says_what_is_missing(books: Books, tmp_path: Path) -> None:
    """A wrong path or name is the command's mistake, not the file's."""
    for name in ("missing_student_billing.csv", "student_billing.csv"):
        with pytest.raises(UsageError):
            check_file(books.works, books.account, tmp_path / name)


def test_a_receipt_shows_a_thousand_findings_and_drops_warnings_first(books: Books) -> None:
    """The mistakes that cost money are not buried under a thousand harmless remarks."""
    warned = [f"""WALLET,W{number},S1,MEAL,5" pipe,1.00""" for number in range(FINDINGS_MAX)]
    bad = [f"WALLET,B{number},S1,MEAL,,x" for number in range(600)]
    outcome = books.post(*warned, *bad)
    books.deliver(outcome.upload_id)
    receipt = Station(books=books, log=[], keeper=None).receipts()[outcome.upload_id]  # type: ignore[arg-type]
    codes = [finding["code"] for finding in receipt["findings"]]
    assert len(codes) == FINDINGS_MAX
    assert codes.count("amount_invalid") == 600
    assert receipt["findings_omitted"] == 600
    rows = [finding["row"] for finding in receipt["findings"]]
    assert rows == sorted(rows)
    table = next(content for name, content in books.receipts().items() if name.endswith(".csv"))
    assert table.count(b"\r\n") == 601
