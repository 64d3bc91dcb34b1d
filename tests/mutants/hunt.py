"""Try mutants, each in a fork of one pytest session that has collected every test.

mutmut makes the mutants, and finds which test runs which function. It would have each of them
collect its tests anew, which takes ten times as long as most mutants live; so they are tried
here. In what is forked no test has run: what one of them or the code had cached would else be
right whatever a mutant does.

`pytest -p tests.mutants.hunt` reads the plan that `MUTANTS_PLAN` names, and writes a line for
each mutant, its exit code and its name, into the file of verdicts beside it.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from tests.mutants.attempt import NO_TESTS, TIMEOUT, run_until_one_fails

PLAN_VARIABLE = "MUTANTS_PLAN"
VERDICTS = ".verdicts"
_KILLERS_MAX = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A mutant that is being tried; the test that kills it will stand in `answer`."""

    mutant: str
    answer: int
    folder: str


class _Killers:
    """Remembers which tests killed the mutants of a function, and of its module, last."""

    def __init__(self) -> None:
        self._by_place: dict[str, list[str]] = defaultdict(list)

    def note(self, mutant: str, test: str) -> None:
        """Remember that a test killed a mutant."""
        for place in _places_of(mutant):
            killers = self._by_place[place]
            if test in killers:
                killers.remove(test)
            killers.append(test)
            del killers[:-_KILLERS_MAX]

    def first(self, mutant: str, tests: Sequence[str]) -> list[str]:
        """Return the tests with those in front that are the likeliest to kill a mutant."""
        known = [test for place in _places_of(mutant) for test in reversed(self._by_place[place])]
        return list(dict.fromkeys([*(test for test in known if test in set(tests)), *tests]))


def _places_of(mutant: str) -> tuple[str, str]:
    function, _, _ = mutant.rpartition("__mutmut_")
    return function, function.rpartition(".")[0]


class _Hunt:
    """Tries mutants, some at a time, and writes down what became of each."""

    def __init__(
        self,
        session: pytest.Session,
        seconds: Mapping[str, float],
        verdicts: TextIO,
        *,
        processes: int,
    ) -> None:
        self._config = session.config
        self._items = {item.nodeid: item for item in session.items}
        self._seconds = seconds
        self._verdicts = verdicts
        self._processes = processes
        self._killers = _Killers()
        self._running: dict[int, _Attempt] = {}

    def try_all(self, tests_by_mutant: Mapping[str, Sequence[str]]) -> None:
        """Try each mutant with its tests; what was begun is stopped when this is."""
        try:
            for mutant, tests in tests_by_mutant.items():
                if not tests:
                    self._write_down(mutant, NO_TESTS)
                    continue
                while len(self._running) >= self._processes:
                    self._reap()
                self._begin(mutant, [test for test in tests if test in self._items])
            while self._running:
                self._reap()
        finally:
            for pid, attempt in self._running.items():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                shutil.rmtree(attempt.folder, ignore_errors=True)

    def _begin(self, mutant: str, tests: Sequence[str]) -> None:
        """Let a child try a mutant: the tests that killed its likes, then the quickest."""
        by_time = sorted(tests, key=lambda test: self._seconds.get(test, 0.0))
        items = [self._items[test] for test in self._killers.first(mutant, by_time)]
        reader, writer = os.pipe()
        folder = tempfile.mkdtemp(prefix="mutant-")
        pid = os.fork()
        if pid == 0:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
            run_until_one_fails(mutant, items, self._seconds, self._config, answer=writer)
        os.close(writer)
        self._running[pid] = _Attempt(mutant=mutant, answer=reader, folder=folder)

    def _reap(self) -> None:
        """Wait for a child, and write down what it found."""
        pid, status = os.wait()
        attempt = self._running.pop(pid)
        with open(attempt.answer, encoding="utf-8") as answer:  # noqa: PTH123 - no path
            killer = answer.read()
        shutil.rmtree(attempt.folder, ignore_errors=True)
        if killer:
            self._killers.note(attempt.mutant, killer)
        exit_code = os.waitstatus_to_exitcode(status)
        self._write_down(attempt.mutant, TIMEOUT if exit_code == -signal.SIGALRM else exit_code)

    def _write_down(self, mutant: str, exit_code: int) -> None:
        print(exit_code, mutant, file=self._verdicts, flush=True)


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Try every mutant of the plan; no test is run otherwise."""
    # A shell that starts this in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.freeze()  # what is there already is no garbage of a mutant's
    path = Path(os.environ[PLAN_VARIABLE])
    plan = json.loads(path.read_text(encoding="utf-8"))
    with path.with_suffix(VERDICTS).open("w", encoding="utf-8") as verdicts:
        hunt = _Hunt(session, plan["seconds"], verdicts, processes=plan["processes"])
        hunt.try_all(plan["tests_by_mutant"])
    return True
