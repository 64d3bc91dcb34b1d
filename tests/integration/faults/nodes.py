"""A node that shares an archive with another one: its door's CLOSE, and its intake by hand."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from ingestd.sftp.uploads.announcing import OtherNodes
from ingestd.values.errors import IngestdError
from tests.integration.faults.driven import Driven
from tests.integration.faults.killed_node import announcing_of, send
from tests.integration.faults.promises import Sent
from tests.integration.intake.conftest import Station

PATIENCE_SECONDS = 120.0


class Node:
    """A station that serves, whose clock and archive are its own by now."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.driven = Driven(station)
        self.others = OtherNodes(announcing=announcing_of(station))

    def send(self, sent: Sent) -> None:
        """Upload a file; raises what its client is told instead of OK."""
        where = {"account": sent.account}
        sent.unanswered += 1
        asyncio.run(send(self.station, self.others, sent.filename, sent.content, **where))
        sent.unanswered -= 1
        sent.acknowledged += 1

    def restart(self) -> None:
        """Start again, and finish what is left, such as copies that another node has made good."""
        self.driven = Driven(self.station)
        self.driven.start()
        self.driven.until_idle()

    def close(self) -> None:
        self.others.close()


@contextlib.contextmanager
def working(node: Driven) -> Iterator[None]:
    """Let a node look and work as its threads do, whatever fails, until the end of the block."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def keep(step: Any) -> None:
        while not stop.wait(0.01):
            try:
                while step() and not stop.is_set():
                    pass
            except IngestdError:  # which the intake waits out
                continue
            except BaseException as error:
                failed.append(error)
                raise

    threads = [threading.Thread(target=keep, args=(step,)) for step in (node.look, node.work)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
    assert failed == []
