"""An SFTP client that says exactly what it is told to say, packet by packet."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

PIECE_BYTES = 32 * 1024
_WINDOW = 16  # requests under way at once, as the clients have it
_ANSWER_SECONDS = 20.0
_STATUS, _HANDLE, _NAMES, _ATTRIBUTES = 101, 102, 104, 105
_SIZE, _TIMES = 0x1, 0x8
_MOMENT = 1_700_000_000


class RawSftp:
    """One session. Every method fails the test when an answer has not the expected type."""

    # How clients open a file: from nothing, from nothing without truncation, or to go on.
    ANEW, OVER, RESUME = 0x1A, 0x0A, 0x02

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._request_id = 0
        channel.settimeout(_ANSWER_SECONDS)
        channel.invoke_subsystem("sftp")
        self._write(struct.pack(">BI", 1, 3))
        self._packet()

    def open(self, path: str, how: int = ANEW, *, announced_bytes: int | None = None) -> bytes:
        """Open a file to write, announcing its size or not, and return the handle."""
        attributes = struct.pack(">I", 0)
        if announced_bytes is not None:
            attributes = struct.pack(">IQ", _SIZE, announced_bytes)
        kind, content = self._ask(3, _text(path), struct.pack(">I", how), attributes)
        assert kind == _HANDLE, content
        return content[4:]

    def write(self, handle: bytes, content: bytes, start: int = 0) -> None:
        """Write from `start` on, many requests at once; each must be answered OK."""
        under_way = 0
        for offset in range(start, len(content), PIECE_BYTES):
            piece = content[offset : offset + PIECE_BYTES]
            self._send(6, _text(handle), struct.pack(">Q", offset), _text(piece))
            under_way += 1
            if under_way == _WINDOW:
                self._read_ok()
                under_way -= 1
        for _ in range(under_way):
            self._read_ok()

    def close(self, handle: bytes) -> int:
        """Close a handle, and return the status."""
        return self._status(4, _text(handle))

    def set_times(self, path: str) -> int:
        """Set the times of a path (SETSTAT), and return the status."""
        return self._status(9, _text(path), struct.pack(">III", _TIMES, _MOMENT, _MOMENT))

    def set_open_times(self, handle: bytes) -> int:
        """Set the times of an open file (FSETSTAT), and return the status."""
        return self._status(10, _text(handle), struct.pack(">III", _TIMES, _MOMENT, _MOMENT))

    def remove(self, path: str) -> int:
        """Remove a file, and return the status."""
        return self._status(13, _text(path))

    def rename(self, old: str, new: str) -> int:
        """Rename a file, and return the status."""
        return self._status(18, _text(old), _text(new))

    def size_of(self, path: str) -> int | None:
        """Ask for a file's attributes; return its size, or None where there is no file."""
        kind, content = self._ask(17, _text(path))
        if kind == _STATUS:
            assert content[:4] == struct.pack(">I", 2), "no such file"
            return None
        assert kind == _ATTRIBUTES
        return int.from_bytes(content[4:12], "big")

    def listed(self, folder: str) -> bytes:
        """List a folder to its end, and return what the answers held."""
        kind, content = self._ask(11, _text(folder))
        assert kind == _HANDLE
        handle, found = content[4:], b""
        while (answer := self._ask(12, _text(handle)))[0] == _NAMES:
            found += answer[1]
        assert answer[0] == _STATUS
        assert self.close(handle) == 0
        return found

    def drop(self) -> None:
        """End the connection as a broken line does."""
        self._channel.get_transport().sock.shutdown(socket.SHUT_RDWR)

    def _status(self, kind: int, *fields: bytes) -> int:
        answer_kind, content = self._ask(kind, *fields)
        assert answer_kind == _STATUS
        return int.from_bytes(content[:4], "big")

    def _ask(self, kind: int, *fields: bytes) -> tuple[int, bytes]:
        self._send(kind, *fields)
        return self._answer()

    def _send(self, kind: int, *fields: bytes) -> None:
        self._request_id += 1
        self._write(struct.pack(">BI", kind, self._request_id) + b"".join(fields))

    def _answer(self) -> tuple[int, bytes]:
        """Return the type of the next answer, and what follows its request id."""
        packet = self._packet()
        return packet[0], packet[5:]

    def _read_ok(self) -> None:
        kind, content = self._answer()
        assert (kind, content[:4]) == (_STATUS, bytes(4))

    def _write(self, payload: bytes) -> None:
        self._channel.sendall(struct.pack(">I", len(payload)) + payload)

    def _packet(self) -> bytes:
        (length,) = struct.unpack(">I", self._read(4))
        return self._read(length)

    def _read(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            piece: bytes = self._channel.recv(count - len(content))
            assert piece, "the session has ended"
            content += piece
        return content


def _text(value: str | bytes) -> bytes:
    encoded = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(encoded)) + encoded


@pytest.fixture
def raw(standing_school: School) -> Iterator[RawSftp]:
    """A session on which the test says every packet itself."""
    with standing_school.paramiko() as sftp:
        yield RawSftp(sftp.get_channel().get_transport().open_session())


@pytest.fixture
def reconnected(standing_school: School) -> Iterator[RawSftp]:
    """A second session, over a connection of its own."""
    with standing_school.paramiko() as sftp:
        yield RawSftp(sftp.get_channel().get_transport().open_session())
