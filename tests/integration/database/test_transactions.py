"""Transactions, staging and errors, on both databases."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, create_temporary, drop_temporary, stage
from ingestd.database.engine import Database, open_database, trial, write_transaction
from ingestd.database.postgresql import Waits
from ingestd.values.errors import DatabaseError, DatabaseFaultError, UsageError

WORDS = Temporary("words", {"word": "text", "number": "whole?"}, key=("word",))
STRANGE = ["", "a\tb\\N\n\r", "\\.", "é", "😀", "z", "Z", "_", "'; DROP TABLE party;--", "x" * 9000]


def add_student(connection: Connection, student_id: str) -> None:
    connection.execute(
        sa.text("INSERT INTO student (account, student_id, name) VALUES ('A', :id, '')"),
        {"id": student_id},
    )


def students(database: Database) -> list[str]:
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT student_id FROM student ORDER BY student_id")
        return [row.student_id for row in found]


def test_staged_text_comes_back_as_it_went_in_and_in_byte_order(database: Database) -> None:
    """A note with tabs, backslashes or emoji is stored as the district wrote it."""
    with database.writing() as connection:
        create_temporary(connection, WORDS)
        stage(connection, WORDS, [(word, None) for word in STRANGE])
        stage(connection, WORDS, [])
        found = connection.exec_driver_sql("SELECT word FROM words ORDER BY word").scalars().all()
        assert found == sorted(STRANGE, key=str.encode)
        drop_temporary(connection, WORDS)


def test_what_the_driver_refuses_is_a_database_error(database: Database) -> None:
    """The daemon goes on after it; only errors of ours are waited for and tried again."""

    def write() -> None:
        with database.writing() as connection:
            create_temporary(connection, WORDS)
            stage(connection, WORDS, [("twice", 1), ("twice", 2)])

    with pytest.raises(DatabaseError):
        write()


def test_a_writing_that_fails_leaves_nothing(database: Database) -> None:
    """Half a file is never stored."""

    def write() -> None:
        with database.writing() as connection:
            add_student(connection, "S1")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert students(database) == []


def test_one_statement_is_kept_whole_or_not_at_all(database: Database) -> None:
    """A worker's word to the queue needs no transaction around it."""
    database.at_once(lambda connection: add_student(connection, "S1"))
    with pytest.raises(DatabaseFaultError):
        database.at_once(lambda connection: add_student(connection, "S1"))
    with database.writing() as connection:
        add_student(connection, "S2")
    assert students(database) == ["S1", "S2"]


def test_a_connection_that_died_while_it_lay_idle_is_replaced(
    both: tuple[Database, Database],
) -> None:
    """A server that was restarted overnight costs the morning's first file no failed try."""
    _, other = both
    url = other.engine.url.render_as_string(hide_password=False)
    database = open_database(url, waits=Waits(ask_after_seconds=0))
    with database.reading() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with other.writing() as connection:
        # It waits until the process is gone, half a minute at most.
        ended = sa.text("SELECT pg_terminate_backend(:pid, 30000)")
        assert connection.execute(ended, {"pid": pid}).scalar_one()
    assert students(database) == []
    database.close()


def test_a_trial_keeps_nothing_and_nobody_waits_for_it(database: Database) -> None:
    """A dry run fills its stage while files are posted, and sees nothing of what they write."""
    staged = Temporary("stage_tried", {"student_id": "text"})
    count = sa.text("SELECT COUNT(*) FROM student")
    with database.connection() as connection:
        with trial(connection):
            before = connection.execute(count).scalar()
            create_temporary(connection, staged)
            connection.execute(sa.text("INSERT INTO stage_tried (student_id) VALUES ('S1')"))
            with database.writing() as other:
                add_student(other, "S2")
            assert connection.execute(count).scalar() == before
        with write_transaction(connection):
            add_student(connection, "S3")
            create_temporary(connection, staged, is_first=True)
    assert students(database) == ["S2", "S3"]


def test_a_reading_is_of_one_moment(database: Database) -> None:
    """A report's totals fit its rows, even while a file is being posted."""
    with database.writing() as connection:
        add_student(connection, "S1")
    with database.reading() as connection:
        count = sa.text("SELECT COUNT(*) FROM student")
        before = connection.execute(count).scalar()
        with database.writing() as other:
            add_student(other, "S2")
        assert connection.execute(count).scalar() == before
    assert students(database) == ["S1", "S2"]


def test_the_loser_of_a_deadlock_tries_again(both: tuple[Database, Database]) -> None:
    """Two nodes that wait for each other both end with their work done."""
    database = both[1]
    with database.writing() as connection:
        add_student(connection, "S1")
        add_student(connection, "S2")
    meeting = threading.Barrier(2, timeout=20)
    tries: list[str] = []

    def rename(first: str, second: str) -> None:
        with database.connection() as connection:

            def work() -> None:
                tries.append(first)
                for student in (first, second):
                    connection.execute(
                        sa.text("UPDATE student SET name = name || :mark WHERE student_id = :id"),
                        {"mark": first, "id": student},
                    )
                    if student == first and tries.count(first) == 1:
                        meeting.wait()

            database.transact(connection, work)

    threads = [threading.Thread(target=rename, args=pair) for pair in (("S1", "S2"), ("S2", "S1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    # The loser may lose once more before the winner has committed.
    assert len(tries) >= 3
    with database.reading() as connection:
        names = connection.exec_driver_sql("SELECT name FROM student").scalars().all()
    assert {"".join(sorted(name)) for name in names} == {"12SS"}


def test_a_wait_for_a_lock_ends_and_begins_anew(both: tuple[Database, Database]) -> None:
    """Whoever holds a lock and is paused does not hold up the others' threads for ever."""
    url = both[1].engine.url.render_as_string(hide_password=False)
    database = open_database(url, waits=Waits(lock_seconds=0.05))
    tries: list[int] = []
    with database.writing() as connection:
        add_student(connection, "S1")

        def add(other: Connection) -> None:
            tries.append(1)
            if len(tries) == 3:
                connection.rollback()
            add_student(other, "S1")

        database.write(add)
    assert len(tries) == 3
    assert students(database) == ["S1"]
    database.close()


def test_only_what_will_be_refused_again_is_a_fault(both: tuple[Database, Database]) -> None:
    """A file is set aside for what it brings about, never because the server was told to stop."""
    _, server = both
    slow = "SET LOCAL statement_timeout = 1; SELECT pg_sleep(9)"
    gone = "SELECT pg_terminate_backend(pg_backend_pid())"
    for statement in (slow, gone, "SET LOCAL ROLE pg_monitor; SELECT rolpassword FROM pg_authid"):
        with pytest.raises(DatabaseError) as told, server.writing() as connection:
            connection.exec_driver_sql(statement)
        assert not isinstance(told.value, DatabaseFaultError)
    for database in both:
        with pytest.raises(DatabaseFaultError), database.writing() as connection:
            connection.exec_driver_sql("SELECT nothing FROM nowhere")


@pytest.mark.parametrize("url", ["mysql://host/db", "nothing", "oracle+x://h/d"])
def test_a_url_of_another_database_is_refused(url: str) -> None:
    """The mistake is told at the start, with what to write instead."""
    with pytest.raises(UsageError, match="postgresql"):
        open_database(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@127.0.0.1:1/db",
        "postgresql://user@127.0.0.1:1/db?password=secret&sslmode=disable",
    ],
)
def test_a_password_is_never_told(url: str) -> None:
    """Error messages go to logs and tickets."""
    database = open_database(url)
    with pytest.raises(DatabaseError) as raised, database.reading():
        pass
    database.close()
    assert "secret" not in raised.value.message + raised.value.detail
    assert "127.0.0.1" in raised.value.message


def test_two_readers_see_one_moment_whoever_writes(database: Database) -> None:
    """Books that are verified on two connections are the books of one moment."""
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            with database.writing() as connection:
                add_student(connection, f"{number:06}")
            number += 1

    count = "SELECT COUNT(*) FROM student"
    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = []
        for _ in range(30):
            with database.reading_twice() as (first, second):
                if second is not None:
                    seen.append(second.exec_driver_sql(count).scalar_one())
                    assert first.exec_driver_sql(count).scalar_one() == seen[-1]
    finally:
        done.set()
        thread.join(30)
    with database.reading_twice() as (_, second):
        assert second is not None
    assert seen == sorted(seen)
