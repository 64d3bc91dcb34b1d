"""Which uploads are the newest, however far they lie back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from ulid import ULID

from ingestd.database.engine import Database
from ingestd.service.files.uploads import Sought, find_uploads, iterate_uploads
from ingestd.values.identifiers import AccountId

A, B, C = AccountId("A"), AccountId("B"), AccountId("C")
INSERT = sa.text(
    "INSERT INTO upload (account, upload_id, filename, source, size_bytes, received_at, node,"
    " state) VALUES (:account, :upload_id, :filename, 'sftp', 1, 1, 'node-a', 'waiting')"
)


def uploads_of_years() -> list[tuple[str, str]]:
    """Return accounts and ids: some of today, of this month, of two years, and of tomorrow."""
    now, chance = datetime.now(UTC), Random(7)
    hours = (*range(-1, 20), *range(30, 600, 40), *range(800, 17_000, 1_500))
    return [
        (chance.choice((A, B, C)), str(ULID.from_datetime(now - timedelta(hours=hour))))
        for hour in hours
    ]


@pytest.mark.parametrize("name", ["", "rare"])
def test_page_after_page_is_the_newest_first(database: Database, name: str) -> None:
    """Somebody who leafs through the past misses nothing where a day or a month ends."""
    made = uploads_of_years()
    rows = [
        {"account": account, "upload_id": upload, "filename": "rare" if number % 9 == 0 else "x"}
        for number, (account, upload) in enumerate(made)
    ]
    with database.writing() as connection:
        connection.execute(INSERT, rows)
    expected = sorted(
        (row["upload_id"] for row in rows if row["account"] != C and name in row["filename"]),
        reverse=True,
    )
    sought = Sought(accounts=(A, B), name=name)
    with database.reading() as connection:
        for limit in (1, 4, 7, 100):
            found: list[str] = []
            while page := find_uploads(
                connection, sought, before=found[-1] if found else "", limit=limit
            ):
                found += [upload.upload_id for upload in page]
                assert len(page) == limit or found == expected
            assert found == expected
        assert [upload.upload_id for upload in iterate_uploads(connection, sought)] == expected
        assert find_uploads(connection, sought, before="no such id") != []
