"""Fee payments: parents' money for fees, the building fund, and a merchant's other account."""

from __future__ import annotations

from ingestd.database.statements import Statements
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.taking.messages import OTHER_GL_ACCOUNT_MISSING
from ingestd.ledger.taking.payment_files.payment_posting import (
    PaymentSteps,
    add_parents,
    number_rows_of_parents,
    payment_taking,
    run,
)
from ingestd.ledger.taking.payment_files.payment_rows import PARENT, rules_of

_SQL = Statements(__file__)


def _add_parties(entry: Entry) -> None:
    add_parents(entry)
    number_rows_of_parents(entry)


def _insert_parts(entry: Entry) -> None:
    run(entry, _SQL, "insert_parts_of_fees")


TAKING = payment_taking(
    PaymentSteps(
        kind="fee_account",
        rules=PARENT,
        warnings=rules_of(_SQL, {"warn_of_missing_accounts": OTHER_GL_ACCOUNT_MISSING}),
        add_parties=_add_parties,
        insert_parts=_insert_parts,
    )
)
