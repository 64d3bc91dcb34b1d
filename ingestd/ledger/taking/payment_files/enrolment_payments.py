"""Enrolment payments: deposits and advances, and income that is a sale and its payment together."""

from __future__ import annotations

from ingestd.database.statements import Statements
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.taking import messages
from ingestd.ledger.taking.payment_files.payment_posting import (
    PaymentSteps,
    add_parents,
    insert_parts_of_sales,
    insert_sales,
    number_rows_of_parents,
    payment_taking,
    run,
)
from ingestd.ledger.taking.payment_files.payment_rows import GENERAL_LEDGER, PARENT, SALES, rules_of

_SQL = Statements(__file__)

_ENROLLED = rules_of(
    _SQL,
    {
        "find_unknown_students": messages.STUDENT_UNKNOWN,
        "find_cancelled_students": messages.STUDENT_CANCELLED,
        "find_other_parents": messages.PARENT_MISMATCH,
    },
)


def _add_parties(entry: Entry) -> None:
    add_parents(entry)
    entry.head.parties += run(entry, _SQL, "insert_students")
    number_rows_of_parents(entry)


TAKING = payment_taking(
    PaymentSteps(
        kind="enrolment",
        rules=(*GENERAL_LEDGER, *PARENT, *_ENROLLED, *SALES),
        add_parties=_add_parties,
        insert_sales=insert_sales,
        insert_parts=insert_parts_of_sales,
        has_details=True,
    )
)
