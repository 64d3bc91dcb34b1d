"""The clock against the books: nothing is dated by a clock that was set back, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingestd.ledger.books.clock_check import accept_clock, find_clock_doubt, find_clock_doubts
from ingestd.ledger.entries.author import Author, Command
from ingestd.ledger.entries.entry import write_entry
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import ClockBehindError
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges

HOUR = timedelta(hours=1)


def sealed(books: Books) -> list[int]:
    with books.database.reading() as connection:
        found = connection.execute(sa.text("SELECT sealed_at FROM seal ORDER BY batch_no"))
        return list(found.scalars())


def post(books: Books, key: str) -> None:
    """Post a charge as a worker does; a file that fails stays in the queue."""
    books.post(f"WALLET,{key},S1,MEAL,,1.00")


def accept(books: Books) -> None:
    now = to_microseconds(books.clock.now())
    with books.database.writing() as connection:
        doubt = find_clock_doubt(connection, SPRINGFIELD, now=now)
        assert doubt is not None
        accept_clock(connection, doubt, by="maria as ingestd", reason="the old clock was wrong")


def test_a_clock_that_was_set_back_writes_nothing(books: Books) -> None:
    """A machine that lost its time over night does not bill into last year."""
    post(books, "T1")
    before = books.dump("seal", "seal_head", "charge", "upload")
    books.clock.instant -= HOUR
    upload_id = books.queue(charges("WALLET,T2,S1,MEAL,,1.00"))
    upload = books.lease()
    assert upload is not None
    with pytest.raises(ClockBehindError, match="accept-clock --account SPRINGFIELD"):
        books.process(upload)
    with pytest.raises(ClockBehindError):
        write_entry(
            books.database,
            books.clock,
            books.account,
            event="test",
            author=Author(command=Command.LEDGER_CLOSE, entered_by="clerk"),
            work=lambda entry: entry.day,
        )
    after = books.dump("seal", "seal_head", "charge", "upload")
    assert {name: after[name] for name in after if name != "upload"} == {
        name: before[name] for name in before if name != "upload"
    }
    # And once it is right, the very same file goes on.
    books.clock.instant += HOUR
    books.process(upload)
    assert books.upload(upload_id).status == "processed"


def test_clocks_of_two_nodes_may_differ_a_little(books: Books) -> None:
    """A minute is no alarm; and the batches still follow each other."""
    post(books, "T1")
    books.clock.instant -= timedelta(seconds=50)
    post(books, "T2")
    first, second = sealed(books)[-2:]
    assert first < second


def test_an_accepted_clock_goes_on_and_batches_follow_each_other(books: Books) -> None:
    """After a clock that was ahead is set right, billing goes on; no answer changes its past."""
    books.clock.instant += 1000 * HOUR
    post(books, "T1")
    books.clock.instant -= 1000 * HOUR
    accept(books)
    for key in ("T2", "T3", "T4"):
        post(books, key)
    dates = sealed(books)
    assert dates == sorted(set(dates))
    assert find_doubts(books) == []


def find_doubts(books: Books) -> list[int]:
    with books.database.reading() as connection:
        doubts = find_clock_doubts(connection, now=to_microseconds(books.clock.now()))
    assert [doubt.account for doubt in doubts] == [SPRINGFIELD] * len(doubts)
    return [doubt.behind_seconds for doubt in doubts]


def test_an_acceptance_is_for_one_lead_alone(books: Books) -> None:
    """Who said once that the clock is right did not say so of the next time that it jumps."""
    books.clock.instant += 10 * HOUR
    post(books, "T1")
    books.clock.instant -= 10 * HOUR
    accept(books)
    post(books, "T2")
    books.clock.instant -= HOUR  # set back further
    assert len(find_doubts(books)) == 1
    books.clock.instant += HOUR
    assert find_doubts(books) == []
    books.clock.instant += 20 * HOUR  # ahead once more, and back
    post(books, "T3")
    books.clock.instant -= 20 * HOUR
    [behind] = find_doubts(books)
    assert 19 * 3600 < behind <= 20 * 3600


def test_what_was_accepted_is_kept(books: Books) -> None:
    """An auditor reads years later who vouched for the clock, when, and why."""
    post(books, "T1")
    books.clock.instant -= HOUR
    accept(books)
    [row] = books.dump("clock_acceptance")["clock_acceptance"]
    date = sealed(books)[-1]
    assert row[:2] == (SPRINGFIELD, date)
    assert date - int(str(row[2])) > 3500 * 1_000_000
    assert row[3:] == ("maria as ingestd", "the old clock was wrong")


def test_books_without_a_batch_doubt_nothing(books: Books) -> None:
    """A new district starts whatever the clock says."""
    books.clock.instant -= 10_000 * HOUR
    assert find_doubts(books) == []
    post(books, "T1")
