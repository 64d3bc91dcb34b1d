"""The ledger against the model, through any history that an office can make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos import TIMES
from tests.integration.database.conftest import MakeDatabase
from tests.integration.office.machine import OfficeMachine

pytestmark = pytest.mark.chaos


@pytest.mark.long
@pytest.mark.parametrize(("kind", "examples", "steps"), [("sqlite", 12, 20), ("postgresql", 4, 15)])
def test_whatever_an_office_does_the_books_agree_with_the_rules(
    make_database: MakeDatabase, tmp_path: Path, kind: str, examples: int, steps: int
) -> None:
    """No order of sales, payments, bounces and refunds makes the books wrong by a cent."""
    database = make_database(kind)
    if kind == "sqlite":
        # Thousands of transactions that no power cut will meet need not wait for the disk.
        sa.event.listen(database.engine, "connect", _trust_the_power)

    class Office(OfficeMachine):
        def __init__(self) -> None:
            super().__init__(database, tmp_path)

    run_state_machine_as_test(
        Office,
        settings=settings(
            max_examples=examples * TIMES,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _trust_the_power(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
