"""Charge files to put strange text into, and what is promised of every verdict on them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Finding, Verdict
from ingestd.formats.kinds.student_billing import STUDENT_BILLING, ChargeRow
from ingestd.formats.rules import FileRules
from tests.judging import check_charge_file
from tests.strange_strings import BYTE_ORDER_MARK, strange_strings

Verdicts = list[RowBatch[ChargeRow]]
Quoting = Literal[0, 1]

COLUMNS = STUDENT_BILLING.column_names
RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)
NAUGHTY_STRINGS: tuple[str, ...] = tuple(strange_strings())
# The others are refused with their file where they begin a line.
READABLE_STRINGS = tuple(string for string in NAUGHTY_STRINGS if BYTE_ORDER_MARK not in string)
WHERE_NEEDED: Final = csv.QUOTE_MINIMAL
EVERYWHERE: Final = csv.QUOTE_ALL


def good_fields(tracking_id: str, **changes: str) -> list[str]:
    """Return the fields of a charge that is fine, but for what is changed."""
    fields = {
        "account_type": "WALLET",
        "charge_tracking_id": tracking_id,
        "student_id": "00042",
        "billing_code": "MEAL",
        "note": "soup",
        "amount": "5.00",
        "transaction_occurred_time": "2026-03-02T14:38:02Z",
    }
    assert not changes.keys() - fields.keys()
    return list((fields | changes).values())


def charge_file(
    rows: Iterable[Sequence[str]],
    *,
    header: Sequence[str] = COLUMNS,
    quoting: Quoting = WHERE_NEEDED,
) -> bytes:
    """Return a charge file of these rows, with quotes as any CSV library would set them."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=quoting)
    writer.writerow(header)
    writer.writerows(rows)
    return written.getvalue().encode()


def checked(content: bytes, *, block_bytes: int | None = None) -> Verdicts:
    """Return the verdict on a charge file, which has arrived in blocks of this size."""
    size_bytes = block_bytes or max(1, len(content))
    blocks = (content[at : at + size_bytes] for at in range(0, len(content), size_bytes))
    return list(check_charge_file(blocks, RULES))


def rows_of(batches: Verdicts) -> list[ChargeRow]:
    return [row for batch in batches for row in batch.rows]


def findings_of(batches: Verdicts) -> list[Finding]:
    return [finding for batch in batches for finding in batch.findings]


def is_refused(batches: Verdicts) -> bool:
    return batches[-1].is_refused


def assert_adds_up(batches: Verdicts, about: object = None) -> None:
    """Fail unless the file is refused, or each of its records is either good or rejected."""
    assert batches, about
    assert not any(batch.is_refused for batch in batches[:-1]), about
    if is_refused(batches):
        return
    for batch in batches:
        good = {row.row for row in batch.rows}
        rejected = {row for row, _ in batch.rejected}
        told = {finding.row for finding in batch.findings if finding.verdict is Verdict.ROW}
        assert len(batch.rows) + len(batch.rejected) == batch.records, about
        assert (len(good), len(rejected)) == (len(batch.rows), len(batch.rejected)), about
        assert told == rejected, about
        assert not good & rejected, about
