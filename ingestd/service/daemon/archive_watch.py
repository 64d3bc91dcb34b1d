"""Whether the archive that nodes share is there, asked also while nobody sends anything."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ingestd.service.http.health import Check
from ingestd.spool.archive.archive import Archive
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ArchiveAwayError, StorageError

_LOOK_SECONDS = 1.0
_ASK_SECONDS = 30.0
_EXAMINE_SECONDS = 5.0
_NOT_ASKED = "it was not asked yet"

log = get_logger("ingestd.service")


@dataclass(slots=True, kw_only=True)
class ArchiveWatch:
    """Tells when a shared archive cannot be reached or refuses, and when it is back.

    What was not answered to anybody is looked into at once, by writing: a bucket may give and not
    take. Where no archive is shared, nothing is asked.
    """

    archive: Archive
    metrics: Metrics
    monotonic: Callable[[], float]
    trouble: str = field(default=_NOT_ASKED, init=False)
    _asked_at: float = field(default=float("-inf"), init=False)
    _away_since: float | None = field(default=None, init=False)

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while self.archive.is_shared:
            await _without_being_waited_for(self.look)
            await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.Event().wait()

    def checks(self) -> Mapping[str, Check]:
        """Return what readiness asks: nothing, where no archive is shared."""
        return {"archive": self._check} if self.archive.is_shared else {}

    def look(self) -> None:
        """Ask if it is time to, and tell if anything has changed. Blocks while it is asked."""
        is_away = self._away_since is not None
        if is_away or self.archive.trouble:
            if not is_away or self._is_time(_EXAMINE_SECONDS):
                self._examine()
        elif self._is_time(_ASK_SECONDS):
            try:
                self.archive.ask()
            except ArchiveAwayError:
                self._examine()
            else:
                self.trouble = ""

    def _is_time(self, seconds: float) -> bool:
        """Tell whether nothing was asked for so long; whoever is told so asks now."""
        now = self.monotonic()
        if now - self._asked_at < seconds:
            return False
        self._asked_at = now
        return True

    def _examine(self) -> None:
        try:
            self.archive.examine()
        except StorageError as error:
            self._tell_away(error)
        else:
            self._tell_back()
        self._asked_at = self.monotonic()

    def _tell_away(self, error: StorageError) -> None:
        self.trouble = error.message
        self.metrics.archive_away.set(1)
        if self._away_since is None:
            self._away_since = self.monotonic()
            log.error(
                Event.ARCHIVE_MISSED,
                error=error.message,
                detail=error.detail,
                uploads="taken" if self.archive.accepts_when_away else "refused",
            )

    def _tell_back(self) -> None:
        self.trouble = ""
        self.metrics.archive_away.set(0)
        if self._away_since is not None:
            log.info(Event.ARCHIVE_RETURNED, seconds=round(self.monotonic() - self._away_since, 1))
            self._away_since = None

    async def _check(self) -> str:
        """Say why uploads are refused, or nothing: also while they are taken without it."""
        return "" if self.archive.accepts_when_away else self.trouble


async def _without_being_waited_for(work: Callable[[], None]) -> None:
    """Do what blocks in a thread that nobody waits for at a stop: an archive may be silent long."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def do() -> None:
        failed: BaseException | None = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is told where it is waited for
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is gone, and so is who waited
            loop.call_soon_threadsafe(tell, failed)

    threading.Thread(target=do, name="archive watch", daemon=True).start()
    await done
