"""Every sample of a payment file gets the verdict that stands beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingestd.formats.checking import RowBatch
from ingestd.formats.fields import Kind
from ingestd.formats.findings.codes import Finding, Verdict
from ingestd.formats.names import FormatName
from ingestd.formats.rows.payments import PaymentRow
from ingestd.formats.rules import FileRules, LastRow
from tests.judging import PAYMENT_FORMATS, check_charge_file, check_payment_file

SAMPLES = Path(__file__).parents[2] / "samples"
FORMATS = tuple(PAYMENT_FORMATS)
NAMES = [(name, path.stem) for name in FORMATS for path in sorted((SAMPLES / name).glob("*.csv"))]
RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)


def expected_of(kind: FormatName, name: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((SAMPLES / kind / f"{name}.json").read_text("utf-8"))
    return expected


def place_of(finding: Finding) -> dict[str, object]:
    place = {
        "code": str(finding.code),
        "verdict": str(finding.verdict),
        "row": finding.row,
        "line": finding.line,
        "column": finding.column,
        "value": finding.value,
    }
    return {key: value for key, value in place.items() if value is not None}


def judged(kind: FormatName, name: str) -> tuple[RowBatch[PaymentRow], ...]:
    changes = dict(expected_of(kind, name).get("rules", {}))
    if "last_row_without_newline" in changes:
        changes["last_row_without_newline"] = LastRow(changes["last_row_without_newline"])
    rules = replace(RULES, **changes)
    blocks = [(SAMPLES / kind / f"{name}.csv").read_bytes()]
    return tuple(check_payment_file(kind, blocks, rules))


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_sample_gets_its_verdict(kind: FormatName, name: str) -> None:
    """A provider gets the same answer to the same strange file, release after release."""
    expected = expected_of(kind, name)
    batches = judged(kind, name)
    findings = [finding for batch in batches for finding in batch.findings]
    assert any(batch.is_refused for batch in batches) == expected["refused"], findings

    def by_place(place: dict[str, object]) -> str:
        return json.dumps(place, sort_keys=True)

    found = sorted((place_of(finding) for finding in findings), key=by_place)
    assert found == sorted(expected["findings"], key=by_place)
    if not expected["refused"]:
        assert sum(len(batch.rows) for batch in batches) == expected["rows"]
        assert sum(len(batch.rejected) for batch in batches) == expected["rejected"]
    for finding in findings:
        assert finding.message.endswith(".")
        assert len(finding.message) < 300
        assert len(finding.value or "") <= 100


@pytest.mark.parametrize("kind", FORMATS)
def test_every_column_has_a_sample_that_breaks_it(kind: FormatName) -> None:
    """No limit of the specification is merely written down."""
    broken = {
        (finding.column, str(finding.code))
        for sample_kind, name in NAMES
        if sample_kind is kind
        for batch in judged(kind, name)
        for finding in batch.findings
        if finding.verdict is Verdict.ROW
    }
    for column in PAYMENT_FORMATS[kind].columns:
        codes = {code for name, code in broken if name == column.name}
        assert codes
        assert ("value_missing" in codes) == column.mandatory, column.name
        if column.kind in {Kind.IDENTIFIER, Kind.TEXT}:
            assert "value_too_long" in codes, column.name


def test_every_sample_has_both_files() -> None:
    """A sample without its verdict would never be looked at."""
    for kind in FORMATS:
        verdicts = sorted(path.stem for path in (SAMPLES / kind).glob("*.json"))
        assert verdicts == [name for sample_kind, name in NAMES if sample_kind is kind]
        assert len(verdicts) > 40


@pytest.mark.parametrize(
    ("kind", "sent_as"),
    [(kind, sent_as) for kind in FORMATS for sent_as in FORMATS if kind is not sent_as],
)
@pytest.mark.parametrize("ending", ["", "_with_header"])
def test_a_file_under_the_name_of_another_format_is_told_its_own(
    kind: FormatName, sent_as: FormatName, ending: str
) -> None:
    """Whoever mixed two names up reads which one it should have been."""
    [finding] = judged(sent_as, f"other_{kind}{ending}")[-1].findings
    assert f"rows look like those of {kind.value}." in finding.message


@pytest.mark.parametrize("sent_as", FORMATS)
@pytest.mark.parametrize(
    ("sample", "kind"),
    [("other_charges", "student_billing"), ("other_refunds", "student_refunds")],
)
def test_charges_and_refunds_under_the_name_of_payments_are_told_their_own(
    sample: str, kind: str, sent_as: FormatName
) -> None:
    """A refund names nothing that a charge does not name, too; it is no charge all the same."""
    [finding] = judged(sent_as, sample)[-1].findings
    assert f"rows look like those of {kind}." in finding.message


@pytest.mark.parametrize("kind", FORMATS)
def test_payments_under_the_name_of_charges_are_told_their_own(kind: FormatName) -> None:
    """Nobody is asked to name the columns of a file that has no header by its nature."""
    blocks = [(SAMPLES / "student_billing" / f"other_{kind}.csv").read_bytes()]
    [finding] = [
        finding for batch in check_charge_file(blocks, RULES) for finding in batch.findings
    ]
    assert f"rows look like those of {kind.value}." in finding.message


def test_no_finding_on_a_payment_asks_for_what_its_format_refuses() -> None:
    """A provider who does as told is not rejected again: moments are written without an offset."""
    messages = {
        finding.message
        for kind, name in NAMES
        for batch in judged(kind, name)
        for finding in batch.findings
        if finding.code.startswith("time_")
    }
    assert len(messages) >= 5
    assert not any("offset" in message or "T14:38:02Z" in message for message in messages)


def test_the_content_of_a_payment_stays_when_the_time_zone_is_corrected() -> None:
    """An account whose zone was wrong gets no payment a second time."""
    blocks = [(SAMPLES / "fee_payments" / "time_fine.csv").read_bytes()]
    moved = replace(RULES, timezone=ZoneInfo("Australia/Sydney"))
    here, there = (
        [
            (row.content_hash, row.row_key)
            for batch in check_payment_file(FormatName.FEE_PAYMENTS, blocks, rules)
            for row in batch.rows
        ]
        for rules in (RULES, moved)
    )
    assert here == there
    assert len(set(here)) == 2  # a date alone is its midnight


def test_a_key_with_a_colon_is_no_other_key() -> None:
    """Two receipts of two merchants are two payments, whatever characters they hold."""
    rows = ("A:B,5,C", "A,5,B:C", "A,5,B%3AC", "A,5,null", "A:5,5,null")
    content = "".join(f"2007-07-11,5.00,{start},COLL001,5.00,0,0,0\n" for start in rows).encode()
    batches = check_payment_file(FormatName.FEE_PAYMENTS, [content], RULES)
    assert len({row.row_key for batch in batches for row in batch.rows}) == len(rows)
