"""A node that is driven by hand: its intake looks and works when a test says so, and never sleeps.

What it does is what a running daemon does, from the leases that a start frees to the delivery of
what was left over; only the loop is the test's.
"""

from __future__ import annotations

from ingestd.intake.pipeline import process
from ingestd.intake.work.intake import Intake, IntakeSettings
from ingestd.sftp.uploads.staged_upload import sweep_staging
from ingestd.spool.queue import QueuedUpload
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import QUIET

AT_ONCE = IntakeSettings(settle_seconds=0.0, rescan_seconds=3600, workers=1)
_ROUNDS_MAX = 1000


class Driven:
    """The intake of a station, from its start on."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self._intake = Intake(
            works=station.works,
            folders=station.folders,
            keeper=station.keeper,
            metrics=station.metrics,
            settings=AT_ONCE,
        )

    def start(self) -> None:
        """Do what a daemon does before anything is taken."""
        sweep_staging(self.station.folders)
        self._intake._release_leases_now()

    def look(self) -> None:
        """Look into all folders once: claim what is ready, deliver what was left over."""
        self._intake._look_once(list(self.station.keeper.current.accounts.values()))

    def work(self) -> bool:
        """Process the next upload; tell whether there was one."""
        return self._intake._worker.run_next()

    def take(self, upload: QueuedUpload) -> None:
        """Process an upload that was leased before, and then forgotten of."""
        works = self.station.works
        account = self.station.keeper.current.accounts[upload.account]
        path = self.station.folders.claimed(upload.account) / upload.upload_id / upload.filename
        process(works, account, upload, path, QUIET)

    def until_idle(self) -> None:
        """Look and work until there is nothing more to do."""
        for _ in range(_ROUNDS_MAX):
            self.look()
            if not self.work():
                self.look()
                return
        raise AssertionError("there is no end of it")
