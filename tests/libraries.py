"""Libraries that only some commands need: tests of those commands ask for them here."""

from __future__ import annotations

import os

import pytest


def need_pdf() -> None:
    """Skip a test where no PDF can be made; on CI, where all must be, fail it."""
    try:
        import weasyprint  # type: ignore[import-untyped] # noqa: F401
    except (ImportError, OSError, DeprecationWarning) as error:
        # The warning: a part of HarfBuzz that it will soon not work without is missing.
        reason = f"no PDF can be made: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
