"""The stage of a payment file: its rows with all that the ledger needs to know of each."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingestd.database.bulk import Temporary
from ingestd.database.copying import Columns
from ingestd.database.scratch import Scratch
from ingestd.formats.rows.payments import PaymentRow
from ingestd.ledger.books.days import QUARTER_HOUR, Days
from ingestd.ledger.taking.stage import Stager

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
        "address_1": "text?",
        "address_2": "text?",
        "address_3": "text?",
        "town": "text?",
        "state": "text?",
        "postcode": "text?",
        "country": "text?",
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


class PaymentStager(Stager[PaymentRow]):
    """Stages payment files."""

    def __init__(self, *, zone: ZoneInfo) -> None:
        super().__init__(PAYMENTS)
        self._days = Days(zone)

    def _staged(self, scratch: Scratch, rows: Sequence[PaymentRow]) -> Columns:
        """Return the columns of the rows, and the day that each was received on."""
        if not rows:
            return ()
        columns = super()._staged(scratch, rows)
        instants = columns[PaymentRow._fields.index("submitted_at")]
        days = map(self._days.__getitem__, [instant // QUARTER_HOUR for instant in instants])
        return (*columns, list(days))
