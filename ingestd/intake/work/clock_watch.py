"""The clock as the intake sees it: while it is behind the books, files wait."""

from __future__ import annotations

from ingestd.intake.pipeline import Works
from ingestd.ledger.books.clock_check import ClockDoubt, find_clock_doubts
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import format_second, from_microseconds, to_microseconds

_RECENT_SECONDS = 1.0

log = get_logger("ingestd.intake")


class ClockWatch:
    """Knows whether the clock may date files, as of the last look.

    One account's books that are ahead stop all accounts' files: there is one clock.
    """

    def __init__(self, *, works: Works, metrics: Metrics) -> None:
        self._works = works
        self._metrics = metrics
        self._doubt: ClockDoubt | None = None
        self._seen_at = works.clock.now()
        self._now, self._asked_at = 0, -_RECENT_SECONDS

    @property
    def trouble(self) -> str:
        """Why files wait, or nothing."""
        return "" if self._doubt is None else self._doubt.message

    def is_right(self) -> bool:
        """Compare the clock with all books, and log it when the answer changes.

        A good answer holds for a second, unless the clock is set back meanwhile; each file's
        transaction compares for itself. Raises DatabaseError.
        """
        now, asked_at = to_microseconds(self._works.clock.now()), self._works.clock.monotonic()
        recent = asked_at - self._asked_at < _RECENT_SECONDS and now >= self._now
        if recent and self._doubt is None:
            return True
        self._now, self._asked_at = now, asked_at
        with self._works.database.reading() as connection:
            doubts = find_clock_doubts(connection, now=now)
        before, self._doubt = self._doubt, doubts[0] if doubts else None
        self._metrics.clock_behind_seconds.set(self._doubt.behind_seconds if self._doubt else 0)
        if self._doubt is not None and before is None:
            log.warning(
                Event.CLOCK_DOUBTED,
                account=self._doubt.account,
                behind_seconds=self._doubt.behind_seconds,
                sealed_at=format_second(from_microseconds(self._doubt.sealed_at)),
                accounts=len(doubts),
            )
        elif self._doubt is None and before is not None:
            log.info(Event.CLOCK_TRUSTED)
        return self._doubt is None

    def was_set_back(self) -> bool:
        """Tell whether the clock says less than when this was asked last."""
        now = self._works.clock.now()
        before, self._seen_at = self._seen_at, now
        return now < before
