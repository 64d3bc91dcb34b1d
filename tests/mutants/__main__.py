"""Change the code in thousands of small ways, and count the changes that no test notices.

`python -m tests.mutants` does so in every room that is named in `[tool.mutmut]`, with module
names such as `ingestd.formats.judging.amounts` in those alone. It prints a line for each module,
writes what survived to `mutants/survivors.txt`, and exits 1 when fewer than nine of ten were
noticed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from mutmut.configuration import config
from mutmut.state import state
from mutmut.stats import load_stats
from mutmut.utils.format_utils import mangled_name_from_mutant_name

from tests.mutants.hunt import PLAN_VARIABLE, VERDICTS
from tests.mutants.results import FOLDER, NOTICED, Mutant, read_mutants, write_verdicts
from tests.mutants.survivors import NAMED_IN, Survivor, told_of

PLAN = FOLDER / "plan.json"
LISTED_IN = FOLDER / "survivors.txt"
NOTICED_MIN = 0.9
_STATUSES = ("killed", "timeout", "survived", "no tests")
_LINE = "{:36}{:>9}{:>9}{:>9}{:>10}{:>10}{:>7}"


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=180, help="stop after so long")
    asked = parser.parse_args(arguments)
    # Anew each time: mutmut knows when code has changed, but not when a test has.
    shutil.rmtree(FOLDER, ignore_errors=True)
    making = [sys.executable, "-m", "tests.mutants.making", "--processes", str(asked.processes)]
    if subprocess.run(making, check=False).returncode != 0:
        return 2
    _plan(asked.modules, processes=asked.processes)
    if not _hunt(seconds=asked.minutes * 60):
        return 2
    mutants = [mutant for mutant in read_mutants() if _is_in(mutant, asked.modules)]
    _print_table(mutants)
    _list_survivors(told_of(mutants), is_whole=not asked.modules)
    share = _share_noticed(mutants)
    print(
        f"{share:.1%} of {len(mutants)} mutants were noticed; at least {NOTICED_MIN:.0%} must be."
    )
    return 0 if share >= NOTICED_MIN else 1


def _plan(modules: Sequence[str], *, processes: int) -> None:
    """Write down which tests each mutant is to be tried with, for `tests.mutants.hunt`."""
    load_stats()
    tests_by_function = state().tests_by_mangled_function_name
    plan = {
        "processes": processes,
        "seconds": state().duration_by_test,
        "tests_by_mutant": {
            mutant.name: sorted(tests_by_function[mangled_name_from_mutant_name(mutant.name)])
            for mutant in read_mutants()
            if _is_in(mutant, modules)
        },
    }
    PLAN.write_text(json.dumps(plan), encoding="utf-8")


def _hunt(*, seconds: float) -> bool:
    """Try the mutants of the plan; what there is no time for stays unchecked.

    False when it could not begin.
    """
    options = [*config().pytest_add_cli_args, *config().pytest_add_cli_args_test_selection]
    command = [sys.executable, "-m", "pytest", "--quiet", "--rootdir=.", "--capture=no"]
    with subprocess.Popen(
        [*command, "-p", "tests.mutants.hunt", *options],
        cwd=FOLDER,
        env={**os.environ, PLAN_VARIABLE: PLAN.name},
    ) as hunting:
        try:
            hunting.wait(seconds)
        except subprocess.TimeoutExpired:
            print("The time is up.")
            hunting.send_signal(signal.SIGINT)
    verdicts = PLAN.with_suffix(VERDICTS)
    if not verdicts.exists():
        return False
    lines = verdicts.read_text(encoding="utf-8").splitlines()
    write_verdicts({name: int(code) for code, name in map(str.split, lines)})
    return True


def _is_in(mutant: Mutant, modules: Sequence[str]) -> bool:
    return not modules or mutant.module in modules


def _share_noticed(mutants: Sequence[Mutant]) -> float:
    return sum(mutant.status in NOTICED for mutant in mutants) / max(len(mutants), 1)


def _print_table(mutants: Iterable[Mutant]) -> None:
    by_module: dict[str, Counter[str]] = {}
    for mutant in mutants:
        by_module.setdefault(mutant.module, Counter())[mutant.status] += 1
    print("\n" + _LINE.format("module", "mutants", *_STATUSES, "other"))
    for module, counts in sorted(by_module.items()):
        print(_line(module.removeprefix("ingestd."), counts))
    print(_line("all", sum(by_module.values(), Counter())))


def _line(name: str, counts: Counter[str]) -> str:
    told = [counts[status] for status in _STATUSES]
    return _LINE.format(name, counts.total(), *told, counts.total() - sum(told))


def _list_survivors(survivors: Sequence[Survivor], *, is_whole: bool) -> None:
    """Write what survived, that without a reason first, and say how much of it has none."""
    ordered = sorted(survivors, key=lambda survivor: survivor.why is not None)
    LISTED_IN.write_text("\n".join(map(str, ordered)), encoding="utf-8")
    nameless = sum(survivor.why is None for survivor in survivors)
    print(f"\n{len(survivors)} were not noticed; see {LISTED_IN}.")
    print(f"{NAMED_IN.name} says why of {len(survivors) - nameless}, and nothing of {nameless}.")
    if is_whole:
        for pattern in Survivor.unused(survivors):
            print(f"{NAMED_IN.name} names what no longer survives: {pattern}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
