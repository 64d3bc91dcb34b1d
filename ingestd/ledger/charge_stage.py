"""The stage of a charge file: its rows with what the ledger needs to know of each."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.formats.charges import ChargeRow
from ingestd.formats.texts import fold_key
from ingestd.ledger.stage import Stage

CHARGES = Temporary(
    "stage_charge",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
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

_QUARTER_HOUR = 15 * 60 * 1_000_000  # no zone changes its offset inside a quarter of an hour


class ChargeStage(Stage[ChargeRow]):
    """One file's charges on their way into the ledger.

    A charge that does not say when it occurred, occurred when its file was received:
    `received_at`, in microseconds since 1970.
    """

    def __init__(self, connection: Connection, *, zone: ZoneInfo, received_at: int) -> None:
        super().__init__(connection, CHARGES)
        self._zone = zone
        self._received_at = received_at
        self._days: dict[int, str] = {}

    def _values(self, row: ChargeRow) -> tuple[object, ...]:
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


def _folded(tracking_id: str) -> str | None:
    """Return by what keys alike are found, or None where that is the key itself."""
    folded = tracking_id.lower() if tracking_id.isascii() else fold_key(tracking_id)
    return None if folded == tracking_id else folded
