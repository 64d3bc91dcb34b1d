"""Charges: which staged rows become charges, and what the others are. All set-based.

The caller holds the account's head locked, so nothing can come between a check and its insert.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import in_this_order
from ingestd.formats.findings import Code, Verdict
from ingestd.formats.student_billing import AccountType
from ingestd.ledger.allocations import allocate
from ingestd.ledger.chart import ANONYMOUS_STUDENT_ID, CHARGED, PartyKind
from ingestd.ledger.head import Head
from ingestd.ledger.messages import (
    BILLING_CODE_UNKNOWN,
    CHARGE_REPEATED,
    KEYS_ALIKE,
    PRICE_MISSING,
    STUDENT_UNKNOWN,
)
from ingestd.ledger.parties import add_missing_parties, register_staged_students
from ingestd.ledger.periods import open_from
from ingestd.ledger.seal import Batch
from ingestd.ledger.verdicts import (
    Keyed,
    Posted,
    any_bad_row,
    count,
    counted,
    find_repeats_in_file,
    find_repeats_of_ledger,
    forget_rejected,
    reject,
    reject_everything,
)

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


_STAGE = "stage_charge"
_KEYED = Keyed(
    stage=_STAGE,
    column="charge_tracking_id",
    earlier="{join} charge c ON c.account = :account AND c.tracking_id = s.row_key",
    messages=CHARGE_REPEATED,
)


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
    forget_rejected(connection, _STAGE)
    find_repeats_of_ledger(connection, head, _KEYED)
    find_repeats_in_file(connection, _KEYED)
    _find_keys_alike(connection)
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, _STAGE)
    if register_students:
        register_staged_students(connection, head)


def post_staged_charges(connection: Connection, head: Head, batch: Batch) -> Posted:
    """Write the charges that the stage still holds, and their postings; count every verdict.

    Credit that waits pays the new charges at once.
    """
    add_missing_parties(connection, head, batch)
    applied = _insert_charges(connection, head, batch)
    first, head.charges = head.charges, head.charges + applied
    head.postings += _insert_postings(connection, head, batch, charges_before=first)
    allocate(
        connection,
        head,
        batch,
        parties="SELECT DISTINCT c.party_no FROM charge c"
        " WHERE c.account = :account AND c.charge_no > :charges_before",
        values={"charges_before": first},
    )
    return counted(
        connection,
        applied=applied,
        applied_amount=_applied_amount(connection, head, charges_before=first),
    )


def _reject_unknown_students(
    connection: Connection, head: Head, *, register_students: bool
) -> None:
    # The reserved party for anonymous sales is not a student that a file may charge.
    is_reserved = f"s.student_id = '{ANONYMOUS_STUDENT_ID}'"
    reject(
        connection,
        head,
        stage=_STAGE,
        where=is_reserved if register_students else f"{is_reserved} OR NOT {_KNOWN_STUDENT}",
        code=Code.STUDENT_UNKNOWN,
        column="student_id",
        value="s.student_id",
        message=STUDENT_UNKNOWN,
    )


def _reject_unknown_products(connection: Connection, head: Head) -> None:
    reject(
        connection,
        head,
        stage=_STAGE,
        where=f"NOT {_KNOWN_PRODUCT}",
        code=Code.BILLING_CODE_UNKNOWN,
        column="billing_code",
        value="s.billing_code",
        message=BILLING_CODE_UNKNOWN,
    )


def _reject_missing_prices(connection: Connection, head: Head) -> None:
    reject(
        connection,
        head,
        stage=_STAGE,
        where=f"s.amount IS NULL AND {_KNOWN_PRODUCT} AND {_PRICE} IS NULL",
        code=Code.PRICE_MISSING,
        column="amount",
        value="''",
        message=PRICE_MISSING,
    )


def _find_keys_alike(connection: Connection) -> None:
    # Keys are compared byte for byte; two that only look different are worth a word.
    if not count(connection, "(SELECT 1 FROM stage_charge WHERE folded_id IS NOT NULL LIMIT 1) f"):
        return
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, a.row, a.line, 'charge_tracking_id', a.row_key,"
            " REPLACE(:message, '{row}', CAST(a.first_row AS TEXT))"
            " FROM (SELECT s.row, s.line, s.row_key,"
            "   FIRST_VALUE(s.row_key) OVER alike AS first_id,"
            "   FIRST_VALUE(s.row) OVER alike AS first_row FROM stage_charge s"
            "   WINDOW alike AS (PARTITION BY COALESCE(s.folded_id, s.row_key)"
            "    ORDER BY s.row)) a"
            " WHERE a.row_key <> a.first_id"
        ),
        {
            "code": Code.KEYS_ALIKE.value,
            "verdict": Verdict.WARNING.value,
            "message": KEYS_ALIKE,
        },
    )


def _insert_charges(connection: Connection, head: Head, batch: Batch) -> int:
    # Numbered and inserted in the order of the key: both trees of the table are appended to,
    # or walked in order, which is several times faster than in the order of the file.
    result = connection.execute(
        sa.text(
            "INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no,"
            " account_type, billing_code, amount, note, occurred_at, effective_on, batch_no,"
            " upload_id, row)"
            " SELECT :account, :charges + ROW_NUMBER() OVER (ORDER BY s.row_key),"
            f" s.row_key, s.content_hash, p.party_no, s.account_type, s.billing_code,"
            f" COALESCE(s.amount, {_PRICE}), s.note, s.occurred_at,"
            # What belongs to a closed month is posted on the first open day.
            " CASE WHEN s.effective_on < :open_from THEN CAST(:open_from AS TEXT)"
            "  ELSE s.effective_on END, :batch_no,"
            " :upload_id, s.row"
            f" FROM stage_charge s {in_this_order(connection)} party p"
            " ON p.account = :account AND p.kind = :kind AND p.party_code = s.student_id"
            " WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
            " ORDER BY s.row_key"
        ),
        {
            "account": head.account,
            "charges": head.charges,
            "open_from": open_from(connection, head.account),
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
