"""A start that waits for a sound config, where ending would only mean to be started again.

A container that ends with exit code 2 is started again and again by most who run containers,
each time with the same lines in the log.
"""

from __future__ import annotations

import time
from pathlib import Path

from ingestd.service.daemon.reload import (
    QUIET_SECONDS,
    SAVE_SECONDS_MAX,
    STEP_SECONDS,
    Signature,
    signature_of,
)
from ingestd.service.daemon.supervisor import MakeConsole, serve
from ingestd.service.in_force.access_look import accounts_path, allowlist_path
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import configure_logs, get_logger
from ingestd.values.errors import EXIT_USAGE, IngestdError, LedgerGoneError

LOOK_SECONDS = 30.0  # what no file shows, such as a folder that is mounted late, is seen then

log = get_logger("ingestd.service")


def serve_when_sound(config_path: Path, make_console: MakeConsole) -> int:
    """Run the daemon as `serve` does; wait as long as the config is wrong, or lacks its ledger.

    What is wrong is told once, as `config_rejected`, and again only when it is something else.
    Looks again when one of the three files changes, at the latest every LOOK_SECONDS.
    """
    # As in the daemon: what waits in a container is read by machines.
    configure_logs(log_format="json", level="info")
    told = ""
    while True:
        seen = _signatures(config_path)
        try:
            return serve(config_path, make_console)
        except IngestdError as error:
            # A ledger that is not there yet is made by `init`, or mounted late.
            if error.exit_code != EXIT_USAGE and not isinstance(error, LedgerGoneError):
                raise
            if error.message != told:
                told = error.message
                log.error(
                    Event.CONFIG_REJECTED,
                    file=str(config_path),
                    mistakes=told.splitlines(),
                    waiting=True,
                )
        _wait_until_changed(config_path, seen)


def _wait_until_changed(config_path: Path, seen: tuple[Signature, ...]) -> None:
    """Return once a change is saved whole, as the running daemon waits for it, or it is time."""
    deadline = time.monotonic() + LOOK_SECONDS
    while time.monotonic() < deadline and _signatures(config_path) == seen:
        time.sleep(STEP_SECONDS)
    first = last = time.monotonic()
    found = _signatures(config_path)
    while found != seen and last - first < SAVE_SECONDS_MAX:
        time.sleep(QUIET_SECONDS)
        seen, found, last = found, _signatures(config_path), time.monotonic()


def _signatures(config_path: Path) -> tuple[Signature, ...]:
    files = (config_path, accounts_path(config_path), allowlist_path(config_path))
    return tuple(map(signature_of, files))
