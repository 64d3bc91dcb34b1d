"""How many receipts forgotten names get: each one at first, and never a flood of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.intake.work.portions import ALONE_AN_HOUR, SHARED_SECONDS, Portions
from ingestd.values.identifiers import AccountId

A, B = AccountId("A"), AccountId("B")
CROWD = 500


@dataclass
class HandClock:
    """A clock that is moved by hand."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def names(count: int, start: int = 0) -> list[str]:
    return [f"{number}.part" for number in range(start, start + count)]


def test_a_few_names_get_a_receipt_each() -> None:
    """A district that finds its file in a receipt need not look further."""
    portions = Portions(clock=HandClock(), crowd=CROWD)
    assert portions.decide(A, names(3)) == [("0.part",), ("1.part",), ("2.part",)]
    assert portions.decide(A, []) == []


def test_what_is_more_shares_one_and_then_waits() -> None:
    """A thousand forgotten names are one message, not a thousand."""
    clock = HandClock()
    portions = Portions(clock=clock, crowd=CROWD)
    first = portions.decide(A, names(1000))
    assert [len(portion) for portion in first] == [1] * ALONE_AN_HOUR + [1000 - ALONE_AN_HOUR]
    assert portions.decide(A, names(5, 1000)) == []
    assert len(portions.decide(B, names(5))) == 5
    clock.seconds = SHARED_SECONDS
    assert portions.decide(A, names(6, 1000)) == [tuple(names(6, 1000))]
    assert [len(portion) for portion in portions.decide(A, names(CROWD, 2000))] == [CROWD]


@settings(deadline=None)
@given(looks=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 60)), max_size=30))
def test_receipts_are_few_and_no_name_is_passed_over(looks: list[tuple[int, int]]) -> None:
    """Whatever comes and when: each name goes once, and an hour has no more than its share."""
    clock = HandClock()
    portions = Portions(clock=clock, crowd=CROWD)
    waiting: list[str] = []
    gone: list[str] = []
    moments: list[float] = []
    made = 0
    for pause, count in looks:
        clock.seconds += pause
        waiting += names(count, made)
        made += count
        for portion in portions.decide(A, waiting):
            gone += portion
            moments.append(clock.seconds)
        waiting = [name for name in waiting if name not in set(gone)]
    assert len(gone) == len(set(gone))
    assert sorted([*gone, *waiting]) == sorted(names(made))
    for moment in moments:
        within = [other for other in moments if moment <= other < moment + 3600]
        shared = 3600 / SHARED_SECONDS + made / CROWD + 1
        assert len(within) <= ALONE_AN_HOUR + shared
    clock.seconds += SHARED_SECONDS
    if waiting:
        assert [name for portion in portions.decide(A, waiting) for name in portion] == waiting
