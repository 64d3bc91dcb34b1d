"""Charges: which staged rows become charges, and what the others are. All set-based.

The caller holds the account's head locked, so nothing can come between a check and its insert.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import in_this_order
from ingestd.formats.findings import Code, Verdict
from ingestd.formats.student_billing import AccountType
from ingestd.ledger.chart import ANONYMOUS_STUDENT_ID, CHARGED, PartyKind
from ingestd.ledger.head import Head
from ingestd.ledger.messages import (
    BILLING_CODE_UNKNOWN,
    CONFLICT_IN_FILE,
    CONFLICT_WITH_LEDGER,
    DUPLICATE_IN_FILE,
    KEYS_ALIKE,
    PRICE_MISSING,
    STUDENT_UNKNOWN,
)
from ingestd.ledger.parties import add_missing_parties, register_staged_students
from ingestd.ledger.seal import Batch

_EVENT = "charge"

# Days are text, so days compare as text; the youngest price that was valid by then counts.
_PRICE = (
    "(SELECT p.price FROM product_price p WHERE p.account = :account"
    " AND p.billing_code = s.billing_code AND p.valid_from <= s.effective_on"
    " ORDER BY p.valid_from DESC LIMIT 1)"
)
_KNOWN_STUDENT = (
    "EXISTS (SELECT 1 FROM student k WHERE k.account = :account AND k.student_id = s.student_id)"
)
_KNOWN_PRODUCT = (
    "EXISTS (SELECT 1 FROM product k WHERE k.account = :account"
    " AND k.billing_code = s.billing_code)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a file's charges came to: how many of each verdict, and the amount that was applied."""

    applied: int
    duplicate: int
    conflict: int
    rejected: int
    applied_amount: int


def judge_staged_charges(
    connection: Connection, head: Head, *, register_students: bool, all_or_nothing: bool
) -> None:
    """Sort the stage: what cannot be charged is rejected, what was charged before is a repeat.

    Afterwards exactly the rows that stay in `stage_charge` without a `stage_repeat` are to be
    applied; under `all_or_nothing` that is none as soon as one row is bad.
    """
    _reject_unknown_students(connection, head, register_students=register_students)
    _reject_unknown_products(connection, head)
    _reject_missing_prices(connection, head)
    _forget_rejected(connection)
    _find_repeats_of_ledger(connection, head)
    _find_repeats_in_file(connection)
    _find_keys_alike(connection)
    if all_or_nothing and _any_bad_row(connection):
        _reject_everything(connection)
    if register_students:
        register_staged_students(connection, head)


def post_staged_charges(connection: Connection, head: Head, batch: Batch) -> Posted:
    """Write the charges that the stage still holds, and their postings; count every verdict."""
    add_missing_parties(connection, head, batch)
    applied = _insert_charges(connection, head, batch)
    first, head.charges = head.charges, head.charges + applied
    head.postings += _insert_postings(connection, head, batch, charges_before=first)
    return Posted(
        applied=applied,
        duplicate=_count(connection, "stage_repeat WHERE outcome = 'duplicate'"),
        conflict=_count(connection, "stage_repeat WHERE outcome = 'conflict'"),
        rejected=_count(connection, "stage_rejected"),
        applied_amount=_applied_amount(connection, head, charges_before=first),
    )


def _reject_unknown_students(
    connection: Connection, head: Head, *, register_students: bool
) -> None:
    # The reserved party for anonymous sales is not a student that a file may charge.
    is_reserved = f"s.student_id = '{ANONYMOUS_STUDENT_ID}'"
    _reject(
        connection,
        head,
        where=is_reserved if register_students else f"{is_reserved} OR NOT {_KNOWN_STUDENT}",
        code=Code.STUDENT_UNKNOWN,
        column="student_id",
        message=STUDENT_UNKNOWN,
    )


def _reject_unknown_products(connection: Connection, head: Head) -> None:
    _reject(
        connection,
        head,
        where=f"NOT {_KNOWN_PRODUCT}",
        code=Code.BILLING_CODE_UNKNOWN,
        column="billing_code",
        message=BILLING_CODE_UNKNOWN,
    )


def _reject_missing_prices(connection: Connection, head: Head) -> None:
    _reject(
        connection,
        head,
        where=f"s.amount IS NULL AND {_KNOWN_PRODUCT} AND {_PRICE} IS NULL",
        code=Code.PRICE_MISSING,
        column="amount",
        message=PRICE_MISSING,
    )


def _reject(
    connection: Connection, head: Head, *, where: str, code: Code, column: str, message: str
) -> None:
    value = "''" if column == "amount" else f"s.{column}"
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            f" SELECT :code, :verdict, s.row, s.line, :column, {value}, :message"
            f" FROM stage_charge s WHERE {where}"
        ),
        {
            "account": head.account,
            "code": code.value,
            "verdict": Verdict.ROW.value,
            "column": column,
            "message": message,
        },
    )
    connection.execute(
        sa.text(
            "INSERT INTO stage_rejected (row, line)"
            f" SELECT s.row, s.line FROM stage_charge s WHERE ({where})"
            " ON CONFLICT DO NOTHING"
        ),
        {"account": head.account},
    )


def _forget_rejected(connection: Connection) -> None:
    # A rejected row does not use up its key: mended, it may come again, even later in this file.
    connection.execute(
        sa.text(
            "DELETE FROM stage_charge WHERE EXISTS"
            " (SELECT 1 FROM stage_rejected r WHERE r.row = stage_charge.row)"
        )
    )


def _find_repeats_of_ledger(connection: Connection, head: Head) -> None:
    # The charge that the ledger holds is the first; what comes now repeats or contradicts it.
    join = in_this_order(connection)
    connection.execute(
        sa.text(
            "INSERT INTO stage_repeat (row, line, tracking_id, outcome, first_row)"
            " SELECT s.row, s.line, s.tracking_id,"
            " CASE WHEN c.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, NULL"
            f" FROM stage_charge s {join} charge c"
            " ON c.account = :account AND c.tracking_id = s.tracking_id"
        ),
        {"account": head.account},
    )
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, r.row, r.line, 'charge_tracking_id', r.tracking_id,"
            " REPLACE(REPLACE(:message, '{upload}', COALESCE(c.upload_id, '-')),"
            " '{row}', COALESCE(CAST(c.row AS TEXT), '-'))"
            f" FROM stage_repeat r {join} charge c"
            " ON c.account = :account AND c.tracking_id = r.tracking_id"
            " WHERE r.outcome = 'conflict'"
        ),
        {
            "account": head.account,
            "code": Code.CONFLICT.value,
            "verdict": Verdict.ROW.value,
            "message": CONFLICT_WITH_LEDGER,
        },
    )


def _find_repeats_in_file(connection: Connection) -> None:
    # Among rows of this file that share a key the first wins, unless the ledger won already.
    join = in_this_order(connection)
    connection.execute(
        sa.text(
            "INSERT INTO stage_repeat (row, line, tracking_id, outcome, first_row)"
            " SELECT s.row, s.line, s.tracking_id,"
            " CASE WHEN f.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END,"
            " f.row"
            " FROM (SELECT tracking_id, MIN(row) AS row FROM stage_charge"
            "       GROUP BY tracking_id HAVING COUNT(*) > 1) first"
            f" {join} stage_charge f ON f.row = first.row"
            f" {join} stage_charge s ON s.tracking_id = first.tracking_id AND s.row > first.row"
            " WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = f.row)"
        )
    )
    for outcome, code, verdict, message in (
        ("duplicate", Code.DUPLICATE_IN_FILE, Verdict.WARNING, DUPLICATE_IN_FILE),
        ("conflict", Code.CONFLICT, Verdict.ROW, CONFLICT_IN_FILE),
    ):
        connection.execute(
            sa.text(
                "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
                " SELECT :code, :verdict, r.row, r.line, 'charge_tracking_id', r.tracking_id,"
                " REPLACE(:message, '{row}', CAST(r.first_row AS TEXT))"
                " FROM stage_repeat r WHERE r.outcome = :outcome AND r.first_row IS NOT NULL"
            ),
            {
                "code": code.value,
                "verdict": verdict.value,
                "message": message,
                "outcome": outcome,
            },
        )


def _find_keys_alike(connection: Connection) -> None:
    # Keys are compared byte for byte; two that only look different are worth a word.
    if not _count(connection, "(SELECT 1 FROM stage_charge WHERE folded_id IS NOT NULL LIMIT 1) f"):
        return
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, a.row, a.line, 'charge_tracking_id', a.tracking_id,"
            " REPLACE(:message, '{row}', CAST(a.first_row AS TEXT))"
            " FROM (SELECT s.row, s.line, s.tracking_id,"
            "   FIRST_VALUE(s.tracking_id) OVER alike AS first_id,"
            "   FIRST_VALUE(s.row) OVER alike AS first_row FROM stage_charge s"
            "   WINDOW alike AS (PARTITION BY COALESCE(s.folded_id, s.tracking_id)"
            "    ORDER BY s.row)) a"
            " WHERE a.tracking_id <> a.first_id"
        ),
        {
            "code": Code.KEYS_ALIKE.value,
            "verdict": Verdict.WARNING.value,
            "message": KEYS_ALIKE,
        },
    )


def _any_bad_row(connection: Connection) -> bool:
    found = connection.execute(
        sa.text(
            "SELECT EXISTS (SELECT 1 FROM stage_rejected)"
            " OR EXISTS (SELECT 1 FROM stage_repeat WHERE outcome = 'conflict')"
        )
    ).scalar_one()
    return bool(found)


def _reject_everything(connection: Connection) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO stage_rejected (row, line) SELECT row, line FROM stage_charge"
            " WHERE TRUE ON CONFLICT DO NOTHING"
        )
    )
    connection.execute(sa.text("DELETE FROM stage_repeat"))
    connection.execute(sa.text("DELETE FROM stage_charge"))


def _insert_charges(connection: Connection, head: Head, batch: Batch) -> int:
    # Numbered and inserted in the order of the key: both trees of the table are appended to,
    # or walked in order, which is several times faster than in the order of the file.
    result = connection.execute(
        sa.text(
            "INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no,"
            " account_type, billing_code, amount, note, occurred_at, effective_on, batch_no,"
            " upload_id, row)"
            " SELECT :account, :charges + ROW_NUMBER() OVER (ORDER BY s.tracking_id),"
            f" s.tracking_id, s.content_hash, p.party_no, s.account_type, s.billing_code,"
            f" COALESCE(s.amount, {_PRICE}), s.note, s.occurred_at, s.effective_on, :batch_no,"
            " :upload_id, s.row"
            f" FROM stage_charge s {in_this_order(connection)} party p"
            " ON p.account = :account AND p.kind = :kind AND p.party_code = s.student_id"
            " WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
            " ORDER BY s.tracking_id"
        ),
        {
            "account": head.account,
            "charges": head.charges,
            "batch_no": batch.batch_no,
            "upload_id": batch.upload_id,
            "kind": PartyKind.STUDENT.value,
        },
    )
    return result.rowcount


def _insert_postings(
    connection: Connection, head: Head, batch: Batch, *, charges_before: int
) -> int:
    liability, wallet = CHARGED[AccountType.LIABILITY], CHARGED[AccountType.WALLET]
    # A charge of nothing moves nothing: it has no posting, and counts as paid.
    result = connection.execute(
        sa.text(
            "INSERT INTO posting (account, posting_no, batch_no, event, effective_on,"
            " debit_account, credit_account, amount, debit_party_no, charge_no, billing_code)"
            " SELECT account, :postings + ROW_NUMBER() OVER (ORDER BY charge_no), :batch_no,"
            " :event, effective_on,"
            " CASE account_type WHEN 'LIABILITY' THEN CAST(:liability_debit AS BIGINT)"
            "  ELSE CAST(:wallet_debit AS BIGINT) END,"
            " CASE account_type WHEN 'LIABILITY' THEN CAST(:liability_credit AS BIGINT)"
            "  ELSE CAST(:wallet_credit AS BIGINT) END,"
            " amount, party_no, charge_no, billing_code"
            " FROM charge WHERE account = :account AND charge_no > :charges_before AND amount > 0"
            " ORDER BY charge_no"
        ),
        {
            "account": head.account,
            "postings": head.postings,
            "batch_no": batch.batch_no,
            "event": _EVENT,
            "liability_debit": int(liability.debit),
            "liability_credit": int(liability.credit),
            "wallet_debit": int(wallet.debit),
            "wallet_credit": int(wallet.credit),
            "charges_before": charges_before,
        },
    )
    return result.rowcount


def _applied_amount(connection: Connection, head: Head, *, charges_before: int) -> int:
    amount = connection.execute(
        sa.text(
            "SELECT COALESCE(SUM(amount), 0) FROM charge"
            " WHERE account = :account AND charge_no > :charges_before"
        ),
        {"account": head.account, "charges_before": charges_before},
    ).scalar_one()
    return int(amount)


def _count(connection: Connection, source: str) -> int:
    return int(connection.execute(sa.text(f"SELECT COUNT(*) FROM {source}")).scalar_one())
