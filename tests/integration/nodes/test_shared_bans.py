"""Who fails at one node fails at all, and is banned by all; no database decides who may come in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ingestd.database.engine import Database, open_database
from ingestd.service.installation.system_clock import SystemClock
from ingestd.sftp.bounds.bans import ADDRESSES_MAX, Bans
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.bounds.shared_bans import TOLD_AT_ONCE, SharedBans
from ingestd.values.errors import DatabaseError
from tests.integration.database.conftest import MakeDatabase

GUESSER = ip_address("2001:db8::1")
NEIGHBOUR = ip_address("2001:db8::2")
OFFICE = ip_address("203.0.113.9")
LIMITS = DoorLimits(ban_after_failures=2, ban_seconds=600)


def door(database: Database, node: str, limits: DoorLimits = LIMITS) -> SharedBans:
    return SharedBans(database=database, bans=Bans(limits, SystemClock()), node=node)


@pytest.fixture
def shared(make_database: MakeDatabase) -> Database:
    return make_database("postgresql")


def ban(bans: Bans, *addresses: object) -> None:
    for address in addresses:
        for _ in range(2):
            bans.note_failure(ip_address(str(address)))


def test_whom_one_door_bans_all_turn_away(shared: Database) -> None:
    """Somebody who guesses passwords gets no fresh tries from a balancer."""
    here, there = door(shared, "here"), door(shared, "there")
    ban(here.bans, GUESSER)
    here.exchange()
    there.exchange()
    assert there.bans.is_banned(NEIGHBOUR)
    assert there.bans.pronounced() == {}
    late = door(shared, "late")
    late.exchange()
    assert late.bans.is_banned(GUESSER)


def test_who_is_never_banned_here_is_not_banned_by_others(shared: Database) -> None:
    """A school that shares an address is not shut out by a node that was not told so."""
    here = door(shared, "here")
    there = door(shared, "there", DoorLimits(never_ban=(ip_network("203.0.113.0/24"),)))
    ban(here.bans, OFFICE)
    here.exchange()
    there.exchange()
    assert not there.bans.is_banned(OFFICE)


def test_a_ban_that_has_ended_is_forgotten(shared: Database) -> None:
    """The table does not grow with everybody who ever guessed."""
    here = door(shared, "here")
    ban(here.bans, GUESSER, OFFICE)
    here.exchange()
    with shared.writing() as connection:
        connection.exec_driver_sql(f"UPDATE ban SET banned_until = 1 WHERE address = '{OFFICE}'")
    there = door(shared, "there")
    there.exchange()
    assert there.bans.is_banned(GUESSER)
    assert not there.bans.is_banned(OFFICE)
    with shared.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM ban").scalar_one() == 1


def test_without_a_database_a_ban_counts_here_and_is_told_later(shared: Database) -> None:
    """A database that is away opens no door."""
    away = door(open_database("postgresql+psycopg://nobody@127.0.0.1:1/none"), "here")
    ban(away.bans, GUESSER)
    with pytest.raises(DatabaseError):
        away.exchange()
    assert away.bans.is_banned(GUESSER)
    again = SharedBans(database=shared, bans=away.bans, node="here")
    again.exchange()
    there = door(shared, "there")
    there.exchange()
    assert there.bans.is_banned(GUESSER)


def exchange(*doors: SharedBans) -> None:
    """Let each tell the others, and hear what they told."""
    for _ in range(2):
        for one in doors:
            one.exchange()


def counted(database: Database) -> int:
    with database.reading() as connection:
        asked = "SELECT COUNT(*) FROM login_failure"
        return int(connection.exec_driver_sql(asked).scalar_one())


FIVE = DoorLimits(ban_after_failures=5, ban_seconds=600)


def test_who_guesses_at_two_doors_has_the_tries_of_one(shared: Database) -> None:
    """A balancer that spreads a guesser's tries gives him not one more."""
    here, there = door(shared, "here", FIVE), door(shared, "there", FIVE)
    assert not any(here.bans.note_failure(GUESSER) for _ in range(2))
    exchange(here, there)
    assert not any(there.bans.note_failure(NEIGHBOUR) for _ in range(2))
    exchange(here, there)
    assert here.bans.delay_seconds(GUESSER) == there.bans.delay_seconds(GUESSER) == 0.5
    assert here.bans.note_failure(GUESSER)
    exchange(here, there)
    assert there.bans.is_banned(GUESSER)
    # By what led to the ban nobody is banned again once it has ended.
    assert here.bans.changed_counts(9) == {}
    late = door(shared, "late", FIVE)
    late.exchange()
    assert late.bans.delay_seconds(GUESSER) == 0


def test_what_the_right_key_forgives_is_taken_back_from_others(shared: Database) -> None:
    """A job that tries several keys first is no guesser at any node."""
    here, there = door(shared, "here", FIVE), door(shared, "there", FIVE)
    for _ in range(4):
        here.bans.note_failure(OFFICE, keys_of="SPRINGFIELD")
    exchange(here, there)
    assert there.bans.delay_seconds(OFFICE) > 0
    here.bans.forgive_keys(OFFICE, "SPRINGFIELD")
    exchange(here, there)
    assert there.bans.delay_seconds(OFFICE) == 0
    assert not there.bans.note_failure(OFFICE)


def test_without_a_database_failures_count_where_they_happened(shared: Database) -> None:
    """A database that is away opens no door and closes none; what happened is told later."""
    away = door(open_database("postgresql+psycopg://nobody@127.0.0.1:1/none"), "here", FIVE)
    assert not any(away.bans.note_failure(GUESSER) for _ in range(4))
    with pytest.raises(DatabaseError):
        away.exchange()
    here = SharedBans(database=shared, bans=away.bans, node="here")
    there = door(shared, "there", FIVE)
    exchange(here, there)
    assert there.bans.note_failure(GUESSER)


def test_failures_that_count_no_more_are_forgotten(shared: Database) -> None:
    """A wrong password of the morning bans nobody at noon, and fills no table."""
    here = door(shared, "here", FIVE)
    for address in (GUESSER, OFFICE):
        for _ in range(4):
            here.bans.note_failure(address)
    here.exchange()
    with shared.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE login_failure SET counts_until = 1 WHERE address = '{OFFICE}'"
        )
    there = door(shared, "there", FIVE)
    there.exchange()
    assert not there.bans.note_failure(OFFICE)
    assert there.bans.note_failure(GUESSER)
    assert counted(shared) == 1


def test_failures_from_everywhere_fill_neither_table_nor_exchange(shared: Database) -> None:
    """Whoever has a million addresses slows no door down, and fills no disk."""
    here = door(shared, "here", FIVE)
    addresses = [ip_address(f"198.18.{n // 250}.{n % 250}") for n in range(TOLD_AT_ONCE + 10)]
    for address in addresses:
        here.bans.note_failure(address)
    here.exchange()
    assert counted(shared) == TOLD_AT_ONCE
    here.bans.note_failure(addresses[-1])
    here.exchange()
    assert counted(shared) == len(addresses)
    with shared.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO login_failure SELECT 'a' || n, 'here', 1, n, 9000000000000000"
            f" FROM GENERATE_SERIES(1, {ADDRESSES_MAX}) n"
        )
    again = SharedBans(database=shared, bans=Bans(FIVE, SystemClock()), node="here")
    again.exchange()
    assert counted(shared) == ADDRESSES_MAX
