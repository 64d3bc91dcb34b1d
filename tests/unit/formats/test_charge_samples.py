"""Every sample file gets the verdict that stands beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Finding
from ingestd.formats.kinds.student_billing import ChargeRow
from ingestd.formats.rules import FileRules, LastRow
from tests.judging import check_charge_file

SAMPLES = Path(__file__).parents[2] / "samples" / "student_billing"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.csv"))

RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)


def expected_of(name: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return expected


def rules_of(expected: dict[str, Any]) -> FileRules:
    changes = dict(expected.get("rules", {}))
    if "timezone" in changes:
        changes["timezone"] = ZoneInfo(changes["timezone"])
    if "ignore_columns" in changes:
        changes["ignore_columns"] = tuple(changes["ignore_columns"])
    if "last_row_without_newline" in changes:
        changes["last_row_without_newline"] = LastRow(changes["last_row_without_newline"])
    return replace(RULES, **changes)


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


def judged(name: str) -> list[RowBatch[ChargeRow]]:
    blocks = [(SAMPLES / f"{name}.csv").read_bytes()]
    return list(check_charge_file(blocks, rules_of(expected_of(name))))


@pytest.mark.parametrize("name", NAMES)
def test_sample_gets_its_verdict(name: str) -> None:
    """A district gets the same answer to the same strange file, release after release."""
    expected = expected_of(name)
    batches = judged(name)
    findings = [finding for batch in batches for finding in batch.findings]
    assert any(batch.is_refused for batch in batches) == expected["refused"], findings

    def by_place(place: dict[str, object]) -> str:
        return json.dumps(place, sort_keys=True)

    found = sorted((place_of(finding) for finding in findings), key=by_place)
    assert found == sorted(expected["findings"], key=by_place)
    if not expected["refused"]:
        assert sum(len(batch.rows) for batch in batches) == expected["rows"]
        assert sum(len(batch.rejected) for batch in batches) == expected["rejected"]


@pytest.mark.parametrize("name", NAMES)
def test_sample_findings_speak_to_people(name: str) -> None:
    """A finding without words, or with a whole row in it, helps nobody."""
    for batch in judged(name):
        for finding in batch.findings:
            assert finding.message.endswith(".")
            assert len(finding.message) < 300
            assert len(finding.value or "") <= 100


def test_every_sample_has_both_files() -> None:
    """A sample without its verdict would never be looked at."""
    assert sorted(path.stem for path in SAMPLES.glob("*.json")) == NAMES
    assert len(NAMES) > 100
