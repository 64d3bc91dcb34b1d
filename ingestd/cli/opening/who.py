"""Who runs a command, and on whose behalf: kept with what it writes."""

from __future__ import annotations

import os
import pwd


def who_runs_this() -> str:
    """Return who runs the command, and on whose behalf where sudo tells."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())  # a container's user has no name
    behind = os.environ.get("SUDO_USER", name)
    return name if behind == name else f"{behind} as {name}"
