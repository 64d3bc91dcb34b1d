"""The demo: what a visitor tries first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.conftest import School


def test_the_demo_shows_the_whole_journey_and_touches_nothing(
    school: School, tmp_path: Path
) -> None:
    """Ten seconds after cloning, a visitor has seen a file become money owed.

    It may be tried where a real installation is set up by the environment, and leaves it alone.
    """
    school.set(database_url="postgresql://nobody@127.0.0.1:1/real")
    school.environment["TMPDIR"] = str(tmp_path)
    before = os.listdir(tmp_path)
    done = school.run("demo", seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for word in ("amount_invalid", "conflict", "duplicate", "report balances", "ledger head"):
        assert word in done.stdout
    assert os.listdir(tmp_path) == before
