"""The agenda: an event makes its own account due, and no account is ever forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingestd.intake.work.agenda import Agenda
from ingestd.values.identifiers import AccountId

A, B = AccountId("A"), AccountId("B")


class HandClock:
    """A clock that is turned by hand."""

    seconds = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def agenda(clock: HandClock) -> Agenda:
    return Agenda(clock, rescan_seconds=30)


def test_every_account_is_due_at_first_and_after_a_rescan(agenda: Agenda, clock: HandClock) -> None:
    """The rescan is the truth: it needs no event."""
    assert agenda.take_due([A, B]) == [A, B]
    assert agenda.take_due([A, B]) == []
    assert agenda.wait_seconds == 30
    clock.seconds += 30
    assert agenda.take_due([A, B]) == [A, B]


def test_an_event_makes_its_own_account_due(agenda: Agenda) -> None:
    """Two hundred schools are not looked through because one uploads."""
    agenda.take_due([A, B])
    agenda.note_event(B)
    assert agenda.wait_seconds == 0
    assert agenda.take_due([A, B]) == [B]


def test_an_event_during_a_look_is_not_lost(agenda: Agenda) -> None:
    """A file that appears right after its folder was read must not wait for the rescan."""
    agenda.take_due([A])
    agenda.note_event(A)
    agenda.look_again(A, 30)
    assert agenda.take_due([A]) == [A]


def test_a_file_that_settles_brings_the_next_look(agenda: Agenda, clock: HandClock) -> None:
    """From CLOSE to the claim it is the settle time, and no more."""
    agenda.take_due([A, B])
    agenda.look_again(A, 1)
    assert agenda.wait_seconds == 1
    clock.seconds += 1
    assert agenda.take_due([A, B]) == [A]


def test_an_event_does_not_hide_when_a_file_has_settled(agenda: Agenda, clock: HandClock) -> None:
    """However much arrives for one account, the file of another is claimed when it is ready."""
    assert agenda.timed_wait_seconds == 30
    agenda.take_due([A, B])
    agenda.look_again(A, 1)
    agenda.note_event(B)
    assert (agenda.wait_seconds, agenda.timed_wait_seconds) == (0, 1)
    clock.seconds += 2
    assert agenda.timed_wait_seconds == 0


def test_after_a_trouble_every_account_is_due(agenda: Agenda) -> None:
    """A watcher that died may have missed anything."""
    agenda.take_due([A, B])
    agenda.note_trouble()
    assert agenda.take_due([A, B]) == [A, B]


def test_an_account_that_is_gone_is_forgotten(agenda: Agenda) -> None:
    """It would make the agenda due for ever, and the daemon busy with nothing."""
    agenda.take_due([A, B])
    agenda.note_event(B)
    assert agenda.take_due([A]) == []
    assert agenda.wait_seconds == 30
