"""The road of a file behind the console: claimed, processed and delivered when a test says so."""

from __future__ import annotations

import os

from ingestd.intake.looking.claim import Claims
from ingestd.intake.work.space import SpaceWatch
from ingestd.intake.work.worker import Worker
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId
from tests.integration.console.conftest import SPRINGFIELD, Console


def process(console: Console, account: AccountId = SPRINGFIELD) -> None:
    """Take all that waits in an account's `incoming/`, and process whatever is queued."""
    installation = console.installation
    folders, works = installation.folders, installation.works()
    claims = Claims(works=works, folders=folders, temporary_hours=24, temporary_max=1000)
    configured = console.keeper.current.accounts[account]
    claims.close_interrupted(configured)
    claims.recover(configured)
    incoming = folders.incoming(account)
    for name in sorted(os.listdir(incoming)):
        assert claims.claim(configured, name)
    metrics = Metrics()
    worker = Worker(
        works=works,
        folders=folders,
        keeper=console.keeper,
        claims=claims,
        metrics=metrics,
        space=SpaceWatch(console.clock, metrics.disk_full),
    )
    while worker.run_next():
        pass
