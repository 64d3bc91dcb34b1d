"""A relay in front of PostgreSQL that cuts a connection around a commit, or loses an answer."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from enum import Enum, auto

_OUTCOME = b"SET state = 'done'"
_COMMIT = b"COMMIT\x00"


class Cut(Enum):
    """When the next commit's connection is cut."""

    NEVER = auto()
    BEFORE = auto()
    """The server never hears of it."""
    AFTER = auto()
    """The server commits; the answer is lost."""


class Relay:
    """Carries connections to a server's socket; whoever comes while it is `closed` is sent away.

    The next statement that `loses_answer_to` stands in is done, and its connection is cut.
    """

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut = Cut.NEVER
        self.closed = False
        self.closes_after_cut = False
        self.loses_answer_to: bytes | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.closed:
                    client.close()
                else:
                    threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, contextlib.suppress(OSError):
            server.connect(self._socket_path)
            decides = False
            while True:
                readable, _, _ = select.select([client, server], [], [])
                if self.closed:
                    return
                if client in readable:
                    said = client.recv(1 << 16)
                    decides |= _OUTCOME in said
                    if not said or (decides and _COMMIT in said and self._cuts(said, server)):
                        return
                    if self.loses_answer_to is not None and self.loses_answer_to in said:
                        self.loses_answer_to = None
                        server.sendall(said)
                        server.recv(1 << 16)
                        return
                    server.sendall(said)
                if server in readable:
                    answer = server.recv(1 << 16)
                    if not answer:
                        return
                    client.sendall(answer)

    def _cuts(self, said: bytes, server: socket.socket) -> bool:
        cut, self.cut = self.cut, Cut.NEVER
        if cut is Cut.AFTER:
            server.sendall(said)
            server.recv(1 << 16)
        if cut is not Cut.NEVER:
            self.closed = self.closes_after_cut
        return cut is not Cut.NEVER


@contextlib.contextmanager
def relay(folder: str, port: int = 5432) -> Iterator[Relay]:
    """Run a relay to the server whose socket lies in a folder."""
    running = Relay(f"{folder}/.s.PGSQL.{port}")
    try:
        yield running
    finally:
        running.stop()
