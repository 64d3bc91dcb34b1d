"""Who began to write before a ledger was moved, and waits for its copy, writes nothing after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest

from ingestd.service.installation.bootstrap import (
    Installation,
    open_installation,
    prepared_installation,
)
from ingestd.service.installation.moving import move_ledger
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.letting_in import Doorkeeper
from ingestd.service.people.roles import Role, RoleKind
from ingestd.spool.nodes import Instance, join_ledger
from ingestd.spool.queue import QueueEntry, enqueue
from ingestd.values.errors import NotInForceError
from ingestd.values.identifiers import UploadId
from tests.acceptance.daemon_log import PATIENCE_SECONDS, until
from tests.integration.installation.conftest import Places, Site
from tests.integration.installation.test_moving import dump
from tests.integration.ledger.conftest import SPRINGFIELD

Deed = Callable[[Installation], object]


def invite(installation: Installation, name: str = "ada") -> None:
    """Do as `ingestd user add`."""
    doorkeeper = Doorkeeper(installation.database, installation.clock)
    by = Doer(name="root", via=Via.COMMAND)
    doorkeeper.invite(name, frozenset({Role(RoleKind.ADMIN)}), email=None, by=by)


def adopt(installation: Installation) -> None:
    """Do as `ingestd uploads adopt`, before it removes the note."""
    entry = QueueEntry(
        account=SPRINGFIELD,
        upload_id=UploadId("01K00000000000000000000000"),
        filename="student_billing.csv",
        format="student_billing",
        source="sftp",
        size_bytes=1,
        sha256=None,
        received_at=1,
        node="n",
    )
    installation.database.write(partial(enqueue, entry=entry))


def join(installation: Installation) -> None:
    """Do as a daemon that starts."""
    instance = Instance(
        node="n", instance="i", program="1", revision="0001", host="door-2", host_keys=""
    )
    installation.database.write(partial(join_ledger, instance=instance, seen=None))


def is_waiting(installation: Installation) -> bool:
    """Tell whether somebody waits for a lock; a file does not say so."""
    if installation.database.is_embedded:
        return True
    with installation.database.reading() as connection:
        asked = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"
        return bool(connection.exec_driver_sql(asked).scalar_one())


@pytest.mark.parametrize("deed", [invite, adopt, join])
def test_what_waited_for_the_copy_is_refused_and_not_lost_in_the_retired_ledger(
    site: Site, places: Places, deed: Deed
) -> None:
    """A colleague who was let in during the move is not let into a ledger that nobody asks."""
    site.init(None)
    source = places.empty()
    with closing(open_installation(site.config)) as installation:
        move_ledger(installation, source, lambda *_: None)
    site.name(source)
    target = places.empty()
    begun = threading.Event()
    with prepared_installation(site.config) as other, ThreadPoolExecutor(1) as threads:
        late: list[Future[None]] = []
        invite(other, "bob")
        before = dump(other.database)

        def write() -> None:
            begun.set()
            deed(other)

        def tell(*_: object) -> None:
            if not late:
                late.append(threads.submit(write))
                assert begun.wait(PATIENCE_SECONDS)
                until(lambda: is_waiting(other), "the other to wait for the copy")

        with closing(open_installation(site.config)) as installation:
            move_ledger(installation, target, tell)
        with pytest.raises(NotInForceError, match="was moved to"):
            late[0].result(PATIENCE_SECONDS)
        assert dump(other.database) == before
