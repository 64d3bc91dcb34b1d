"""The verdict on folder and ledger, over every combination of what can be seen."""

from __future__ import annotations

import itertools

from ingestd.database.identity import FoundLedger
from ingestd.service.installation.standing import Evidence, Standing, decide_standing
from ingestd.spool.known_ledger import KnownLedger
from ingestd.values.identifiers import LedgerId

IDS = (LedgerId("a" * 32), LedgerId("b" * 32))
PLACES = ("here", "there")
KNOWN = (None, *(KnownLedger(ledger_id=i, place=p) for i in IDS for p in PLACES))
FOUND = (None, *(FoundLedger(revision="0006", ledger_id=i) for i in (None, *IDS)))
SEEN = (
    *("is_default", "is_initialised", "holds_uploads", "knows_uploads"),
    *("own_has_batches", "daemon_runs"),
)
EVERYTHING = [
    Evidence(known=known, found=found, place=place, **dict(zip(SEEN, seen, strict=True)))
    for known in KNOWN
    for found in FOUND
    for place in PLACES
    for seen in itertools.product((False, True), repeat=len(SEEN))
]
MAY_USE = {Standing.OWN, Standing.FIRST, Standing.ANEW}


def test_what_is_used_is_there() -> None:
    """No ledger is ever made by using it."""
    for evidence in EVERYTHING:
        if decide_standing(evidence) in MAY_USE:
            assert evidence.found is not None


def test_the_id_alone_says_that_a_ledger_is_the_folders_own() -> None:
    """Wherever it was moved to, and whatever else can be seen."""
    for evidence in EVERYTHING:
        same = (
            evidence.known is not None
            and evidence.found is not None
            and evidence.known.ledger_id == evidence.found.ledger_id
        )
        assert (decide_standing(evidence) is Standing.OWN) is same


def test_a_folder_that_was_used_leaves_its_ledger_never() -> None:
    """What was posted once is not forgotten by starting with another database."""
    for evidence in EVERYTHING:
        is_used = evidence.holds_uploads or evidence.own_has_batches or evidence.daemon_runs
        if evidence.known is not None and is_used:
            assert decide_standing(evidence) in {Standing.OWN, Standing.OTHER, Standing.GONE}


def test_a_file_that_nobody_named_takes_no_other_ledgers_place() -> None:
    """A name that was left out is a mistake, not a wish."""
    for evidence in EVERYTHING:
        known = evidence.known
        if evidence.is_default and known is not None and known.place != evidence.place:
            assert decide_standing(evidence) in {Standing.OWN, Standing.OTHER}


def test_uploads_without_a_ledger_that_knows_them_are_never_bound() -> None:
    """A folder from before meets its own ledger, or none."""
    for evidence in EVERYTHING:
        if evidence.known is None and evidence.holds_uploads and not evidence.knows_uploads:
            assert decide_standing(evidence) in {Standing.OTHER, Standing.GONE}
