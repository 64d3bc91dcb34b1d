"""Payment files: which staged rows become payments, and what the others are. All set-based."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head
from ingestd.ledger.taking import messages
from ingestd.ledger.taking.payment_files.payment_stage import PAYMENTS
from ingestd.ledger.taking.taking import Weight
from ingestd.ledger.taking.verdicts import any_bad_row, reject_everything, reject_found

_SQL = Statements(__file__)


class Rule(NamedTuple):
    """A statement that finds the new rows which break it, and what is said of them."""

    statements: Statements
    name: str
    message: str


def rules_of(statements: Statements, messages_by_name: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules that a module has statements for."""
    return tuple(Rule(statements, name, text) for name, text in messages_by_name.items())


PARENT = rules_of(_SQL, {"find_unknown_parents": messages.PARENT_UNKNOWN})
GENERAL_LEDGER = rules_of(
    _SQL,
    {
        "find_unknown_gl_accounts": messages.GL_ACCOUNT_UNKNOWN,
        "find_closed_gl_accounts": messages.GL_ACCOUNT_CLOSED,
        "find_unknown_tax_codes": messages.TAX_CODE_UNKNOWN,
    },
)
SALES = rules_of(_SQL, {"find_keys_of_charges": messages.KEY_OF_A_CHARGE})
_OPEN_BATCHES = rules_of(_SQL, {"find_settled_batches": messages.BATCH_SETTLED})


def judge_staged_payments(
    connection: Connection,
    head: Head,
    *,
    rules: Sequence[Rule],
    warnings: Sequence[Rule],
    all_or_nothing: bool,
) -> bool:
    """Sort the stage by the rules of its format; tell whether the file is taken at all.

    False: it names a merchant that is unknown, and the stage holds nothing but that finding.
    True: exactly the rows that stay in `stage_payment` without a `stage_repeat` are to be
    applied; under `all_or_nothing` that is none as soon as one row is bad.
    """
    if _refuse_unknown_merchants(connection, head):
        return False
    _SQL.run(connection, "number_identical_rows")
    # First of all: what was applied before is a duplicate, whatever the catalog says by now.
    _find_repeats_of_ledger(connection, head)
    _reject(connection, head, rules)
    _forget_rejected(connection)
    if _reject(connection, head, _OPEN_BATCHES):
        _forget_rejected(connection)
    _find_repeats_in_file(connection)
    _find(connection, head, warnings)
    _SQL.run(connection, "name_rows")
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, PAYMENTS)
    return True


def weigh_staged_payments(connection: Connection, _head: Head) -> Weight:
    """Return how many payments the stage holds still, and what they come to."""
    weighed = _SQL.run(connection, "weigh_payments").one()
    return Weight(rows=int(weighed.payments), amount=int(weighed.amount))


def _refuse_unknown_merchants(connection: Connection, head: Head) -> bool:
    values = {"account": head.account, "message": messages.MERCHANT_UNKNOWN}
    if not _SQL.run(connection, "find_unknown_merchants", values).rowcount:
        return False
    _SQL.run(connection, "forget_other_findings")
    return True


def _find_repeats_of_ledger(connection: Connection, head: Head) -> None:
    """Mark the rows whose key the ledger holds already: same content or other content."""
    account = {"account": head.account}
    if _SQL.run(connection, "find_repeats_of_ledger", account).rowcount:
        told = {**account, "message": messages.PAYMENT_REPEATED.conflict_with_ledger}
        _SQL.run(connection, "find_conflicts_with_ledger", told)


def _find_repeats_in_file(connection: Connection) -> None:
    """Mark the rows that share a key with an earlier row of the file."""
    if _SQL.run(connection, "find_repeats_in_file").rowcount:
        _SQL.run(
            connection,
            "tell_repeats_in_file",
            {
                "duplicate": messages.PAYMENT_REPEATED.duplicate_in_file,
                "conflict": messages.PAYMENT_REPEATED.conflict_in_file,
            },
        )


def _reject(connection: Connection, head: Head, rules: Sequence[Rule]) -> bool:
    """Reject the new rows that break one of the rules; tell whether there are any."""
    found = _find(connection, head, rules)
    if found:
        reject_found(connection)
    return found > 0


def _find(connection: Connection, head: Head, rules: Sequence[Rule]) -> int:
    """Stage what the rules find; return how much that is."""
    found = 0
    for rule in rules:
        values = {"account": head.account, "message": rule.message}
        found += rule.statements.run(connection, rule.name, values).rowcount
    return found


def _forget_rejected(connection: Connection) -> None:
    """Take the rejected rows out of the stage; of each stays by what it is found again.

    A rejected row does not use up its key: mended, it may come again, even later in this file.
    """
    _SQL.run(connection, "name_rows")
    _SQL.run(connection, "forget_rejected")
