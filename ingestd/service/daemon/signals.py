"""What signals do to a daemon that is still starting: apart, as loading the rest takes a second."""

from __future__ import annotations

import signal
import sys

from ingestd.values.errors import EXIT_DONE


def answer_signals_at_once() -> None:
    """Until the daemon listens to signals itself: a stop ends it, exit code 0; a reload waits.

    There is nothing to finish yet, and the config is still to be read or was read just now.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(EXIT_DONE))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
