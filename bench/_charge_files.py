"""Charge files and ledgers of any size: random keys, 20,000 students, 50 products."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.head import lock_head, store_head
from ingestd.ledger.books.totals import add_totals
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.values.identifiers import AccountId

ACCOUNT = AccountId("SPRINGFIELD")
STUDENTS = 20_000
PRODUCTS = 50
COLUMNS = (
    *("account_type", "charge_tracking_id", "student_id", "billing_code", "note", "amount"),
    "transaction_occurred_time",
)


def write_charge_file(path: Path, rows: int, *, seed: int, ascending: bool = False) -> Path:
    """Write a charge file; two files with different seeds share no key.

    Keys are random, or ascend behind every key of `fill_ledger`.
    """
    keys = random.Random(seed)
    with path.open("w", encoding="ascii") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number in range(rows):
            key = str(uuid.UUID(int=keys.getrandbits(128)))
            file.write(_line(f"z{seed:08}-{number:026}" if ascending else key, number))
    return path


def write_grown_file(source: Path, path: Path, *, share: float, seed: int) -> Path:
    """Write the rows of a charge file again, with some new rows anywhere among them."""
    chance = random.Random(seed)
    with source.open(encoding="ascii") as old, path.open("w", encoding="ascii") as file:
        file.write(next(old))
        for number, line in enumerate(old):
            if chance.random() < share:
                file.write(_line(str(uuid.UUID(int=chance.getrandbits(128))), number))
            file.write(line)
    return path


def _line(key: str, number: int) -> str:
    account_type = "LIABILITY" if number % 3 else "WALLET"
    occurred = f"2026-0{1 + number % 9}-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z"
    return (
        f"{account_type},{key},S{number % STUDENTS:06},CODE{number % PRODUCTS},"
        f"note number {number % 1000},{number % 300}.{number % 100:02},{occurred}\n"
    )


def fill_catalog(database: Database) -> None:
    """Give the account its students and products."""
    with database.writing() as connection:
        connection.execute(
            sa.text("INSERT INTO student (account, student_id, name) VALUES (:account, :id, '')"),
            [{"account": ACCOUNT, "id": f"S{number:06}"} for number in range(STUDENTS)],
        )
        connection.execute(
            sa.text("INSERT INTO product (account, billing_code, name) VALUES (:account, :id, '')"),
            [{"account": ACCOUNT, "id": f"CODE{number}"} for number in range(PRODUCTS)],
        )


def fill_ledger(database: Database, charges: int, *, on_wallets: bool = True) -> None:
    """Put charges with random keys, their postings and parties into an empty SQLite ledger.

    Straight into the tables, in the order of the keys: a journey's speed over a ledger of ten
    million is to be measured, not how it came to be one. The batch has no seal.
    """
    with database.writing() as connection:
        head = lock_head(connection, ACCOUNT)
        values = {
            "account": ACCOUNT,
            "charges": charges,
            "students": STUDENTS,
            "receivable": 1110 if on_wallets else 1100,
        }
        for statement in _FILL:
            connection.execute(sa.text(statement), values)
        take_keys(connection, head, charges_before=0)
        open_new_charges(connection, head, charges_before=0, has_sorts=False)
        add_totals(connection, account=ACCOUNT, batch_no=1, postings_before=0)
        head.batch_no, head.parties, head.codes = 1, STUDENTS, 1
        head.charges = head.postings = charges
        head.frontier = bytes(32)  # of a tree with one leaf, whatever that holds
        store_head(connection, head)


_FILL_PARTIES = """
INSERT INTO party (account, party_no, kind, party_code, batch_no)
WITH RECURSIVE n (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n WHERE no < :students)
SELECT :account, no, 'student', printf('S%06d', no - 1), 1 FROM n
"""
_FILL_KEYS = """
INSERT INTO filling (tracking_id)
WITH RECURSIVE n (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n WHERE no < :charges)
SELECT lower(hex(randomblob(18))) AS tracking_id FROM n ORDER BY tracking_id
"""
_FILL_CHARGES = """
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no,
 receivable_account, product_no, amount, note, occurred_at, effective_on, batch_no, row)
SELECT :account, no, tracking_id, randomblob(16), 1 + no % :students, :receivable, 1, 100,
 'note number 1', 1767225600000000, 20260101, 1, no
FROM filling ORDER BY no
"""
_FILL_POSTINGS = """
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
 credit_account, amount, debit_party_no, charge_no, product_no)
SELECT account, charge_no, 1, 'charge', effective_on, :receivable, 2100, amount, party_no,
 charge_no, product_no FROM charge WHERE account = :account ORDER BY charge_no
"""
_FILL_CODE = "INSERT INTO code (account, code_no, code, batch_no) VALUES (:account, 1, 'CODE1', 1)"
_FILL = (
    _FILL_PARTIES,
    _FILL_CODE,
    "CREATE TEMPORARY TABLE filling (no INTEGER PRIMARY KEY, tracking_id TEXT)",
    _FILL_KEYS,
    _FILL_CHARGES,
    _FILL_POSTINGS,
    "DROP TABLE filling",
)
