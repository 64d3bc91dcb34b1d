"""Times as pages of the whole installation show them: in UTC, and say so."""

from __future__ import annotations

from datetime import datetime


def shown_time(time: datetime | None) -> str:
    """Return a time to the minute, or a dash where there is none."""
    return "–" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"
