"""A relay in front of PostgreSQL that cuts connections at random, at any word of either side."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator

COMMIT, OF_COMMITS = b"COMMIT\x00", 10
ANSWER_SECONDS = 0.2  # a statement that waits for a lock is cut off without its answer


class RandomRelay:
    """Carries connections; while it `cuts`, each message may be the last one of its connection.

    `share` is how likely that is, and of a commit ten times as much. What the server was told last
    it may have done, or never heard; or it is done and its answer is lost, or comes in part.
    """

    def __init__(self, socket_path: str, chance: random.Random, share: float) -> None:
        self._socket_path = socket_path
        self._chance = chance
        self._share = share
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = True
        self.made: Counter[str] = Counter()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, contextlib.suppress(OSError):
            server.connect(self._socket_path)
            while True:
                readable, _, _ = select.select([client, server], [], [])
                if client in readable:
                    said = client.recv(1 << 16)
                    if not said or self._cut(said, client, server):
                        return
                    server.sendall(said)
                if server in readable:
                    answer = server.recv(1 << 16)
                    if not answer:
                        return
                    client.sendall(answer)

    def _cut(self, said: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Decide whether a connection ends with what its client just said; and how."""
        share = self._share * (OF_COMMITS if COMMIT in said else 1)
        with self._lock:
            if not self.cuts or self._chance.random() >= share:
                return False
            how = self._chance.choice(("unheard", "half heard", "unanswered", "half answered"))
            self.made[how] += 1
        if how == "unheard":
            return True
        server.sendall(said[: len(said) // 2] if how == "half heard" else said)
        if how != "half heard" and select.select([server], [], [], ANSWER_SECONDS)[0]:
            answer = server.recv(1 << 16)
            if how == "half answered":
                client.sendall(answer[: len(answer) // 2])
        return True


@contextlib.contextmanager
def random_relay(
    folder: str, chance: random.Random, *, share: float, port: int = 5432
) -> Iterator[RandomRelay]:
    """Run a relay to the server whose socket lies in a folder."""
    running = RandomRelay(f"{folder}/.s.PGSQL.{port}", chance, share)
    try:
        yield running
    finally:
        running.stop()
