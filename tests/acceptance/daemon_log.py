"""What a daemon wrote, and waiting until it wrote it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.02


def until(look: Callable[[], T | None], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """Return what `look` finds as soon as it finds something; fail the test when it is too late."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(_POLL_SECONDS)
    return found


@dataclass(frozen=True, slots=True)
class Log:
    """What one run of the daemon wrote to stderr."""

    path: Path
    skipped: int = 0

    @property
    def lines(self) -> list[str]:
        """Every line that is complete."""
        return self.path.read_text(encoding="utf-8").split("\n")[self.skipped : -1]

    def from_now(self) -> Log:
        """Return the log without what it holds already."""
        return Log(self.path, self.skipped + len(self.lines))

    def events(self, name: str | None = None, **fields: object) -> list[dict[str, Any]]:
        """Return the events of this name (or all) that have these fields, oldest first."""
        wanted = fields if name is None else fields | {"event": name}
        found: list[dict[str, Any]] = []
        for line in self.lines:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if wanted.items() <= event.items():
                    found.append(event)
        return found

    def wait_until_event(
        self, name: str, *, seconds: float = PATIENCE_SECONDS, **fields: object
    ) -> dict[str, Any]:
        """Return the first such event as soon as it is there."""
        found = until(lambda: self.events(name, **fields), f"{name} {fields}", seconds=seconds)
        return found[0]
