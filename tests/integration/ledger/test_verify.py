"""Verifying: whoever changed a stored cell is found out, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.audit.verify import Verification, verify_ledger
from ingestd.ledger.evidence.layouts import SEALED_COLUMNS
from ingestd.ledger.money.choices import CreditSource, CreditTarget, PayoutMethod
from ingestd.ledger.proof.note import Signer, VerifierKey
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.service.office.charges import Sale, add_sale
from ingestd.service.office.payments import Payment, add_payment
from ingestd.service.office.payouts import Payout, add_payout, bring_cash, clear
from ingestd.service.office.refunds import write_off_charge
from ingestd.service.office.transfers import Transfer, add_transfer
from tests.integration.database.conftest import KINDS, making_databases
from tests.integration.ledger.conftest import SEED, SPRINGFIELD, Books, open_books
from tests.integration.ledger.test_seal_chain import ROWS, _changed, _drop_guards, _kinds
from tests.integration.reports.history import FEES, History
from tests.integration.reports.story import tell_the_worked_example

KEYS = {
    "row_outcome": ("upload_id", "row"),
    "finding": ("upload_id", "finding_no"),
    "payment_part": ("payment_no", "part_no"),
    "payment_event": ("payment_no", "event"),
    "credit_lot": ("payment_no", "credit_account", "party_no"),
    "seal": ("batch_no",),
    "file_outcome": ("upload_id",),
    "guest": ("party_no",),
    "period_close": ("month",),
    "charge_state": ("charge_no",),
    "seal_head": ("account",),
    "resumption": ("origin_no",),
    "chunk": ("batch_no", "table_name", "first_row"),
    "leaf": ("batch_no",),
    "checkpoint": ("origin_no", "size"),
    "charge_key": ("tracking_id",),
    "open_charge": ("charge_no",),
    "entry": ("batch_no",),
    "catalog_fact": ("kind", "row_key"),
    "family_change": ("party_no",),
    "charge_tax": ("charge_no",),
    "write_off": ("batch_no",),
    "transfer": ("batch_no",),
    "payout": ("charge_no",),
    "payout_event": ("charge_no", "event"),
    "cash_deposit": ("batch_no",),
    "batch_confirmed": ("batch_num",),
    "payment_detail": ("payment_no",),
    "batch_total": ("batch_no", "effective_on", "debit_account", "credit_account", "product_no"),
    "party_balance": ("party_no", "credit_account"),
}
BATCH_OF = {
    "row_outcome": "SELECT batch_no FROM file_outcome WHERE upload_id = t.upload_id",
    "finding": "SELECT batch_no FROM file_outcome WHERE upload_id = t.upload_id",
    "charge_state": "SELECT batch_no FROM charge WHERE charge_no = t.charge_no",
    "credit_lot": "SELECT batch_no FROM payment WHERE payment_no = t.payment_no",
    "seal_head": "t.batch_no",
    "checkpoint": "t.size",
    "charge_key": "SELECT batch_no FROM charge WHERE charge_no = t.charge_no",
    "open_charge": "SELECT batch_no FROM charge WHERE charge_no = t.charge_no",
    "party_balance": "SELECT batch_no FROM party WHERE party_no = t.party_no",
}
PROJECTIONS = (
    "charge_key",
    "charge_state",
    "credit_lot",
    "open_charge",
    "batch_total",
    "party_balance",
)
OneRow = tuple[str, dict[str, object], object]
EVIDENCE = ("seal", "chunk", "leaf", "checkpoint", "seal_head")


@pytest.fixture(scope="module", params=KINDS)
def full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_pattern: Path
) -> Iterator[Books]:
    """Signed books with a row in every table, made once: whoever changes them rolls it back."""
    folder = tmp_path_factory.mktemp("full")
    with making_databases(request, folder, sqlite_pattern) as make:
        yield fill_books(open_books(make(request.param), folder / "data").signed())


def fill_books(books: Books) -> Books:
    """Put a row into every table."""
    tell = tell_the_worked_example(books)
    with tell.batch("period_close", "2026-04-07"):
        tell.insert("period_close", month="2026-03")
    with tell.batch("resume", "2026-04-07"):
        tell.insert("resumption", origin_no=2, resumed_by="op", reason="restored")
        tell.insert(
            "batch_confirmed", batch_num="7", merchant_id="M", total=1, effective_on=tell.day
        )
        party = tell.party("S1")
        moved = {"old_parent_code": "COLL001", "new_parent_code": "OTHER", "effective_on": tell.day}
        tell.insert("family_change", party_no=party, open_amount=1, waiting_amount=0, **moved)
        tell.pay("P9", party, fee=100)
        of = {"payment_no": tell.payments["P9"]["payment_no"]}
        tell.insert("payment_detail", **of, received_from="Gran", nett=90, tax=10)
    books.clock.instant = datetime(2026, 4, 8, 18, tzinfo=UTC)  # files come after all this
    use_the_desk(books)
    books.post(*ROWS)
    books.post_bytes(b"")
    return books


def use_the_desk(books: Books) -> None:
    """Let an office give credit back, move it and give up what is owed: a row in every table."""
    keeper = Bookkeeper(
        database=books.database,
        clock=books.clock,
        account=books.account,
        entered_by="op",
        reason="as asked",
        signing=books.signing,
    )
    books.load(CatalogKind.PARENTS, [{"parent_code": "OTHER", "name": "Other"}])
    books.load(CatalogKind.TAX_CODES, [{"tax_code": "GST", "name": "Goods"}])
    sale = Sale(party="S2", billing_code="MEAL", amount="11.00", tax="1.00", tax_code="GST")
    add_sale(keeper, replace(sale, tracking_id="TAXED"))
    wallet = Payment(payer="S2", amount="30.00", method="cash", to=AccountType.WALLET)
    add_payment(keeper, wallet)
    to_sister = Transfer(
        across_families=True,
        from_party="S2",
        source=CreditSource.WALLET,
        to_party="S1",
        target=CreditTarget.WALLET,
        amount="5.00",
    )
    add_transfer(keeper, to_sister)
    check = Payout(
        party="S2", source=CreditSource.WALLET, method=PayoutMethod.CHECK, amount="9.00", key="O1"
    )
    add_payout(keeper, check)
    clear(keeper, "O1")
    write_off_charge(keeper, "TAXED", amount="2.00", key="W1")
    bring_cash(keeper, "4.00", reference="slip 1")


def keys_of(origin: str) -> list[VerifierKey]:
    return [Signer(origin, SEED).key]


def verify(connection: Connection) -> Verification:
    return verify_ledger(connection, SPRINGFIELD, decimals=2, keys_of=keys_of)


def test_books_that_nobody_touched_are_right(full: Books) -> None:
    """Verifying finds nothing where there is nothing to find, and says how much it looked at."""
    with full.database.reading() as connection:
        found = verify(connection)
    assert found.differences == ()
    assert found.holds
    assert found.checked["batches"] == 30
    assert [identity.name for identity in found.identities] == ["I1", "I2", "I3", "I4", "I5", "I6"]


def test_an_account_without_books_is_right(books: Books) -> None:
    """A school that has sent nothing yet has nothing to worry about."""
    with books.database.reading() as connection:
        assert verify(connection).holds


def cells_of(connection: Connection, table: str) -> list[tuple[str, str]]:
    """Return a table's columns with their kinds: of a server, which reads as slowly, one a kind.

    All of them are tried on SQLite; how a column is read depends on its kind alone.
    """
    kinds = _kinds(connection, table)
    if connection.dialect.name == "sqlite":
        return list(kinds.items())
    return [(column, kind) for kind, column in {kind: name for name, kind in kinds.items()}.items()]


@pytest.mark.long
def test_a_flipped_cell_of_a_fact_is_named_with_its_table_and_batch(full: Books) -> None:
    """An auditor learns not only that somebody changed the books, but where to look.

    One cell of every table is changed at a time, and each must be told of.
    """
    with full.database.connection() as connection:
        columns = {table: cells_of(connection, table) for table in SEALED_COLUMNS}
        connection.rollback()
        for place in range(max(map(len, columns.values()))):
            with connection.begin() as transaction:
                _drop_guards(connection)
                # Whose the rows are is asked before anything is changed.
                rows = {
                    table: _one_row(connection, table)
                    for table, kinds in columns.items()
                    if place < len(kinds)
                }
                for table, row in rows.items():
                    _flip(connection, table, *columns[table][place], row)
                found = verify(connection)
                for table, (_, _, batch_no) in rows.items():
                    column = columns[table][place][0]
                    told = [
                        difference.message
                        for difference in found.differences
                        if difference.batch_no == batch_no
                    ]
                    assert re.search(rf"\b{table}\b", "\n".join(told)), (table, column, told)
                transaction.rollback()


@pytest.mark.long
@pytest.mark.parametrize("tables", [EVIDENCE, PROJECTIONS], ids=["evidence", "projections"])
def test_a_flipped_cell_is_named_with_its_batch(full: Books, tables: Sequence[str]) -> None:
    """What seals the facts, and what is added up of them, is held to them cell by cell."""
    with full.database.connection() as connection:
        for table in tables:
            cells = cells_of(connection, table)
            connection.rollback()
            for column, kind in cells:
                with connection.begin() as transaction:
                    _drop_guards(connection)
                    row = _one_row(connection, table)
                    _flip(connection, table, column, kind, row)
                    found = verify(connection)
                    assert not found.holds, (table, column)
                    named = {difference.batch_no for difference in found.differences}
                    assert row[-1] in named, (table, column, found.differences)
                    transaction.rollback()


@pytest.mark.long
def test_a_removed_row_is_missed(full: Books) -> None:
    """Nothing can be taken out of the books unseen."""
    with full.database.connection() as connection:
        for table in (*SEALED_COLUMNS, *EVIDENCE, *PROJECTIONS):
            with connection.begin() as transaction:
                _drop_guards(connection)
                where, values, batch_no = _one_row(connection, table)
                connection.execute(sa.text(f"DELETE FROM {table} WHERE {where}"), values)
                found = verify(connection)
                assert not found.holds, table
                if table != "seal_head":
                    named = {difference.batch_no for difference in found.differences}
                    assert batch_no in named, table
                transaction.rollback()


def test_an_upload_is_named_beside_its_batch(full: Books) -> None:
    """The file that a changed charge came from can be fetched from the archive."""
    with full.database.connection() as connection, connection.begin() as transaction:
        _drop_guards(connection)
        connection.exec_driver_sql("UPDATE charge SET note = 'changed' WHERE tracking_id = 'T2'")
        (difference,) = verify(connection).differences
        assert (difference.check, difference.batch_no) == ("seal", 29)
        assert difference.upload_id == f"{1:026}"
        transaction.rollback()


def test_rows_put_in_behind_the_books_are_named(full: Books) -> None:
    """A charge that nobody sealed was never sent."""
    with full.database.connection() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(
            "INSERT INTO posting (account, posting_no, batch_no, event, effective_on,"
            " debit_account, credit_account, amount)"
            " VALUES ('SPRINGFIELD', 9999, 99, 'charge', 20260301, 1100, 2100, 1)"
        )
        checks = {(found.check, found.batch_no) for found in verify(connection).differences}
        assert ("unsealed", 99) in checks
        transaction.rollback()


@pytest.mark.parametrize(
    ("posting", "check"),
    [
        ({"debit": 1100, "credit": 2100, "charge_no": 1}, "charge_postings"),
        ({"debit": 2010, "credit": 1100, "charge_no": 1, "payment_no": 1}, "allocation_postings"),
        ({"debit": 2100, "credit": 4000, "charge_no": 1, "payment_no": 1}, "allocation_postings"),
        ({"debit": 4000, "credit": 2100, "reverses_posting_no": 1}, "reversals"),
        ({"debit": 2050, "credit": 2010, "payment_no": 1, "credit_party_no": 1}, "credit_lots"),
    ],
)
def test_a_sealed_posting_that_contradicts_the_facts_is_found(
    books: Books, posting: dict[str, int], check: str
) -> None:
    """A fault of our own, sealed as it is, is found as well as somebody else's change."""
    tell = History(books)
    with tell.batch("upload", "2026-03-02"):
        party = tell.party("S1")
        tell.charge("T1", party, "MEAL", 500)
        tell.pay("P1", party, fee=300)
        tell.settle("P1", party, fee=300)
        tell.allocate("P1", party, "T1", 300)
    with books.database.reading() as connection:
        assert verify(connection).holds
    with tell.batch("fault", "2026-03-03"):
        tell.post("fault", amount=100, **posting)
    with books.database.reading() as connection:
        found = verify(connection)
    assert check in {difference.check for difference in found.differences}
    assert "seal" not in {difference.check for difference in found.differences}


def test_credit_that_is_spent_twice_breaks_an_identity(books: Books) -> None:
    """All balances would still add up: only the lot tells."""
    tell = History(books)
    with tell.batch("upload", "2026-03-02"):
        party = tell.party("S1")
        tell.charge("T1", party, "MEAL", 500)
        tell.charge("T2", party, "MEAL", 500)
        tell.pay("P1", party, fee=500)
        tell.settle("P1", party, fee=500)
        tell.allocate("P1", party, "T1", 500)
    with tell.batch("fault", "2026-03-03"):
        of = {"charge_no": 2, "payment_no": 1}
        tell.post("allocation", FEES, 1100, 500, debit_party_no=party, **of)
        tell.post("allocation", 2100, 4000, 500, **of)
    with books.database.reading() as connection:
        identities = {identity.name: identity for identity in verify(connection).identities}
    assert [name for name, identity in identities.items() if not identity.holds] == ["I4"]
    assert identities["I4"].left == 500


def _one_row(connection: Connection, table: str) -> OneRow:
    """Return a condition that only one row fulfils, what it binds, and the row's batch."""
    batch = BATCH_OF.get(table)
    batch = "t.batch_no" if batch is None else batch if batch[0] == "t" else f"({batch})"
    keys = KEYS.get(table, (f"{table}_no",))
    row = connection.execute(
        sa.text(
            f"SELECT {batch} AS of_batch, {', '.join(f't.{key}' for key in keys)} FROM {table} t"
            f" ORDER BY {', '.join(f't.{key}' for key in keys)} LIMIT 1"
        )
    ).one()
    values = dict(zip(keys, row[1:], strict=True))
    return " AND ".join(f"{key} = :{key}" for key in keys), values, row.of_batch


def _flip(connection: Connection, table: str, column: str, kind: str, row: OneRow) -> None:
    """Change one cell of a row."""
    where, values, _ = row
    change = _changed(connection, column, kind)
    changed = connection.execute(
        sa.text(f"UPDATE {table} SET {column} = {change} WHERE {where}"), values
    )
    assert changed.rowcount == 1
