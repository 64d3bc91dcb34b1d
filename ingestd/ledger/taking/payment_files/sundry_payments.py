"""Sundry payments: each a sale to a guest and its payment together, or what a donor gives."""

from __future__ import annotations

from ingestd.database.bulk import analyse
from ingestd.database.statements import Statements
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.paying.allocations import SUNDRY_SALE
from ingestd.ledger.taking import messages
from ingestd.ledger.taking.payment_files.payment_posting import (
    NUMBERED,
    PaymentSteps,
    insert_parts_of_sales,
    insert_sales,
    payment_taking,
    run,
)
from ingestd.ledger.taking.payment_files.payment_rows import GENERAL_LEDGER, SALES, rules_of

_SQL = Statements(__file__)

_DONATIONS = rules_of(
    _SQL,
    {
        "find_unknown_donors": messages.DONOR_UNKNOWN,
        "find_missing_donors": messages.DONOR_MISSING,
        "find_unknown_appeals": messages.APPEAL_UNKNOWN,
        "find_missing_appeals": messages.APPEAL_MISSING,
        "find_unknown_pledges": messages.PLEDGE_UNKNOWN,
    },
)


def _add_parties(entry: Entry) -> None:
    """Make each row's payer a guest of its own."""
    run(entry, _SQL, "number_rows_of_guests")
    analyse(entry.connection, NUMBERED)
    entry.head.parties += run(entry, _SQL, "insert_guests")
    run(entry, _SQL, "insert_names_of_guests")


TAKING = payment_taking(
    PaymentSteps(
        kind=SUNDRY_SALE,
        rules=(*GENERAL_LEDGER, *_DONATIONS, *SALES),
        add_parties=_add_parties,
        insert_sales=insert_sales,
        insert_parts=insert_parts_of_sales,
        has_details=True,
    )
)
