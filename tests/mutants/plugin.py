"""What a test run has otherwise while mutants are hunted: no luck."""

from __future__ import annotations

from functools import cache

from hypothesis import HealthCheck, settings
from mutmut.mutation import trampoline

# The same few examples every time: a mutant that is killed today is killed tomorrow.
settings.register_profile(
    "mutants",
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def pytest_configure() -> None:
    """Ask the environment once which mutant this is, and not at each call of a function."""
    trampoline.get_mutant_under_test = cache(trampoline.get_mutant_under_test)
