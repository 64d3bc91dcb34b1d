"""Connections of the HTTP server: none waits for ever, and those that do nothing make room.

Tried against uvicorn 0.54. Relies on its h11 protocol calling `data_received` for what comes,
`on_response_complete` after each answer, and keeping the open ones in `connections`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

CONNECTIONS_MAX = 200
HEAD_SECONDS = 10.0
"""How long a request's head may take, from the connection or from the answer before it."""


class Connection(H11Protocol):
    """A connection that is closed when no request comes in time, or when others need its place."""

    waits_since = 0.0
    """Since when, by the loop's clock."""

    _alarm: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = vars(self).get("cycle")
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection; where there are too many, the one that waits longest goes."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait()
        if len(self.connections) > CONNECTIONS_MAX:
            waiting = [
                other
                for other in self.connections
                if isinstance(other, Connection) and other.is_waiting
            ]
            # This one waits, too, and came last.
            min(waiting, key=lambda other: other.waits_since).leave()

    def data_received(self, data: bytes) -> None:
        """Read on; once a request's head is there it is the answer that takes its time."""
        super().data_received(data)
        if not self.is_waiting:
            self._cancel()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Close the connection at once: whoever only waits has nothing to lose."""
        # At once: the set is asked again for the next connection, before this one is lost.
        self.connections.discard(self)
        self.transport.abort()

    def _wait(self) -> None:
        self._cancel()
        self.waits_since = self.loop.time()
        self._alarm = self.loop.call_later(HEAD_SECONDS, self._expire)

    def _expire(self) -> None:
        if self.is_waiting:
            self.leave()

    def _cancel(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
