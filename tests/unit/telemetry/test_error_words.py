"""What the log tells of an error that nobody foresaw."""

from __future__ import annotations

import traceback

import pytest

from ingestd.telemetry.logs import trace_without_words


def test_an_unforeseen_error_is_told_without_its_own_words() -> None:
    """Its words may quote a row, and rows never reach a log; the place is what helps."""
    with pytest.raises(ValueError, match="Marchetti") as caught:
        int("Lisa Marchetti")
    told = "".join(traceback.format_exception(*trace_without_words(caught.value)))
    assert "Marchetti" not in told.replace('int("Lisa Marchetti")', "")
    assert "RuntimeError: ValueError" in told
    assert "test_an_unforeseen_error" in told
