"""The quick way of verifying: it says yes to what is right, and to nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from ingestd.database.dialects import for_sqlite
from ingestd.database.engine import Database
from ingestd.ledger.audit.batches import Reading, check_batches
from ingestd.ledger.audit.beside import reading_beside
from ingestd.ledger.audit.columns import (
    gather,
    gather_presence,
    hash_written,
    parse_numbers,
    place,
    take,
)
from ingestd.ledger.audit.kept_sides import put_kept, read_sides
from ingestd.ledger.audit.spans import find_spans
from ingestd.ledger.audit.verify import AGREEMENTS, verify_ledger
from ingestd.ledger.proof.digest import CHUNK_ROWS, ColumnKind, hash_column
from tests.integration.ledger.conftest import SPRINGFIELD, Books
from tests.integration.ledger.test_seal_chain import _drop_guards, _kinds
from tests.integration.ledger.test_verify import PROJECTIONS, _flip, _one_row, full

__all__ = ["full"]

KINDS = {
    "texts": ColumnKind.TEXT,
    "octets": ColumnKind.OCTETS,
    "numbers": ColumnKind.NUMBER,
    "others": ColumnKind.NUMBER,
}
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
FACTS = ("charge", "posting", "allocation", "refund", "charge_key")


@given(
    rows=st.lists(
        st.tuples(TEXTS | st.text("ab", max_size=300), st.none() | st.binary(), NUMBERS, NUMBERS),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_that_the_database_puts_together_are_hashed_as_rows_are(
    database: Database, rows: list[tuple[Any, ...]]
) -> None:
    """A note with emoji, an empty one, none at all: each changes the digest as it always did."""
    kind = "BLOB" if database.is_embedded else "BYTEA"
    with database.writing() as connection:
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE held (no BIGINT, texts TEXT, octets {kind}, numbers BIGINT,"
            " others BIGINT)"
        )
        connection.execute(
            sa.text("INSERT INTO held VALUES (:no, :texts, :octets, :numbers, :others)"),
            [dict(zip(("no", *KINDS), (no, *row), strict=True)) for no, row in enumerate(rows)],
        )
        fields = [field for name, kind in KINDS.items() for field in gather(kind, name)]
        columns, holed = take(KINDS, ask(connection, fields), rows=len(rows))
        for name, given in holed.items():
            columns[name] = place(given, ask(connection, [gather_presence(name)])[0])
        connection.exec_driver_sql("DROP TABLE held")
    for index, (name, column_kind) in enumerate(KINDS.items()):
        values = [row[index] for row in rows]
        assert hash_written(columns[name]) == hash_column(column_kind, values), name


def ask(connection: Connection, fields: list[str]) -> tuple[Any, ...]:
    query = f"SELECT {', '.join(fields)} FROM (SELECT * FROM held ORDER BY no) t"
    if connection.dialect.name == "sqlite":
        query = for_sqlite(query, keeps_join_order=False)
    return tuple(connection.exec_driver_sql(query).one())


@pytest.mark.parametrize("content", ["1,,2", "1.5", "1,2 3", "x", "1,2.0"])
def test_what_is_no_list_of_numbers_is_refused(content: str) -> None:
    """Nothing is read as a number that is none."""
    with pytest.raises(ValueError, match="unmatched"):
        parse_numbers(content)


def proven(connection: Connection) -> frozenset[str]:
    """Return what the sums of the books say that no statement would find."""
    sides = read_sides(connection, SPRINGFIELD)
    with reading_beside(connection, None, sides) as beside:
        spans = find_spans(connection, SPRINGFIELD, beside)
        reading = Reading(
            connection=connection,
            account=SPRINGFIELD,
            spans=spans,
            sides=sides,
            beside=beside,
            decimals=2,
        )
        list(check_batches(reading))
        put_kept(connection, SPRINGFIELD, sides, beside=beside)
    rows = {table: sum(span.rows for span in of.values()) for table, of in spans.items()}
    return sides.proven(rows)


def test_books_that_nobody_touched_are_proven_by_their_sums(full: Books) -> None:
    """Where nothing is wrong no statement sorts a million rows to find it out."""
    with full.database.reading() as connection:
        found = proven(connection)
    assert found == {
        "find_charges_without_posting",
        "find_postings_without_charge",
        "find_charges_posted_twice",
        "find_paid_otherwise",
        "find_realised_otherwise",
        "find_charges_without_key",
        "find_stray_keys",
        "find_wrong_open_charges",
        "find_wrong_totals",
        "find_wrong_balances",
    }


@pytest.mark.parametrize("table", [*FACTS, *(name for name in PROJECTIONS if name not in FACTS)])
def test_sums_prove_nothing_that_a_statement_finds(full: Books, table: str) -> None:
    """The quick way is right about every changed cell of every table that is held to another."""
    with full.database.connection() as connection:
        kinds = _kinds(connection, table)
        connection.rollback()
        for column, kind in kinds.items():
            with connection.begin() as transaction:
                _drop_guards(connection)
                _flip(connection, table, column, kind, _one_row(connection, table))
                names = proven(connection)
                for check in (check for checks in AGREEMENTS.values() for check in checks):
                    if check.name in names:
                        assert not list(check.find(connection, SPRINGFIELD)), (column, check.name)
                transaction.rollback()


def test_a_row_that_is_there_twice_is_no_row_less(full: Books) -> None:
    """One open charge too many and one too few do not make up for each other."""
    with full.database.connection() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("UPDATE open_charge SET amount = amount + 1 WHERE charge_no = 1")
        connection.exec_driver_sql("UPDATE open_charge SET amount = amount - 1 WHERE charge_no = 2")
        assert "find_wrong_open_charges" not in proven(connection)
        transaction.rollback()


def test_a_file_of_several_chunks_is_verified_by_two_readers(books: Books) -> None:
    """A large file is read on two connections, and a changed row in it is found on the second."""
    count = CHUNK_ROWS + 100
    books.post(*(f"LIABILITY,T{n},S1,MEAL,{'é' * (n % 3)},{1 + n % 5}.00" for n in range(count)))
    with books.database.reading_twice() as (connection, beside):
        assert beside is not None
        found = verify_ledger(connection, SPRINGFIELD, decimals=2, beside=beside)
        assert found.holds, found.differences
        assert found.checked["charges"] == count
    with books.database.connection() as connection, connection.begin() as transaction:
        _drop_guards(connection)
        connection.exec_driver_sql(
            "UPDATE posting SET effective_on = effective_on + 1 WHERE charge_no = 20"
        )
        differences = verify_ledger(connection, SPRINGFIELD, decimals=2).differences
        transaction.rollback()
    assert {found.check for found in differences} >= {"seal", "charge_postings", "batch_totals"}
    (message,) = [found.message for found in differences if found.check == "seal"]
    assert message.startswith("chunk 1 of posting, rows 1 to 8192: ")
