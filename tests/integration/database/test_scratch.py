"""Rows that were kept outside the database come into it as they were, whichever way they took."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.database.bulk import Temporary
from ingestd.database.engine import Database, open_database
from ingestd.database.scratch import HeldRows, attached, bring, open_scratch
from ingestd.formats.rows.contents import HASH_BYTES

KINDS = Temporary(
    "stage_kind",
    {
        "row": "whole",
        "number": "whole?",
        "word": "text",
        "hash": "octets",
        "remark": "text?",
    },
    key=("row",),
)
PAIRS = Temporary("stage_pair", {"word": "text", "number": "whole"}, key=("word", "number"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(
        st.none() | NUMBERS,
        TEXTS,
        st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES),
        st.none() | TEXTS,
    ),
    max_size=6,
)


@pytest.mark.parametrize("ways", [("held",), ("file",), ("file", "file", "held")])
@given(parts=st.lists(ROWS, min_size=3, max_size=3))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_come_in_as_they_were(
    database: Database,
    ways: tuple[str, ...],
    parts: list[list[tuple[int | None, str, bytes, str | None]]],
) -> None:
    """What a process left in a file is what the ledger's statements read."""
    expected = []
    held = HeldRows()
    with database.scratch_folder() as folder:
        folders: list[Path] = []
        for number, (way, rows) in enumerate(zip(ways, parts, strict=False)):
            numbered = [(number * 100 + at, *row) for at, row in enumerate(rows)]
            expected += numbered
            columns = list(zip(*numbered, strict=True))
            if way == "held":
                held.append(KINDS, columns)
                continue
            folders.append(folder / str(number))
            folders[-1].mkdir()
            scratch = open_scratch(folders[-1], (KINDS, PAIRS), is_sqlite=database.is_embedded)
            scratch.append(KINDS, columns)
            scratch.append(PAIRS, [["word"], [number]])
            scratch.close()
        tables = (KINDS, PAIRS)
        with (
            database.connection() as connection,
            attached(connection, tables, folders),
            connection.begin(),
        ):
            bring(connection, tables, folders, held)
            found = connection.exec_driver_sql("SELECT * FROM stage_kind ORDER BY row").all()
            pairs = connection.exec_driver_sql("SELECT COUNT(*) FROM stage_pair").scalar_one()
    assert [tuple(map(plain, row)) for row in found] == expected
    assert pairs == len(folders)


def test_a_stage_ends_with_its_transaction(database: Database) -> None:
    """Through a pooler the next transaction on a session is another district's."""
    held = HeldRows()
    held.append(PAIRS, [["a"], [1]])
    with database.connection() as connection:
        for _ in range(2):
            with attached(connection, (PAIRS,), ()), connection.begin():
                bring(connection, (PAIRS,), (), held)
                count = connection.exec_driver_sql("SELECT COUNT(*) FROM stage_pair").scalar_one()
                assert count == 1
        with connection.begin():
            listed = (
                "SELECT COUNT(*) FROM sqlite_temp_master"
                if database.is_embedded
                else "SELECT COUNT(*) FROM pg_class WHERE relname = 'stage_pair'"
            )
            assert connection.exec_driver_sql(listed).scalar_one() == 0


def test_what_fails_leaves_a_connection_that_can_be_used_again(database: Database) -> None:
    """A file that is not posted takes nothing of the next one with it."""
    with database.scratch_folder() as folder:
        scratch = open_scratch(folder, (PAIRS,), is_sqlite=database.is_embedded)
        scratch.append(PAIRS, [["a"], [1]])
        scratch.close()
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                fail_inside(database, folder)
        with (
            database.connection() as connection,
            attached(connection, (PAIRS,), (folder,)),
            connection.begin(),
        ):
            bring(connection, (PAIRS,), (folder,), HeldRows())
            found = connection.exec_driver_sql("SELECT word FROM stage_pair").scalars().all()
    assert found == ["a"]


def test_only_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    """A command that reads a file beside the daemon keeps what it has judged."""
    database = open_database("sqlite:///unused.db", temporary_folder=tmp_path)
    script = (
        "import os, sys; from pathlib import Path;"
        "from ingestd.database.scratch_folders import lent_folder;"
        "lent = lent_folder(Path(sys.argv[1])); folder = lent.__enter__();"
        "(folder / 'rows.db').write_bytes(b'rows'); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert killed.returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with database.scratch_folder() as folder:
        assert len(list(tmp_path.iterdir())) == 2
        database.clear_scratch()
        assert [path.name for path in tmp_path.iterdir()] == [folder.parent.name]
        assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.iterdir())


def fail_inside(database: Database, folder: Path) -> None:
    """Bring rows in a transaction that then fails."""
    with (
        database.connection() as connection,
        attached(connection, (PAIRS,), (folder,)),
        connection.begin(),
    ):
        bring(connection, (PAIRS,), (folder,), HeldRows())
        raise ZeroDivisionError


def plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
