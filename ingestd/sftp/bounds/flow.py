"""What one client may make the door hold in memory: bytes sent and not answered, or not taken.

SSH lets a client ask for gigabytes and read none of them, on as many channels as it is given.
Here every channel has a fixed share that nobody can take from it, so that each goes on whatever
the others do. What goes beyond comes from budgets: a connection's second channel and further ones
from one of the door, wider windows from one of the connection within another one of the door.
"""

from __future__ import annotations

import asyncio
from collections import deque

KIB = 1024

# As much content as OpenSSH's server takes, and what is around it: no client sends more at once.
PACKET_BYTES_MAX = 257 * KIB
# A client may have sent so much that no request was made of yet. The first holds the largest
# packet and then some, or a packet could never be whole; the second is for fast lines.
WINDOW_BYTES = 320 * KIB
WINDOW_BYTES_FULL = 2 * KIB * KIB
# Nothing more is answered while so much waits; one answer more may be on its way.
UNREAD_BYTES_MAX = 64 * KIB
CHANNEL_BYTES = WINDOW_BYTES + UNREAD_BYTES_MAX + PACKET_BYTES_MAX
# Less is not worth a packet that tells of it.
_WINDOW_STEP_BYTES = 32 * KIB
_LENGTH_BYTES = 4
# Smaller pieces are put together up to this size.
_PIECE_BYTES = 8 * KIB


class PacketTooLongError(Exception):
    """A packet announces more bytes than any request has."""


class Budget:
    """Bytes that may be held at once. One within another draws on both."""

    def __init__(self, bytes_max: int, within: Budget | None = None) -> None:
        self._left_bytes = bytes_max
        self._within = within

    @property
    def left_bytes(self) -> int:
        """How many bytes can be taken now."""
        if self._within is None:
            return self._left_bytes
        return min(self._left_bytes, self._within.left_bytes)

    def take(self, count_bytes: int) -> bool:
        """Take so many bytes, or none and return False. Nobody waits: one goes on with less."""
        if count_bytes > self.left_bytes:
            return False
        self._add(-count_bytes)
        return True

    def give_back(self, count_bytes: int) -> None:
        """Return what was taken."""
        self._add(count_bytes)

    def _add(self, count_bytes: int) -> None:
        self._left_bytes += count_bytes
        if self._within is not None:
            self._within._add(count_bytes)  # noqa: SLF001 - one of our own kind


class Share:
    """What one user of a budget has taken."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken_bytes = 0

    def grow(self, count_bytes: int) -> bool:
        """Take more. False when there is no more."""
        taken = self._budget.take(count_bytes)
        if taken:
            self._taken_bytes += count_bytes
        return taken

    def release(self) -> None:
        """Give everything back; a second time there is nothing to give."""
        self._budget.give_back(self._taken_bytes)
        self._taken_bytes = 0


class Gate:
    """Lets through unless something holds it shut, until it is opened for good."""

    def __init__(self) -> None:
        self._holds: set[str] = set()
        self._for_good = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_open(self) -> bool:
        """Whether nothing holds it shut."""
        return self._for_good or not self._holds

    def shut(self, hold: str) -> None:
        """Hold everybody back until `open` names the same hold."""
        self._holds.add(hold)

    def open(self, hold: str) -> None:
        """Take one hold away."""
        self._holds.discard(hold)
        self._wake()

    def open_for_good(self) -> None:
        """Hold nobody back any more: what the gate guarded is gone."""
        self._for_good = True
        self._wake()

    async def wait_until_open(self) -> None:
        """Return at once, or as soon as nothing holds it shut."""
        while not self.is_open:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def _wake(self) -> None:
        if not self.is_open:
            return
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


class Inbox:
    """What arrived on a channel, cut into packets. It needs little more memory than it holds.

    Large pieces are kept as they came and copied once, into their packet; small ones are put
    together, since a client may send each byte alone.
    """

    def __init__(self) -> None:
        self._pieces: deque[bytes | bytearray] = deque()
        self._start = 0  # how much of the first piece was taken
        self._kept_bytes = 0
        self._next_bytes: int | None = None  # how long the next packet is, once that is known
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def kept_bytes(self) -> int:
        """How many bytes wait to be taken."""
        return self._kept_bytes

    def add(self, piece: bytes) -> None:
        """Keep what arrived, unless the end came before it."""
        if self._ended:
            return
        self._kept_bytes += len(piece)
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) + len(piece) <= _PIECE_BYTES:
            last += piece
        else:
            self._pieces.append(bytearray(piece) if len(piece) < _PIECE_BYTES // 2 else piece)
        if self._kept_bytes >= (self._next_bytes or _LENGTH_BYTES):
            self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Let `packet` end with this error, or EOFError, after the packets that are whole."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    async def packet(self) -> bytes:
        """Return the next packet without its length, once it is whole.

        Raises PacketTooLongError, EOFError, or what `end` was told.
        """
        while True:
            packet = self._cut()
            if packet is not None:
                return packet
            if self._ended:
                raise self._error or EOFError
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _cut(self) -> bytes | None:
        if self._next_bytes is None:
            if self._kept_bytes < _LENGTH_BYTES:
                return None
            self._next_bytes = int.from_bytes(self._take(_LENGTH_BYTES), "big")
        if self._next_bytes > PACKET_BYTES_MAX:
            raise PacketTooLongError
        if self._kept_bytes < self._next_bytes:
            return None
        packet = self._take(self._next_bytes)
        self._next_bytes = None
        return packet

    def _take(self, count_bytes: int) -> bytes:
        self._kept_bytes -= count_bytes
        parts: list[bytes | bytearray | memoryview] = []
        while count_bytes:
            piece = self._pieces[0]
            left_bytes = len(piece) - self._start
            if left_bytes <= count_bytes:
                parts.append(memoryview(piece)[self._start :] if self._start else piece)
                self._pieces.popleft()
                self._start = 0
                count_bytes -= left_bytes
            else:
                end = self._start + count_bytes
                parts.append(memoryview(piece)[self._start : end])
                self._start = end
                count_bytes = 0
        return b"".join(parts)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def decide_window_bytes(*, full_bytes: int, open_bytes: int, kept_bytes: int) -> int:
    """Return by how much to open a channel's window: what it may send and what is kept fill it.

    Zero while more than half of it is open, so that few packets tell of it.
    """
    more = full_bytes - open_bytes - kept_bytes
    if open_bytes > full_bytes // 2 or more < _WINDOW_STEP_BYTES:
        return 0
    return more
