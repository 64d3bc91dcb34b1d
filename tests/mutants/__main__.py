"""Change the code in thousands of small ways, and count the changes that no test notices.

`python -m tests.mutants` does so in every room that is named in `[tool.mutmut]`, with module
names such as `ingestd.formats.judging.amounts` in those alone. It prints a line for each module,
writes what survived to `mutants/survivors.txt`, and exits 1 when fewer than nine of ten were
noticed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutants.results import NOTICED, Mutant, read_mutants
from tests.mutants.survivors import NAMED_IN, Survivor, told_of

FOLDER = Path("mutants")
LISTED_IN = FOLDER / "survivors.txt"
NOTICED_MIN = 0.9
_STOP_SECONDS = 30
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
    if not _run_mutmut(asked.modules, processes=asked.processes, seconds=asked.minutes * 60):
        return 2
    mutants = [mutant for mutant in read_mutants() if _is_in(mutant, asked.modules)]
    _print_table(mutants)
    _list_survivors(told_of(mutants), is_whole=not asked.modules)
    share = _share_noticed(mutants)
    print(
        f"{share:.1%} of {len(mutants)} mutants were noticed; at least {NOTICED_MIN:.0%} must be."
    )
    return 0 if share >= NOTICED_MIN else 1


def _run_mutmut(modules: Sequence[str], *, processes: int, seconds: float) -> bool:
    """Run mutmut; False when it could not begin. What it has no time for stays unchecked."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes)]
    with subprocess.Popen([*command, *(f"{module}.*" for module in modules)]) as running:
        try:
            return running.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            print("\nThe time is up.")
            running.send_signal(signal.SIGINT)  # it stops its workers, and keeps what they found
            try:
                running.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
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
