"""What holds for every test: none depends on an idle machine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine, and nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long tests begin first; all others keep their order."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
