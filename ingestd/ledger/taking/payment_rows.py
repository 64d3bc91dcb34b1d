"""Payment files: which staged rows become payments, and what the others are. All set-based."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import ordered
from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.names import FormatName
from ingestd.ledger.books.head import Head
from ingestd.ledger.taking import messages
from ingestd.ledger.taking.payment_stage import PAYMENTS
from ingestd.ledger.taking.verdicts import (
    Keyed,
    Named,
    any_bad_row,
    any_row,
    find_repeats_in_file,
    find_repeats_of_ledger,
    forget_rejected,
    name_rows,
    reject,
    reject_everything,
)

_STAGE = PAYMENTS.name
_KEYED = Keyed(
    stage=_STAGE,
    column="receipt_num",
    earlier="{join} payment c ON c.account = :account AND c.payment_id = s.row_key",
    messages=messages.PAYMENT_REPEATED,
    number="payment_no",
    # The key of the books is made of more than the number that the provider knows.
    written=f"(SELECT k.receipt_num FROM {_STAGE} k WHERE k.row = {{repeat}}.row)",
)
_NAMED = Named(
    stage=_STAGE,
    key="s.receipt_num",
    # Each format has one of them.
    party="COALESCE(s.student_id, s.parent_code, s.donor_number)",
)
_IS_NEW = "NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
_MERCHANTS_TOLD_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A row for which `where` holds is rejected; `column` is the one that the finding shows."""

    where: str
    code: Code
    column: str
    message: str


def _known(table: str, condition: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} k WHERE k.account = :account AND {condition})"


_PARENT_KNOWN = (
    f"({_known('parent', 'k.parent_code = s.parent_code')}"
    f" OR {_known('student', 'k.parent_code = s.parent_code')})"
)
_REQUIRES = "k.gl_account = s.gl_account AND k.{} = 1"
_PARENT = _Rule(
    where=f"NOT {_PARENT_KNOWN}",
    code=Code.PARENT_UNKNOWN,
    column="par_code",
    message=messages.PARENT_UNKNOWN,
)
_GENERAL_LEDGER = (
    _Rule(
        where=f"NOT {_known('gl_account', 'k.gl_account = s.gl_account')}",
        code=Code.GL_ACCOUNT_UNKNOWN,
        column="gl_account",
        message=messages.GL_ACCOUNT_UNKNOWN,
    ),
    _Rule(
        where=_known("gl_account", "k.gl_account = s.gl_account AND k.status = 'closed'"),
        code=Code.GL_ACCOUNT_CLOSED,
        column="gl_account",
        message=messages.GL_ACCOUNT_CLOSED,
    ),
    _Rule(
        where=f"NOT {_known('tax_code', 'k.tax_code = s.tax_code')}",
        code=Code.TAX_CODE_UNKNOWN,
        column="tax_code",
        message=messages.TAX_CODE_UNKNOWN,
    ),
)
_DONATIONS = (
    _Rule(
        where="s.donor_number IS NOT NULL"
        f" AND NOT {_known('donor', 'k.donor_number = s.donor_number')}",
        code=Code.DONOR_UNKNOWN,
        column="donor_number",
        message=messages.DONOR_UNKNOWN,
    ),
    _Rule(
        where="s.donor_number IS NULL"
        f" AND {_known('gl_account', _REQUIRES.format('requires_donor'))}",
        code=Code.DONOR_MISSING,
        column="donor_number",
        message=messages.DONOR_MISSING,
    ),
    _Rule(
        where="s.appeal_code IS NOT NULL"
        f" AND NOT {_known('donor_appeal', 'k.appeal_code = s.appeal_code')}",
        code=Code.APPEAL_UNKNOWN,
        column="appeal_code",
        message=messages.APPEAL_UNKNOWN,
    ),
    _Rule(
        where="s.appeal_code IS NULL"
        f" AND {_known('gl_account', _REQUIRES.format('requires_appeal'))}",
        code=Code.APPEAL_MISSING,
        column="appeal_code",
        message=messages.APPEAL_MISSING,
    ),
    _Rule(
        where="s.pledge_number IS NOT NULL AND s.donor_number IS NOT NULL AND NOT "
        + _known(
            "donor_pledge",
            "k.donor_number = s.donor_number AND k.pledge_number = s.pledge_number",
        ),
        code=Code.PLEDGE_UNKNOWN,
        column="pledge_number",
        message=messages.PLEDGE_UNKNOWN,
    ),
)
_ENROLLED = (
    _PARENT,
    _Rule(
        where=f"NOT {_known('student', 'k.student_id = s.student_id')}",
        code=Code.STUDENT_UNKNOWN,
        column="student_code",
        message=messages.STUDENT_UNKNOWN,
    ),
    _Rule(
        where=_known("student", "k.student_id = s.student_id AND k.status = 'cancelled'"),
        code=Code.STUDENT_CANCELLED,
        column="student_code",
        message=messages.STUDENT_CANCELLED,
    ),
    _Rule(
        where=_PARENT_KNOWN
        + " AND "
        + _known(
            "student",
            "k.student_id = s.student_id AND COALESCE(k.parent_code, '') <> s.parent_code",
        ),
        code=Code.PARENT_MISMATCH,
        column="par_code",
        message=messages.PARENT_MISMATCH,
    ),
)
# The sale that comes with a payment goes by the payment's key.
_KEY_FREE = _Rule(
    where=_known("charge_key", "k.tracking_id = s.row_key")
    + f" AND NOT {_known('payment', 'k.payment_id = s.row_key')}",
    code=Code.CONFLICT,
    column="receipt_num",
    message=messages.KEY_OF_A_CHARGE,
)
_RULES = {
    FormatName.FEE_PAYMENTS: (_PARENT,),
    FormatName.SUNDRY_PAYMENTS: (*_GENERAL_LEDGER, *_DONATIONS, _KEY_FREE),
    FormatName.ENROLMENT_PAYMENTS: (*_GENERAL_LEDGER, *_ENROLLED, _KEY_FREE),
}
_SHOWN = {"par_code": "s.parent_code", "student_code": "s.student_id"}
_ABSENT = {Code.DONOR_MISSING, Code.APPEAL_MISSING}


def judge_staged_payments(
    connection: Connection, head: Head, format_name: FormatName, *, all_or_nothing: bool
) -> bool:
    """Sort the stage; tell whether the file is taken at all.

    False: it names a merchant that is unknown, and the stage holds nothing but that finding.
    True: exactly the rows that stay in `stage_payment` without a `stage_repeat` are to be
    applied; under `all_or_nothing` that is none as soon as one row is bad.
    """
    if _refuse_unknown_merchants(connection, head):
        return False
    _number_identical_rows(connection)
    # First of all: what was applied before is a duplicate, whatever the catalog says by now.
    find_repeats_of_ledger(connection, head, _KEYED)
    for rule in _RULES[format_name]:
        reject(
            connection,
            head,
            stage=_STAGE,
            where=f"{_IS_NEW} AND {rule.where}",
            code=rule.code,
            column=rule.column,
            value="''" if rule.code in _ABSENT else _SHOWN.get(rule.column, f"s.{rule.column}"),
            message=rule.message,
        )
    forget_rejected(connection, head, _NAMED)
    _reject_settled_batches(connection, head)
    find_repeats_in_file(connection, _KEYED)
    _warn_of_missing_account(connection, head)
    name_rows(connection, head, _NAMED)
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, _STAGE)
    return True


def _refuse_unknown_merchants(connection: Connection, head: Head) -> bool:
    unknown = (
        f"SELECT s.merchant_id, MIN(s.row) AS row, MIN(s.line) AS line FROM {_STAGE} s"
        f" WHERE s.merchant_id IS NOT NULL AND NOT"
        f" {_known('merchant', 'k.merchant_id = s.merchant_id')}"
        " GROUP BY s.merchant_id"
    )
    values = {"account": head.account}
    if connection.execute(sa.text(f"{unknown} LIMIT 1"), values).first() is None:
        return False
    connection.execute(sa.text("DELETE FROM stage_finding"))
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, u.row, u.line, 'merchant_id', u.merchant_id, :message"
            f" FROM ({unknown} ORDER BY 2 LIMIT {_MERCHANTS_TOLD_MAX}) u"
        ),
        {
            **values,
            "code": Code.MERCHANT_UNKNOWN.value,
            "verdict": Verdict.FILE.value,
            "message": messages.MERCHANT_UNKNOWN,
        },
    )
    return True


def _number_identical_rows(connection: Connection) -> None:
    # Without a receipt number two rows may say the same and be two payments: what tells them
    # apart is the how-manieth such row of its batch each is. All of them come as the first.
    connection.execute(
        sa.text(
            f"UPDATE {_STAGE} SET row_key ="
            f" SUBSTR({_STAGE}.row_key, 1, LENGTH({_STAGE}.row_key) - 1) || CAST(n.number AS TEXT)"
            " FROM (SELECT s.row, ROW_NUMBER() OVER (PARTITION BY s.row_key ORDER BY s.row)"
            f"  AS number FROM {_STAGE} s WHERE s.has_receipt = 0) n"
            f" WHERE {_STAGE}.row = n.row AND n.number > 1"
        )
    )


def _reject_settled_batches(connection: Connection, head: Head) -> None:
    # Each batch is looked at once, however many rows it has.
    settled = (
        "(SELECT d.batch_num, d.merchant FROM"
        f" (SELECT DISTINCT batch_num, COALESCE(merchant_id, '') AS merchant FROM {_STAGE}) d"
        " WHERE EXISTS (SELECT 1 FROM payment p JOIN payment_event e ON e.account = p.account"
        "  AND e.payment_no = p.payment_no AND e.event = 'settled'"
        "  WHERE p.account = :account AND p.batch_num = d.batch_num"
        "  AND COALESCE(p.merchant_id, '') = d.merchant)) b"
    )
    if not any_row(connection, settled, {"account": head.account}):
        return
    reject(
        connection,
        head,
        stage=_STAGE,
        where="NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
        f" AND EXISTS (SELECT 1 FROM {settled}"
        " WHERE b.batch_num = s.batch_num AND b.merchant = COALESCE(s.merchant_id, ''))",
        code=Code.BATCH_SETTLED,
        column="batch_num",
        value="s.batch_num",
        message=messages.BATCH_SETTLED,
    )
    forget_rejected(connection, head, _NAMED)


def _warn_of_missing_account(connection: Connection, head: Head) -> None:
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, s.row, s.line, 'other_amt', '', :message"
            f" FROM {_STAGE} s LEFT JOIN merchant m"
            "  ON m.account = :account AND m.merchant_id = s.merchant_id"
            " WHERE s.other > 0 AND m.other_gl_account IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)",
        ),
        {
            "account": head.account,
            "code": Code.OTHER_GL_ACCOUNT_MISSING.value,
            "verdict": Verdict.WARNING.value,
            "message": messages.OTHER_GL_ACCOUNT_MISSING,
        },
    )
