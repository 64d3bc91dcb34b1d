"""What a test run has otherwise while it hunts a mutant: the quickest test first, no luck."""

from __future__ import annotations

import gc
import resource
import time
from functools import cache

import pytest
from hypothesis import HealthCheck, settings
from mutmut.mutation import trampoline
from mutmut.state import state

_ask_environment = trampoline.get_mutant_under_test

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
    """Spare each mutant what took most of its time.

    That was to collect the garbage of a process that holds every test already, and to ask the
    environment, at each call of a function, which mutant this is: there is one to a process.
    """
    gc.freeze()
    trampoline.get_mutant_under_test = cache(_ask_environment)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the quickest test first: most mutants die of the first that looks at them."""
    seconds = state().duration_by_test
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a test of a mutant have three times the CPU that it had, and some for the start.

    Unlike the time on a clock, that is the same on a machine that has much else to do.
    """
    if "__mutmut_" not in _ask_environment():
        return
    seconds = state().duration_by_test.get(item.nodeid, 0.0)
    limit = int(time.process_time() + 5 + 3 * seconds)
    _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard_limit))
