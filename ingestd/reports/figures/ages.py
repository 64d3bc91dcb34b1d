"""Ages: for how many days something has been owed, in four buckets."""

from __future__ import annotations

from ingestd.reports.figures.report import Question

BUCKETS = ("0-30", "31-60", "61-90", "91+")
_OLDEST_DAYS = (30, 60, 90)  # the last day of each bucket but the last one


def starts_of(question: Question) -> dict[str, object]:
    """Return when the youngest buckets begin, in microseconds, under the names statements bind.

    An age is the number of days between the day something occurred and `as_of`, both in the
    account's time zone.
    """
    return {f"after_{days}": question.start_of(question.days_before(days)) for days in _OLDEST_DAYS}


def bucket_of(occurred_at: int, starts: dict[str, object]) -> int:
    """Return the place of the bucket that an instant lies in."""
    for place, start in enumerate(starts.values()):
        if occurred_at >= int(str(start)):
            return place
    return len(starts)
