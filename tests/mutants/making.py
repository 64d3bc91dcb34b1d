"""Make every mutant, and find out which test runs which function: mutmut's part of the work.

`python -m tests.mutants.making` does so in a process of its own, as mutmut changes where modules
are found.
"""

from __future__ import annotations

import argparse

from mutmut.__main__ import CatchOutput, collect_or_load_stats, create_mutants
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths
from mutmut.workers.isolation import get_mutant_runner

from tests.mutants.results import FOLDER


def main() -> None:
    """Leave the mutants, and what the tests are known to run, in the folder of mutants."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, required=True)
    processes = parser.parse_args().processes
    set_mutant_under_test("mutant_generation")
    FOLDER.mkdir(exist_ok=True)
    with CatchOutput(spinner_title="Generating mutants"):
        copy_src_dir()
        copy_also_copy_files()
        setup_source_paths()
        create_mutants(processes)
    collect_or_load_stats(get_mutant_runner(processes))


if __name__ == "__main__":
    main()
