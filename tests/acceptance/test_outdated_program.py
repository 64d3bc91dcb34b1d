"""A daemon whose ledger was upgraded beside it: it goes, and says why."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from ingestd.database.schema import HEAD_REVISION
from tests.acceptance.conftest import School
from tests.acceptance.daemon_log import PATIENCE_SECONDS

EXIT_WORLD = 3


def move_on(school: School, *, oldest: str) -> None:
    """Bring the schema forward, as a newer program's upgrade does."""
    with closing(sqlite3.connect(school.folder / "data" / "ledger.db")) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '0099'")
        ledger.execute("UPDATE schema_floor SET oldest = ?", (oldest,))
        ledger.commit()


def test_a_daemon_drains_when_its_ledger_became_too_new_for_it(open_school: School) -> None:
    """Nothing is posted by rules that are no longer those of the books."""
    school = open_school
    move_on(school, oldest=HEAD_REVISION)
    school.upload(school.write("student_billing_1.csv", "LIABILITY,T1,00042,LATE_FEE,,5.00,"))
    assert school.wait_until_receipt("student_billing_1.csv")["status"] == "processed"
    move_on(school, oldest="0099")
    assert school.daemon.wait(PATIENCE_SECONDS) == EXIT_WORLD
    [told] = school.log.events("program_outdated")
    assert told["level"] == "critical"
    assert "0099 is newer than this version" in told["error"]
    assert not school.log.events("daemon_failed")
    again = school.spawn()
    assert again.wait(PATIENCE_SECONDS) == EXIT_WORLD
