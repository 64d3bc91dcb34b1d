"""Files in which many rows come twice."""

from __future__ import annotations

from types import ModuleType

import pytest
import sqlalchemy as sa

from ingestd.database.bulk import Temporary, copy_sorted, create_temporary, stage
from ingestd.database.statements import Statements
from ingestd.ledger.taking import refunds
from ingestd.ledger.taking.charge_files import charges
from ingestd.ledger.taking.charge_files.charge_stage import CHARGES, KEYS
from ingestd.ledger.taking.payment_files import payment_rows
from ingestd.ledger.taking.payment_files.payment_stage import PAYMENTS
from ingestd.ledger.taking.refunds import REFUNDS
from ingestd.ledger.taking.stage import REPEATS

STEPS_AT_A_TIME = 100


def steps_to_find(module: ModuleType, table: Temporary, *, pairs: int) -> int:
    """Return how many steps SQLite takes to find the second row of each pair."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def row(number: int) -> list[object]:
        told: dict[str, object] = {"row": number, "row_key": f"key {number // 2}"}
        empty = (None if kind.endswith("?") else 0 for kind in table.columns.values())
        return [told.get(name, value) for name, value in zip(table.columns, empty, strict=True)]

    with sa.create_engine("sqlite://").connect() as connection:
        create_temporary(connection, table, KEYS, REPEATS)
        stage(connection, table, map(row, range(2 * pairs)))
        copy_sorted(connection, table, KEYS, order="row_key, row")
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, STEPS_AT_A_TIME)
        found = Statements(str(module.__file__)).run(connection, "find_repeats_in_file")
        assert found.rowcount == pairs
    return steps


@pytest.mark.parametrize(
    ("module", "table"), [(charges, CHARGES), (refunds, REFUNDS), (payment_rows, PAYMENTS)]
)
def test_a_file_that_is_pasted_twice_takes_as_long_as_it_is_long(
    module: ModuleType, table: Temporary
) -> None:
    """A hundred thousand rows that come twice must not hold the account's books for an hour."""
    few, many = (steps_to_find(module, table, pairs=pairs) for pairs in (500, 4000))
    assert many < 3 * 8 * few
