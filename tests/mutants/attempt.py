"""One mutant, in a process of its own: its tests are run until one of them fails."""

from __future__ import annotations

import inspect
import math
import os
import resource
import signal
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

import pytest
from mutmut.mutation import trampoline

# As mutmut has them, with the signal that ends what computes for ever.
SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36

# Beside three times the CPU that the tests so far had when all was well: a mutant that makes each
# of hundreds of tests slow ends soon. Unlike the time on a clock, that is the same on a machine
# that has much else to do.
_CPU_SECONDS_MORE = 4
# What waits for ever uses no CPU.
_WAIT_SECONDS = 120
_MARKS_OF_PLAIN_TESTS = frozenset({"parametrize", "hypothesis"})
_FIXTURES_OF_ALL = frozenset({"event_loop_policy"})


def run_until_one_fails(
    mutant: str,
    items: Sequence[pytest.Item],
    seconds: Mapping[str, float],
    config: pytest.Config,
    *,
    answer: int,
) -> NoReturn:
    """Run tests of a mutant, and end the process: the first that fails is written to `answer`."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ["MUTANT_UNDER_TEST"] = mutant
    # Asked at each call of a function, and always the same in this process.
    trampoline.get_mutant_under_test = lambda: mutant
    attempt = _Attempt(seconds, answer)
    config.pluginmanager.register(attempt)
    try:
        for item, following in zip(items, [*items[1:], None], strict=True):
            call = _call_of(item)
            if call is None:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            else:
                attempt.run_plain(item, call)
    except BaseException:  # noqa: BLE001 - whatever a mutant does to pytest is noticed
        os._exit(KILLED)
    os._exit(SURVIVED)


class _Attempt:
    """A plugin that ends the process with the first test that fails, or does not end."""

    def __init__(self, seconds: Mapping[str, float], answer: int) -> None:
        self._seconds = seconds
        self._answer = answer
        self._cpu_seconds_max: float = _CPU_SECONDS_MORE

    def run_plain(self, item: pytest.Item, call: Callable[[], object]) -> None:
        """Call a test that needs nothing of pytest, which takes longer than most of them."""
        self.pytest_runtest_setup(item)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                call()
        except pytest.skip.Exception:
            return
        except BaseException:  # noqa: BLE001 - each is a test that fails
            self._fail(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Limit what the tests up to this one may take."""
        seconds = self._seconds.get(item.nodeid, 0.0)
        self._cpu_seconds_max += 3 * seconds
        _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(self._cpu_seconds_max), hard_limit))
        signal.alarm(_WAIT_SECONDS + int(30 * seconds))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """End with a test that fails, before anybody describes how."""
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            self._fail(item)
        return None

    def _fail(self, item: pytest.Item) -> NoReturn:
        os.write(self._answer, item.nodeid.encode())
        os._exit(KILLED)


def _call_of(item: pytest.Item) -> Callable[[], object] | None:
    """Return the call that a test is when it needs nothing but its parameters; else None."""
    if not isinstance(item, pytest.Function) or item.cls is not None:
        return None
    if inspect.iscoroutinefunction(item.obj):
        return None
    if not _MARKS_OF_PLAIN_TESTS.issuperset(mark.name for mark in item.iter_markers()):
        return None
    values = item.callspec.params if hasattr(item, "callspec") else {}
    if not values.keys() | _FIXTURES_OF_ALL >= set(item.fixturenames):
        return None
    return partial(item.obj, **values)
