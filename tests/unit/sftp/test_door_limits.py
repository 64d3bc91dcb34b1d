"""Counters and bans, with a clock that a test turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from ingestd.sftp.bounds.bans import ADDRESSES_MAX, Bans, FailureCount
from ingestd.sftp.bounds.limits import ConnectionCount, DoorLimits
from ingestd.sftp.uploads.received import ReceivedMemory
from ingestd.values.identifiers import AccountId, new_upload_id

HOME = ip_address("192.0.2.1")
ACCOUNT = AccountId("SPRINGFIELD")


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def test_the_failure_that_bans_is_told_once() -> None:
    """One line in the log, not one for each further try."""
    bans = Bans(DoorLimits(ban_after_failures=3), TurnedClock())
    assert [bans.note_failure(HOME) for _ in range(5)] == [False, False, True, False, False]
    assert bans.is_banned(HOME)
    assert not bans.is_banned(ip_address("192.0.2.2"))


def test_the_right_key_forgives_the_wrong_ones_before_it_and_nothing_else() -> None:
    """A job that tries several keys is no guesser; who guesses beside its own login is one."""
    bans = Bans(DoorLimits(ban_after_failures=4), TurnedClock())
    for _ in range(5):
        assert not bans.note_failure(HOME, keys_of="SPRINGFIELD")
        assert not bans.note_failure(HOME, keys_of="SPRINGFIELD")
        bans.forgive_keys(HOME, "SPRINGFIELD")
    assert bans.delay_seconds(HOME) == 0
    outcomes = []
    for name in (None, "SHELBYVILLE", None, "SHELBYVILLE"):  # None: a password
        outcomes.append(bans.note_failure(HOME, keys_of=name))
        bans.forgive_keys(HOME, "SPRINGFIELD")
    assert outcomes == [False, False, False, True]


def test_what_other_nodes_count_has_its_time_and_its_bounds() -> None:
    """Nobody is slowed down by what is long ago, and no memory is filled by strangers."""
    clock = TurnedClock()
    bans = Bans(DoorLimits(ban_after_failures=9, ban_seconds=900), clock)
    bans.learn_count(HOME, "a", FailureCount(failures=3, seconds=100))
    bans.learn_count(HOME, "b", FailureCount(failures=3, seconds=200))
    bans.learn_count(HOME, "b", FailureCount(failures=2, seconds=200))
    assert bans.delay_seconds(HOME) == 1.0
    clock.seconds += 150
    assert bans.delay_seconds(HOME) == 0
    bans.learn_count(HOME, "a", FailureCount(failures=8, seconds=100))
    assert bans.delay_seconds(HOME) == 4.0
    for number in range(ADDRESSES_MAX):
        bans.learn_count(ip_address(number), "a", FailureCount(failures=8, seconds=100))
    assert bans.delay_seconds(HOME) == 0
    assert bans.note_failure(ip_address(ADDRESSES_MAX - 1))


def test_a_count_is_told_anew_when_some_of_it_has_had_its_time() -> None:
    """A district that mistypes now and then is not counted for longer at other nodes than here."""
    clock = TurnedClock()
    bans = Bans(DoorLimits(ban_after_failures=9, ban_seconds=900), clock)
    bans.note_failure(HOME)
    clock.seconds += 800
    bans.note_failure(HOME)
    told = bans.changed_counts(9)
    assert told == {HOME: FailureCount(failures=2, seconds=900)}
    bans.note_told_counts(told)
    assert bans.changed_counts(9) == {}
    clock.seconds += 200
    bans.notice_what_is_over()
    assert bans.changed_counts(9) == {HOME: FailureCount(failures=1, seconds=700)}


def test_a_ban_ends() -> None:
    """A district that mistyped its password is back after a quarter of an hour."""
    clock = TurnedClock()
    bans = Bans(DoorLimits(ban_after_failures=1, ban_seconds=900), clock)
    bans.note_failure(HOME)
    clock.seconds += 899
    assert bans.is_banned(HOME)
    clock.seconds += 1
    assert not bans.is_banned(HOME)


def test_old_failures_are_forgotten() -> None:
    """Ten typing errors in a year are no attack."""
    clock = TurnedClock()
    bans = Bans(DoorLimits(ban_after_failures=2, ban_seconds=900), clock)
    for _ in range(10):
        assert not bans.note_failure(HOME)
        clock.seconds += 901


def test_an_ipv6_customer_is_banned_as_a_whole() -> None:
    """Whoever has one IPv6 address has 2**64 of them."""
    bans = Bans(DoorLimits(ban_after_failures=2), TurnedClock())
    bans.note_failure(ip_address("2001:db8::1"))
    assert bans.note_failure(ip_address("2001:db8::2"))
    assert bans.is_banned(ip_address("2001:db8::3"))
    assert not bans.is_banned(ip_address("2001:db8:0:1::3"))


def test_addresses_that_must_not_be_banned_cost_nothing() -> None:
    """The address of a gateway stands for many people."""
    limits = DoorLimits(ban_after_failures=1, never_ban=(ip_network("192.0.2.0/24"),))
    bans = Bans(limits, TurnedClock())
    assert not bans.note_failure(HOME)
    assert not bans.is_banned(HOME)
    assert bans.delay_seconds(HOME) == 0


def test_delays_grow_and_have_a_limit() -> None:
    """Guessing gets slow; a person who mistypes twice does not notice."""
    bans = Bans(DoorLimits(ban_after_failures=100), TurnedClock())
    delays = []
    for _ in range(12):
        delays.append(bans.delay_seconds(HOME))
        bans.note_failure(HOME)
    assert delays[:3] == [0, 0, 0]
    assert delays == sorted(delays)
    assert delays[-1] == 4.0


def test_memory_of_failures_has_a_limit() -> None:
    """A flood from everywhere cannot fill the memory."""
    bans = Bans(DoorLimits(), TurnedClock())
    for number in range(10_050):
        bans.note_failure(ip_address(number))
    assert len(bans._failures) == 10_000


def test_a_place_that_was_given_back_can_be_taken() -> None:
    """Counts go down as they went up, for the whole and for each address."""
    count = ConnectionCount(DoorLimits(max_connections=2, max_connections_per_address=1))
    count.add(HOME)
    assert count.refusal(HOME) == "too_many_connections_from_address"
    other = ip_address("192.0.2.2")
    assert count.refusal(other) is None
    count.add(other)
    assert count.refusal(ip_address("192.0.2.3")) == "too_many_connections"
    count.remove(HOME)
    assert count.refusal(HOME) is None


def test_what_was_received_is_remembered_for_ten_minutes() -> None:
    """Long enough for every client's last question, and no archive."""
    clock = TurnedClock()
    memory = ReceivedMemory(clock)
    memory.note(ACCOUNT, "a.csv.part", new_upload_id(), 5)
    memory.rename(ACCOUNT, "a.csv.part", "a.csv")
    found = memory.find(ACCOUNT, "a.csv")
    assert found is not None
    assert found.size_bytes == 5
    assert memory.find(ACCOUNT, "a.csv.part") is None
    assert memory.find(AccountId("SHELBYVILLE"), "a.csv") is None
    clock.seconds += 601
    assert memory.find(ACCOUNT, "a.csv") is None


def test_what_was_withdrawn_is_forgotten() -> None:
    """A file that its sender removed is not "received" any more."""
    memory = ReceivedMemory(TurnedClock())
    memory.note(ACCOUNT, "a.csv", new_upload_id(), 5)
    memory.forget(ACCOUNT, "a.csv")
    assert memory.find(ACCOUNT, "a.csv") is None
