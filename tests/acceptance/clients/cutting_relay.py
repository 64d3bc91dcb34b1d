"""A network between a client and the door that breaks after so many of the client's bytes."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import StrEnum

_PIECE_BYTES = 16 * 1024


class Break(StrEnum):
    """How it breaks: reset as by a firewall, closed as by a crash, or the client is killed."""

    RESET = "reset"
    CLOSED = "closed"
    KILLED = "killed"


class CuttingRelay:
    """Listens on a port of its own and passes everything on, until it breaks; then nothing."""

    def __init__(self, port: int, *, cut_bytes: int, how: Break, kill: Callable[[], None]) -> None:
        self._target = ("127.0.0.1", port)
        self._left_bytes = cut_bytes
        self._how = how
        self._kill = kill
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close every connection, and accept no more."""
        self._end(linger=False)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                door = socket.create_connection(self._target)
                with self._lock:
                    self._open += client, door
                for source, target, counted in ((client, door, True), (door, client, False)):
                    threading.Thread(
                        target=self._pass_on, args=(source, target, counted), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                if counted and not self._count(piece, target):
                    return
                if not counted:
                    target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def _count(self, piece: bytes, target: socket.socket) -> bool:
        """Pass on what may still be; False when that was the last."""
        with self._lock:
            allowed = piece[: self._left_bytes]
            self._left_bytes -= len(allowed)
            broken = self._left_bytes == 0
        target.sendall(allowed)
        if not broken:
            return True
        if self._how is Break.KILLED:
            self._kill()
        self._end(linger=self._how is Break.RESET)
        return False

    def _end(self, *, linger: bool) -> None:
        self._listener.close()
        with self._lock:
            ended, self._open = self._open, []
        for sock in ended:
            if linger:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                # A thread that reads from it would else keep the connection.
                sock.shutdown(socket.SHUT_RD if linger else socket.SHUT_RDWR)
            sock.close()
