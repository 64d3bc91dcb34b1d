"""Books of a million charges, written by SQL in the shape that the ledger itself writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.ledger.books.batches import Batch, open_batch
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.head import Head, lock_head
from ingestd.ledger.evidence.seals import seal
from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from ingestd.ledger.outcomes.statements import read_statement
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId, UploadId

ACCOUNT = AccountId("BENCH")
FILES = 10
CHARGES_A_PAYMENT = 10  # of these, three are paid: there is one payment for every ten charges
PRODUCTS = 200
PARTIES = 40_000  # 20,000 families of one student
_START = to_microseconds(datetime(2025, 8, 1, tzinfo=UTC))
_SPAN = to_microseconds(datetime(2026, 6, 30, tzinfo=UTC)) - _START

_NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT CAST(:first AS BIGINT) UNION ALL"
    " SELECT n + 1 FROM numbers WHERE n < :last)"
)
# Of ten charges the first four are fees; the payment with their number pays the first three.
_AMOUNT = "(100 + ({n} * 37) % 5000)"
_PAID = "c.charge_no <= :charges AND (c.charge_no - 1) % 10 < 3"
_PAYMENT_OF = "((c.charge_no - 1) / 10 + 1)"
_SETTLED = "y.payment_no % 20 > 1"
_RETURNED = "y.payment_no % 20 = 2"
_POSTING = (
    "INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,"
    " credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no,"
    " product_no, reverses_posting_no) "
)


def write_books(folder: Path, *, charges: int) -> Database:
    """Return an SQLite ledger of `charges` charges, a tenth as many payments, and their seals.

    Nine payments in ten settled and pay three charges each, one in twenty of all came back,
    one in twenty was voided and one in twenty is pending.
    """
    database = open_database(f"sqlite:///{folder / 'ledger.db'}", temporary_folder=folder)
    schema.upgrade(database)
    _in_batch(database, "roster", 0, _add_parties, charges)
    _in_batch(database, "products", 1, _add_codes, charges)
    for number in range(FILES):
        _in_batch(database, "upload", 2 + number, _charge_file(number), charges)
    _in_batch(database, "payment", 20, _add_payments, charges)
    _in_batch(database, "settled", 30, _settle, charges)
    _in_batch(database, "returned", 40, _return, charges)
    with database.writing() as connection:
        _project(connection, charges)
    return database


Fill = Callable[[Connection, Head, Batch, int], None]


def _in_batch(database: Database, event: str, day: int, fill: Fill, charges: int) -> None:
    now = _START + _SPAN + day * 86_400_000_000
    upload_id = UploadId(f"{day:026}") if event == "upload" else None
    with database.writing() as connection:
        head = lock_head(connection, ACCOUNT)
        batch = open_batch(head, event=event, now=now, upload_id=upload_id)
        fill(connection, head, batch, charges)
        statement = None
        if upload_id is not None:
            outcome = read_file_outcome(connection, ACCOUNT, upload_id)
            if outcome is not None:
                statement = read_statement(connection, outcome, decimals=2).hash()
        seal(connection, head, batch, statement=statement)


def _run(connection: Connection, statement: str, **values: object) -> int:
    bound = {"account": ACCOUNT, **values}
    text = sa.text(statement)
    names = text.compile().params
    connection.execute(text, {name: bound[name] for name in names})
    # The driver does not count rows where a statement begins with WITH.
    return int(connection.exec_driver_sql("SELECT changes()").scalar_one())


def _add_parties(connection: Connection, head: Head, batch: Batch, _charges: int) -> None:
    head.parties += _run(
        connection,
        f"{_NUMBERS} INSERT INTO party (account, party_no, kind, party_code, batch_no)"
        " SELECT :account, n, CASE WHEN n % 2 = 0 THEN 'parent' ELSE 'student' END,"
        " printf('%06d', n), :batch_no FROM numbers",
        first=1,
        last=PARTIES,
        batch_no=batch.batch_no,
    )
    # Each student's parent is the one numbered next.
    _run(
        connection,
        "INSERT INTO parent (account, parent_code, name, email, phone)"
        " SELECT account, party_code, 'Parent ' || party_code, party_code || '@example.org',"
        " '555-0100' FROM party WHERE account = :account AND kind = 'parent'",
    )
    _run(
        connection,
        "INSERT INTO student (account, student_id, name, parent_code)"
        " SELECT account, party_code, 'Student ' || party_code, printf('%06d', party_no + 1)"
        " FROM party WHERE account = :account AND kind = 'student'",
    )
    # What an import would have left of it: verifying holds the catalog to it.
    _run(
        connection,
        "INSERT INTO catalog_fact (account, batch_no, kind, row_key, columns)"
        " SELECT account, :batch_no, 'parents', parent_code, printf('{\"parent_code\":\"%s\",'"
        ' || \'"name":"%s","email":"%s","phone":"%s"}\', parent_code, name, email, phone)'
        " FROM parent WHERE account = :account",
        batch_no=batch.batch_no,
    )
    _run(
        connection,
        "INSERT INTO catalog_fact (account, batch_no, kind, row_key, columns)"
        " SELECT account, :batch_no, 'students', student_id, printf('{\"student_id\":\"%s\",'"
        ' || \'"name":"%s","parent_code":"%s","status":"%s"}\', student_id, name, parent_code,'
        " status) FROM student WHERE account = :account",
        batch_no=batch.batch_no,
    )


def _add_codes(connection: Connection, head: Head, batch: Batch, _charges: int) -> None:
    head.codes += _run(
        connection,
        f"{_NUMBERS} INSERT INTO code (account, code_no, code, batch_no)"
        " SELECT :account, n, printf('PRODUCT_%03d', n), :batch_no FROM numbers",
        first=1,
        last=PRODUCTS,
        batch_no=batch.batch_no,
    )


def _charge_file(number: int) -> Fill:
    def fill(connection: Connection, head: Head, batch: Batch, charges: int) -> None:
        values = {"batch_no": batch.batch_no, "upload_id": batch.upload_id}
        first = number * charges // FILES + 1
        head.charges += _run(
            connection,
            f"{_NUMBERS} INSERT INTO charge (account, charge_no, tracking_id, content_hash,"
            " party_no, receivable_account, product_no, amount, note, occurred_at, effective_on,"
            " batch_no, row)"
            " SELECT :account, n, printf('destiny-%010d', n), randomblob(16),"
            f" 1 + 2 * ((n * 7919) % {PARTIES // 2}),"
            " CASE WHEN (n - 1) % 10 < 4 THEN 1100 ELSE 1110 END,"
            f" 1 + (n * 31) % {PRODUCTS}, {_AMOUNT.format(n='n')},"
            " 'overdue since spring', o, CAST(strftime('%Y%m%d', (o / 1000000) - 18000,"
            " 'unixepoch') AS INTEGER), :batch_no, n - :first + 2"
            " FROM (SELECT n, :start + (n * 7907 % 1000000) * (:span / 1000000) AS o FROM numbers)",
            first=first,
            last=(number + 1) * charges // FILES,
            start=_START,
            span=_SPAN,
            **values,
        )
        take_keys(connection, head, charges_before=first - 1)
        head.postings += _run(
            connection,
            f"{_POSTING} SELECT c.account, :before + ROW_NUMBER() OVER (ORDER BY charge_no),"
            " :batch_no, 'charge', effective_on,"
            " receivable_account, 2100, amount, party_no, NULL, charge_no, NULL, product_no, NULL"
            " FROM charge c"
            " WHERE account = :account AND charge_no >= :first ORDER BY charge_no",
            before=head.postings,
            first=first,
            **values,
        )
        _run(
            connection,
            "INSERT INTO file_outcome (account, upload_id, batch_no, filename, format, source,"
            " sha256, size_bytes, received_at, finished_at, node, status, records, applied,"
            " duplicate, conflict, rejected, applied_amount, findings)"
            " SELECT :account, :upload_id, :batch_no, 'student_billing.csv', 'student_billing',"
            " 'folder', NULL, 0, :now, :now, 'bench', 'processed', COUNT(*), COUNT(*), 0, 0, 0,"
            " SUM(amount), 0 FROM charge WHERE account = :account AND charge_no >= :first",
            now=batch.sealed_at,
            first=first,
            **values,
        )

    return fill


def _add_payments(connection: Connection, head: Head, batch: Batch, charges: int) -> None:
    payments = charges // CHARGES_A_PAYMENT
    values: dict[str, object] = {"batch_no": batch.batch_no, "first": 1, "last": payments}
    # Half a unit more than the three charges cost: each lot has something left.
    amount = " + ".join(_AMOUNT.format(n=f"(n * 10 - {10 - place})") for place in (1, 2, 3))
    head.payments += _run(
        connection,
        f"{_NUMBERS} INSERT INTO payment (account, payment_no, payment_id, content_hash, kind,"
        " party_no, amount, submitted_at, received_on, merchant_id, batch_num, receipt_num,"
        " batch_no) SELECT :account, n, printf('pay-%08d', n), randomblob(16), 'echeck',"
        f" 2 + 2 * (n % {PARTIES // 2}), {amount} + 50, :now, 20260701 + n % 20,"
        " 'MERCHANT', printf('%d', n / 100), printf('%d', n), :batch_no"
        " FROM numbers",
        now=batch.sealed_at,
        **values,
    )
    _run(
        connection,
        "INSERT INTO payment_part (account, payment_no, part_no, kind, amount, batch_no)"
        " SELECT account, payment_no, 1, 'fee', amount, batch_no FROM payment"
        " WHERE account = :account",
    )
    head.postings += _run(
        connection,
        f"{_POSTING} SELECT account, :before + payment_no, :batch_no, 'payment', received_on,"
        " 1050, 2050, amount, NULL, party_no, NULL, payment_no, NULL, NULL FROM payment"
        " WHERE account = :account ORDER BY payment_no",
        before=head.postings,
        batch_no=batch.batch_no,
    )


def _settle(connection: Connection, head: Head, batch: Batch, charges: int) -> None:
    values: dict[str, object] = {"batch_no": batch.batch_no, "day": 20260730}
    _event(connection, "settled", f"{_SETTLED}", values)
    lines = (
        "SELECT y.payment_no AS position, 1 AS side, 'settled' AS event, 1000 AS debit,"
        " 1050 AS credit, y.amount, NULL AS debit_party, NULL AS credit_party, NULL AS charge_no,"
        f" y.payment_no, NULL AS product_no FROM payment y WHERE y.account = :account AND"
        f" {_SETTLED} UNION ALL SELECT y.payment_no, 2, 'settled', 2050, 2010, y.amount, NULL,"
        " y.party_no, NULL, y.payment_no, NULL FROM payment y WHERE y.account = :account AND"
        f" {_SETTLED}"
    )
    head.postings += _post(connection, head, lines, values)
    head.allocations += _run(
        connection,
        "INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no,"
        " charge_no, amount, rule, effective_on, batch_no, posting_no)"
        " SELECT c.account, ROW_NUMBER() OVER (ORDER BY c.charge_no), y.payment_no, 2010,"
        " y.party_no, c.charge_no, c.amount, 'oldest_first', :day, :batch_no,"
        " :postings + 2 * ROW_NUMBER() OVER (ORDER BY c.charge_no) - 1 FROM charge c"
        f" JOIN payment y ON y.account = c.account AND y.payment_no = {_PAYMENT_OF}"
        f" WHERE c.account = :account AND {_PAID} AND {_SETTLED}",
        charges=charges,
        postings=head.postings,
        **values,
    )
    head.postings += _post(connection, head, _allocated("allocation", "1"), values)


def _return(connection: Connection, head: Head, batch: Batch, _charges: int) -> None:
    values: dict[str, object] = {"batch_no": batch.batch_no, "day": 20260809}
    _event(connection, "returned", _RETURNED, values)
    _event(connection, "voided", "y.payment_no % 20 = 0", values)
    head.allocations += _run(
        connection,
        "INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no,"
        " charge_no, amount, rule, effective_on, batch_no, posting_no, reverses_allocation_no)"
        " SELECT y.account, :before + ROW_NUMBER() OVER"
        " (ORDER BY y.allocation_no), y.payment_no, y.credit_account, y.party_no, y.charge_no,"
        " y.amount, 'returned', :day, :batch_no, :postings + 2 * ROW_NUMBER() OVER"
        " (ORDER BY y.allocation_no) - 1, y.allocation_no FROM allocation y"
        f" WHERE y.account = :account AND {_RETURNED}",
        before=head.allocations,
        postings=head.postings,
        **values,
    )
    head.postings += _reverse(
        connection, head, values, "returned", f"{_RETURNED} AND p.charge_no IS NOT NULL"
    )
    head.postings += _reverse(
        connection, head, values, "returned", f"{_RETURNED} AND p.charge_no IS NULL"
    )
    head.postings += _reverse(connection, head, values, "voided", "y.payment_no % 20 = 0")


def _event(connection: Connection, event: str, where: str, values: dict[str, object]) -> None:
    _run(
        connection,
        "INSERT INTO payment_event (account, payment_no, event, effective_on, batch_no)"
        f" SELECT y.account, y.payment_no, '{event}', :day, :batch_no FROM payment y"
        f" WHERE y.account = :account AND {where}",
        **values,
    )


def _allocated(event: str, live: str) -> str:
    allocated = (
        "FROM allocation a JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no"
        f" WHERE a.account = :account AND {live}"
    )
    return (
        f"SELECT a.allocation_no AS position, 1 AS side, '{event}' AS event, a.credit_account"
        f" AS debit, c.receivable_account AS credit, a.amount, a.party_no AS debit_party,"
        " c.party_no AS credit_party, a.charge_no, a.payment_no, c.product_no"
        f" {allocated} UNION ALL SELECT a.allocation_no, 2, '{event}', 2100, 4000, a.amount, NULL,"
        f" NULL, a.charge_no, a.payment_no, c.product_no {allocated}"
    )


def _post(connection: Connection, head: Head, lines: str, values: dict[str, object]) -> int:
    return _run(
        connection,
        f"{_POSTING} SELECT :account, :before + ROW_NUMBER() OVER (ORDER BY position, side),"
        " :batch_no, event, :day, debit, credit, amount, debit_party, credit_party, charge_no,"
        f" payment_no, product_no, NULL FROM ({lines})",
        before=head.postings,
        **values,
    )


def _reverse(
    connection: Connection, head: Head, values: dict[str, object], event: str, where: str
) -> int:
    return _run(
        connection,
        f"{_POSTING} SELECT p.account, :before + ROW_NUMBER() OVER (ORDER BY p.posting_no),"
        f" :batch_no, '{event}', :day, p.credit_account, p.debit_account, p.amount,"
        " p.credit_party_no, p.debit_party_no, p.charge_no, p.payment_no, p.product_no,"
        " p.posting_no FROM payment y JOIN posting p ON p.account = y.account"
        f" AND p.payment_no = y.payment_no WHERE y.account = :account AND {where}"
        " AND p.reverses_posting_no IS NULL",
        before=head.postings,
        **values,
    )


def _project(connection: Connection, charges: int) -> None:
    _run(
        connection,
        "INSERT INTO charge_state (account, charge_no, amount, allocated, voided, open_on)"
        # CROSS JOIN keeps the order: without it SQLite walks one table for each row of the other.
        " SELECT c.account, c.charge_no, c.amount, x.allocated, 0, x.open_on FROM"
        " (SELECT charge_no,"
        " SUM(CASE WHEN reverses_allocation_no IS NULL THEN amount ELSE -amount END) AS allocated,"
        " MAX(CASE WHEN reverses_allocation_no IS NULL THEN 0 ELSE effective_on END) AS open_on"
        " FROM allocation WHERE account = :account GROUP BY charge_no) x CROSS JOIN charge c"
        " ON c.account = :account AND c.charge_no = x.charge_no",
    )
    _run(
        connection,
        "INSERT INTO credit_lot (account, payment_no, credit_account, party_no, settled_batch_no,"
        " available_on, remaining)"
        # What a return undid was there again on that day, before it went.
        " SELECT y.account, y.payment_no, 2010, y.party_no, e.batch_no,"
        f" CASE WHEN {_RETURNED} THEN 20260809 ELSE e.effective_on END,"
        f" CASE WHEN {_RETURNED} THEN 0 ELSE 50 END FROM payment y JOIN payment_event e"
        " ON e.account = y.account AND e.payment_no = y.payment_no AND e.event = 'settled'"
        " WHERE y.account = :account",
    )
    _run(
        connection,
        "INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, charge_no,"
        " amount) SELECT c.account, c.party_no, c.credit_account, c.occurred_at, c.sort,"
        " c.charge_no, c.open_amount FROM charge_standing c"
        " WHERE c.account = :account AND c.open_amount > 0 ORDER BY 2, 3, 4, 5, 6",
    )
