"""Who is banned by one node is turned away by all; and no database decides who may come in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ingestd.database.engine import Database, open_database
from ingestd.service.installation.system_clock import SystemClock
from ingestd.sftp.bounds.limits import Bans, DoorLimits
from ingestd.sftp.bounds.shared_bans import SharedBans
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
