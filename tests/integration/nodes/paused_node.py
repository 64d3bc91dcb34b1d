"""A node that stops in the middle of posting, as a machine does that is suspended.

`python -m tests.integration.nodes.paused_node URL FOLDER`: it takes the next file, stops itself
once it has the head's lock, and works on until there are no more files when it is woken.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import sqlalchemy as sa

from ingestd.database.engine import open_database
from ingestd.database.postgresql import Waits
from tests.integration.intake.conftest import open_station_on
from tests.integration.ledger.conftest import Books


def main(url: str, folder: Path) -> None:
    database = open_database(url, waits=Waits(silent_seconds=1.0))
    has_stopped = False

    def stop_under_the_lock(_c: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal has_stopped
        if "FOR UPDATE" in statement and "seal_head" in statement and not has_stopped:
            has_stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)

    sa.event.listen(database.engine, "after_cursor_execute", stop_under_the_lock)
    books = Books(database=database, folder=folder, node="sleeper").signed()
    worker = open_station_on(books, []).worker()
    while worker.run_next() or _has_work(books):
        pass
    database.close()


def _has_work(books: Books) -> bool:
    with books.database.reading() as connection:
        asked = "SELECT COUNT(*) FROM upload WHERE state <> 'done'"
        return bool(connection.exec_driver_sql(asked).scalar_one())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
