"""Charges: which staged rows become charges, and what the others are. All set-based.

The caller holds the account's head locked, so nothing can come between a check and its insert.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import (
    analyse,
    copy_sorted,
    count_rows,
    create_temporary,
    empty_temporary,
    ordered,
)
from ingestd.database.statements import Statements
from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import CHARGED
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.periods import open_from
from ingestd.ledger.paying.allocations import allocate, credit_waits
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.ledger.paying.pools import PAYERS
from ingestd.ledger.taking.charge_stage import CHARGES, KEYS, KNOWN, PLACES, PRODUCTS, STUDENTS
from ingestd.ledger.taking.charged_students import (
    add_missing_parties,
    register_staged_students,
)
from ingestd.ledger.taking.messages import (
    BILLING_CODE_UNKNOWN,
    CHARGE_REPEATED,
    KEYS_ALIKE,
    PRICE_MISSING,
    STUDENT_UNKNOWN,
)
from ingestd.ledger.taking.verdicts import (
    Posted,
    any_bad_row,
    count_repeats,
    counted,
    reject_everything,
    reject_found,
    tell_repeats_in_file,
)

_SQL = Statements(__file__)

_EVENT = "charge"

# Days are text, so days compare as text; the youngest price that was valid by then counts.
_PRICE = (
    "(SELECT p.price FROM product_price p WHERE p.account = :account"
    " AND p.billing_code = k.billing_code AND p.valid_from <= s.effective_on"
    " ORDER BY p.valid_from DESC LIMIT 1)"
)
_STAGE = CHARGES.name


def judge_staged_charges(
    connection: Connection, head: Head, *, register_students: bool, all_or_nothing: bool
) -> None:
    """Sort the stage: what cannot be charged is rejected, what was charged before is a repeat.

    Afterwards exactly the rows in `stage_charge` are to be applied, and `stage_key` has their
    keys in order; under `all_or_nothing` that is none as soon as one row is bad.
    """
    _reject_unknown(connection, head, register_students=register_students)
    _SQL.run(connection, "name_rows")
    # A rejected row does not use up its key: mended, it may come again, even later in this file.
    _SQL.run(connection, "forget_rejected")
    copy_sorted(connection, CHARGES, KEYS, order="row_key, row")
    if head.charges and _find_known_keys(connection, head):
        _find_repeats_of_ledger(connection, head)
    if _SQL.run(connection, "is_any_key_twice").scalar_one():
        _SQL.run(connection, "find_repeats_in_file")
        tell_repeats_in_file(connection, column="charge_tracking_id", messages=CHARGE_REPEATED)
    _find_keys_alike(connection)
    _SQL.run(connection, "name_rows")
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, CHARGES)
        empty_temporary(connection, KEYS)
    _take_out_repeats(connection)
    if register_students:
        register_staged_students(connection, head)


def post_staged_charges(connection: Connection, head: Head, batch: Batch) -> Posted:
    """Write the charges that the stage holds still, and their postings; count every verdict.

    Credit that waits pays the new charges at once.
    """
    add_missing_parties(connection, head, batch)
    applied = _insert_charges(connection, head, batch)
    first, head.charges = head.charges, head.charges + applied
    head.postings += _insert_postings(connection, head, batch, charges_before=first)
    open_new_charges(connection, head, charges_before=first)
    # Of a large file nobody is looked for in vain.
    if credit_waits(connection, head):
        _stage_charged(connection, head, charges_before=first)
        allocate(connection, head, batch)
    return counted(
        connection,
        applied=applied,
        applied_amount=_applied_amount(connection, head, charges_before=first),
    )


def _stage_charged(connection: Connection, head: Head, *, charges_before: int) -> None:
    create_temporary(connection, PAYERS)
    connection.execute(
        sa.text(
            "INSERT INTO stage_payer (party_no) SELECT DISTINCT c.party_no FROM charge c"
            " WHERE c.account = :account AND c.charge_no > :charges_before"
        ),
        {"account": head.account, "charges_before": charges_before},
    )
    analyse(connection, PAYERS)


def _reject_unknown(connection: Connection, head: Head, *, register_students: bool) -> None:
    """Reject the rows that name what the catalog does not know."""
    rules = {
        "find_reserved_students" if register_students else "find_unknown_students": STUDENT_UNKNOWN,
        "find_unknown_products": BILLING_CODE_UNKNOWN,
        "find_missing_prices": PRICE_MISSING,
    }
    found = 0
    for rule, message in rules.items():
        values = {"account": head.account, "message": message}
        found += _SQL.run(connection, rule, values).rowcount
    if found:
        reject_found(connection)


def _find_repeats_of_ledger(connection: Connection, head: Head) -> None:
    values = {"account": head.account, "message": CHARGE_REPEATED.conflict_with_ledger}
    _SQL.run(connection, "find_repeats_of_ledger", values)
    _SQL.run(connection, "find_conflicts_with_ledger", values)


def _find_known_keys(connection: Connection, head: Head) -> bool:
    """Fill `stage_known`; tell whether the ledger holds any key of the file."""
    # Key by key on both sides; then row by row, as the charges lie that were sent like this.
    result = connection.execute(
        ordered(
            connection,
            f"INSERT INTO {KNOWN.name} (row, charge_no) SELECT k.row, e.charge_no"
            f" FROM {KEYS.name} k JOIN charge_key e"
            " ON e.account = :account AND e.tracking_id = k.row_key ORDER BY k.row",
        ),
        {"account": head.account},
    )
    analyse(connection, KNOWN)
    return result.rowcount > 0


def _take_out_repeats(connection: Connection) -> None:
    """Leave in the stage what is to be applied."""
    repeats = count_repeats(connection)
    if not repeats:
        return
    everything = repeats == count_rows(connection, CHARGES)
    some = "" if everything else " WHERE row IN (SELECT row FROM stage_repeat)"
    for table in (_STAGE, KEYS.name):
        connection.execute(sa.text(f"DELETE FROM {table}{some}"))


def _find_keys_alike(connection: Connection) -> None:
    # Keys are compared byte for byte; two that only look different are worth a word.
    if not _SQL.run(connection, "has_folded_keys").scalar_one():
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
    """Write the charges in the order of the file, and take their keys."""
    joined, place = _places(connection)
    values = {"account": head.account, "charges": head.charges}
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no,"
            " account_type, billing_code, amount, note, occurred_at, effective_on, batch_no,"
            " upload_id, row)"
            f" SELECT CAST(:account AS TEXT), :charges + {place},"
            " s.row_key, s.content_hash, n.party_no, s.account_type, k.billing_code,"
            f" COALESCE(s.amount, {_PRICE}), s.note, s.occurred_at,"
            # What belongs to a closed month is posted on the first open day.
            " CASE WHEN s.effective_on < :open_from THEN CAST(:open_from AS TEXT)"
            "  ELSE s.effective_on END, :batch_no,"
            f" CAST(:upload_id AS TEXT), s.row FROM {_STAGE} s {joined}"
            f" JOIN {STUDENTS.name} n ON n.student_no = s.student_no"
            f" JOIN {PRODUCTS.name} k ON k.product_no = s.product_no ORDER BY s.row",
        ),
        {
            **values,
            "open_from": open_from(connection, head.account),
            "batch_no": batch.batch_no,
            "upload_id": batch.upload_id,
        },
    )
    # These inserts decide: the charges are ours only if no other charge has one of their keys.
    connection.execute(
        ordered(
            connection,
            "INSERT INTO charge_key (account, tracking_id, charge_no)"
            f" SELECT CAST(:account AS TEXT), s.row_key, :charges + {place}"
            f" FROM {KEYS.name} s {joined} ORDER BY s.place",
        ),
        values,
    )
    return result.rowcount


def _places(connection: Connection) -> tuple[str, str]:
    """Return the SQL that joins the place of a row `s` among those to be applied, and the place."""
    rows, first, last = connection.execute(
        sa.text(f"SELECT COUNT(*), MIN(row), MAX(row) FROM {_STAGE}")
    ).one()
    if rows and last - first == rows - 1:
        return "", f"s.row - {first - 1}"  # no row was taken out between them
    connection.execute(
        sa.text(
            f"INSERT INTO {PLACES.name} (row, place)"
            f" SELECT row, ROW_NUMBER() OVER (ORDER BY row) FROM {_STAGE}"
        )
    )
    analyse(connection, PLACES)
    return f"JOIN {PLACES.name} p ON p.row = s.row", "p.place"


def _insert_postings(
    connection: Connection, head: Head, batch: Batch, *, charges_before: int
) -> int:
    liability, wallet = CHARGED[AccountType.LIABILITY], CHARGED[AccountType.WALLET]
    # A charge of nothing moves nothing: it has no posting, and counts as paid. Between two of
    # them postings are numbered as charges are, so that no row waits for a window function.
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO posting (account, posting_no, batch_no, event, effective_on,"
            " debit_account, credit_account, amount, debit_party_no, charge_no, billing_code)"
            " WITH free AS (SELECT charge_no FROM charge WHERE account = :account"
            "  AND charge_no > :charges_before AND amount = 0 UNION ALL SELECT :end),"
            " stretch AS (SELECT charge_no AS high, COALESCE(LAG(charge_no) OVER"
            "   (ORDER BY charge_no), :charges_before) AS low,"
            "   ROW_NUMBER() OVER (ORDER BY charge_no) - 1 AS skipped FROM free)"
            " SELECT c.account, :postings - :charges_before + c.charge_no - r.skipped, :batch_no,"
            " CAST(:event AS TEXT), c.effective_on,"
            " CASE c.account_type WHEN 'LIABILITY' THEN CAST(:liability_debit AS BIGINT)"
            "  ELSE CAST(:wallet_debit AS BIGINT) END,"
            " CASE c.account_type WHEN 'LIABILITY' THEN CAST(:liability_credit AS BIGINT)"
            "  ELSE CAST(:wallet_credit AS BIGINT) END,"
            " c.amount, c.party_no, c.charge_no, c.billing_code"
            " FROM stretch r JOIN charge c ON c.account = :account"
            " AND c.charge_no > r.low AND c.charge_no < r.high",
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
            "end": head.charges + 1,
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
