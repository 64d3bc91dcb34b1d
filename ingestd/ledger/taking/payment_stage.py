"""The stage of a payment file: its rows with all that the ledger needs to know of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.formats.kinds.payments import PaymentRow
from ingestd.formats.rows.turned import columns_of
from ingestd.ledger.books.days import QUARTER_HOUR, Days
from ingestd.ledger.taking.stage import Stage

PAYMENTS = Temporary(
    "stage_payment",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
        "content_hash": "octets",
        "has_receipt": "whole",
        "submitted_at": "whole",
        "amount": "whole",
        "merchant_id": "text?",
        "batch_num": "text",
        "receipt_num": "text?",
        "parent_code": "text?",
        "student_id": "text?",
        "payer_name": "text?",
        "address": "text?",
        "comment": "text?",
        "gl_account": "text?",
        "tax_code": "text?",
        "receipt_type": "text?",
        "donor_number": "text?",
        "appeal_code": "text?",
        "pledge_number": "text?",
        "fee": "whole",
        "building": "whole",
        "other": "whole",
        "discount": "whole",
        "tax": "whole",
        "received_on": "whole",
    },
    key=("row",),
)


class PaymentStage(Stage[PaymentRow]):
    """One file's payments on their way into the ledger."""

    def __init__(self, connection: Connection, *, zone: ZoneInfo) -> None:
        super().__init__(connection, PAYMENTS)
        self._days = Days(zone)

    def _staged(self, rows: Sequence[PaymentRow]) -> Iterable[Sequence[object]]:
        """Return the values of each row, and the day that it was received on."""
        if not rows:
            return ()
        columns = columns_of(rows)
        instants = columns[PaymentRow._fields.index("submitted_at")]
        days = map(self._days.__getitem__, [instant // QUARTER_HOUR for instant in instants])
        return list(zip(*columns, days, strict=True))
