"""The stage: a file's checked rows in temporary tables, before the ledger decides about them.

Only this connection sees it, and filling it takes no lock that another writer waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, create_temporary, drop_temporary, stage
from ingestd.formats.charges import ChargeRow
from ingestd.formats.findings import Finding
from ingestd.formats.texts import fold_key

CHARGES = Temporary(
    "stage_charge",
    {
        "row": "whole",
        "line": "whole",
        "tracking_id": "text",
        "account_type": "text",
        "student_id": "text",
        "billing_code": "text",
        "note": "text?",
        "amount": "whole?",
        "occurred_at": "whole",
        "effective_on": "text",
        "content_hash": "text",
        "folded_id": "text?",
    },
    key=("row",),
)
REJECTED = Temporary("stage_rejected", {"row": "whole", "line": "whole"}, key=("row",))
# Rows that are neither rejected nor to be applied: what they repeat or contradict.
REPEATS = Temporary(
    "stage_repeat",
    {
        "row": "whole",
        "line": "whole",
        "tracking_id": "text",
        "outcome": "text",
        "first_row": "whole?",
    },
    key=("row",),
)
FINDINGS = Temporary(
    "stage_finding",
    {
        "code": "text",
        "verdict": "text",
        "row": "whole?",
        "line": "whole?",
        "column_name": "text?",
        "value": "text?",
        "message": "text",
    },
)
_TABLES = (CHARGES, REJECTED, REPEATS, FINDINGS)

_QUARTER_HOUR = 15 * 60 * 1_000_000  # no zone changes its offset inside a quarter of an hour


class ChargeStage:
    """One file's charges on their way into the ledger."""

    def __init__(self, connection: Connection, *, zone: ZoneInfo, received_at: int) -> None:
        self._connection = connection
        self._zone = zone
        self._received_at = received_at
        self._days: dict[int, str] = {}
        self.records = 0

    def add(
        self,
        *,
        rows: Iterable[ChargeRow],
        rejected: Iterable[tuple[int, int]],
        findings: Iterable[Finding],
        records: int,
    ) -> None:
        """Append one batch of checked records; `rejected` holds the (row, line) of bad ones.

        A charge that does not say when it occurred, occurred when its file was received.
        """
        stage(self._connection, CHARGES, [self._staged(row) for row in rows])
        stage(self._connection, REJECTED, list(rejected))
        self.add_findings(findings)
        self.records += records

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Append findings that came without rows."""
        stage(
            self._connection,
            FINDINGS,
            [
                (
                    *(f.code.value, f.verdict.value, f.row, f.line),
                    *(_storable(f.column), _storable(f.value), _storable(f.message)),
                )
                for f in findings
            ],
        )

    def empty(self) -> None:
        """Forget every row and finding: the file was refused after some of it had been read."""
        create_temporary(self._connection, *_TABLES)
        self.records = 0

    def finish(self) -> None:
        """Say that all rows are there."""
        analyse(self._connection, *_TABLES)

    def _staged(self, row: ChargeRow) -> tuple[object, ...]:
        occurred_at = self._received_at if row.occurred_at_us is None else row.occurred_at_us
        return (
            row.row,
            row.line,
            row.tracking_id,
            row.account_type,
            row.student_id,
            row.billing_code,
            row.note,
            row.amount_cents,
            occurred_at,
            self._day(occurred_at),
            row.content_hash,
            _folded(row.tracking_id),
        )

    def _day(self, instant: int) -> str:
        """Return the day in the account's time zone, which is the day the books file it under."""
        quarter = instant // _QUARTER_HOUR
        day = self._days.get(quarter)
        if day is None:
            moment = datetime.fromtimestamp(quarter * _QUARTER_HOUR // 1_000_000, UTC)
            day = self._days[quarter] = moment.astimezone(self._zone).date().isoformat()
        return day


def _storable(text: str | None) -> str | None:
    """Return a finding's text as both databases hold it: PostgreSQL knows no NUL."""
    if text is None or ("\0" not in text and text.isascii()):
        return text
    return text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode()


@contextmanager
def charge_stage(
    connection: Connection, *, zone: ZoneInfo, received_at: int
) -> Iterator[ChargeStage]:
    """Lend an empty stage on a connection that is in no transaction; it is removed afterwards.

    `received_at` is in microseconds since 1970.
    """
    with connection.begin():
        create_temporary(connection, *_TABLES)
    try:
        yield ChargeStage(connection, zone=zone, received_at=received_at)
    finally:
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            with connection.begin():
                drop_temporary(connection, *_TABLES)


def _folded(tracking_id: str) -> str | None:
    """Return by what keys alike are found, or None where that is the key itself."""
    folded = tracking_id.lower() if tracking_id.isascii() else fold_key(tracking_id)
    return None if folded == tracking_id else folded
