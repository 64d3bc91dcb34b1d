"""What a test run has otherwise while it hunts a mutant: the quickest test first, no luck."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from mutmut.state import state

# The same examples every time: a mutant that is killed today is killed tomorrow.
settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the quickest test first: most mutants die of the first that looks at them."""
    seconds = state().duration_by_test
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
