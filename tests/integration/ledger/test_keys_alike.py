"""Keys that only look different: taken as they are, and told."""

from __future__ import annotations

from ingestd.formats.findings.codes import Code
from ingestd.ledger.outcomes.findings import StoredFinding, read_findings
from ingestd.values.identifiers import UploadId
from tests.integration.ledger.conftest import SPRINGFIELD, Books


def findings(books: Books, upload_id: UploadId) -> list[StoredFinding]:
    with books.database.reading() as connection:
        return read_findings(connection, SPRINGFIELD, upload_id, limit=100)


def test_keys_that_differ_by_case_or_width_are_two_charges_and_a_warning(books: Books) -> None:
    """`A1` and `a1` may be one charge exported by two systems: somebody should look."""
    outcome = books.post(
        "WALLET,Fee-1,S1,MEAL,,1.00",
        "WALLET,FEE-1,S1,MEAL,,1.00",
        "WALLET,ＦＥＥ-1,S1,MEAL,,1.00",
        "WALLET,fee-2,S1,MEAL,,1.00",
    )
    assert outcome.rows is not None
    assert (outcome.rows.applied, outcome.rows.rejected) == (4, 0)
    told = [(finding.code, finding.row) for finding in findings(books, outcome.upload_id)]
    assert told == [(Code.KEYS_ALIKE, 3), (Code.KEYS_ALIKE, 4)]


def test_the_same_key_again_is_no_key_alike(books: Books) -> None:
    """A duplicate is told as a duplicate, not twice."""
    outcome = books.post("WALLET,FEE-1,S1,MEAL,,1.00", "WALLET,FEE-1,S1,MEAL,,1.00")
    told = [finding.code for finding in findings(books, outcome.upload_id)]
    assert told == [Code.DUPLICATE_IN_FILE]
