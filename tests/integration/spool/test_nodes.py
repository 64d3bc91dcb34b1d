"""What the nodes that share a ledger say of themselves, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingestd.database.engine import Database
from ingestd.database.schema import NODE_SILENT_SECONDS
from ingestd.spool import nodes
from ingestd.spool.nodes import Instance, Node, Sighting
from ingestd.values.clock import to_microseconds
from tests.integration.spool.queued import entry, put

FIRST = Instance(
    node="node-a", instance="i-1", program="1.2", revision="0001", host="h1", host_keys="k1"
)
SECOND = replace(FIRST, instance="i-2", program="1.3", revision="0002", host="h2", host_keys="k2")


def join(database: Database, instance: Instance, seen: Sighting | None) -> bool:
    with database.writing() as connection:
        return nodes.join_ledger(connection, instance=instance, seen=seen)


def seen(database: Database) -> Sighting:
    with database.reading() as connection:
        found = nodes.find_node(connection, FIRST.node)
    assert found is not None
    return found


def listed(database: Database) -> list[Node]:
    with database.reading() as connection:
        return nodes.list_nodes(connection)


def test_a_node_is_known_by_what_it_said(database: Database) -> None:
    """An operator reads which machine serves, with which program, and when it was heard of."""
    with database.reading() as connection:
        assert nodes.find_node(connection, FIRST.node) is None
    assert listed(database) == []
    assert join(database, FIRST, None)
    found = seen(database)
    assert (found.instance, found.program, found.host) == ("i-1", "1.2", "h1")
    assert found.is_serving is True
    assert 0 <= found.silent_seconds < 30
    put(database, entry(1, node=FIRST.node), entry(2, node="other"))
    [node] = listed(database)
    assert (node.node, node.program, node.revision, node.host) == ("node-a", "1.2", "0001", "h1")
    assert (to_microseconds(node.heard_at), node.uploads) == (found.heard_at, 1)
    assert node.host_keys == "k1"
    assert 0 <= node.silent_seconds < 30
    assert node.is_serving is True


def test_of_two_that_start_under_one_name_one_serves(database: Database) -> None:
    """Two daemons on one folder would take each other's files."""
    assert join(database, FIRST, None)
    before = seen(database)
    assert not join(database, SECOND, None)
    assert not join(database, SECOND, replace(before, instance="i-0"))
    assert not join(database, SECOND, replace(before, heard_at=before.heard_at - 1))
    assert join(database, SECOND, before)
    assert not join(database, FIRST, before)
    assert seen(database).host == "h2"


def test_only_who_serves_is_heard_of(database: Database) -> None:
    """A daemon that was cut off for an hour notices that another took its place."""
    assert join(database, FIRST, None)
    first = seen(database)
    with database.writing() as connection:
        assert nodes.say_alive(connection, FIRST)
        assert not nodes.say_alive(connection, SECOND)
        nodes.say_goodbye(connection, SECOND)
    later = seen(database)
    assert later.is_serving
    assert later.heard_at > first.heard_at
    with database.writing() as connection:
        nodes.say_goodbye(connection, FIRST)
    assert seen(database).is_serving is False
    assert [node.is_serving for node in listed(database)] == [False]


@pytest.mark.parametrize(
    ("is_serving", "silent_seconds", "uploads", "is_live"),
    [
        (True, NODE_SILENT_SECONDS - 1, 1, True),
        (True, NODE_SILENT_SECONDS, 1, False),
        (False, 0, 1, False),
        (False, 0, 0, False),
    ],
)
def test_uploads_are_stranded_where_nobody_serves(
    database: Database, *, is_serving: bool, silent_seconds: float, uploads: int, is_live: bool
) -> None:
    """Files on a machine that is gone are told of, and those of one that restarts are not."""
    assert join(database, FIRST, None)
    [node] = listed(database)
    changed = replace(node, is_serving=is_serving, silent_seconds=silent_seconds, uploads=uploads)
    assert changed.is_live is is_live
    assert changed.is_stranding is (uploads > 0 and not is_live)
