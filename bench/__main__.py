"""Run the benchmarks: all of them, or those that are named, one after the other."""

from __future__ import annotations

import importlib
import resource
import sys
import time

from bench._results import describe_machine

BENCHMARKS = (
    "charge_file",
    "payment_file",
    "small_files",
    "scaling",
    "evidence",
    "reports",
    "settlement",
    "console_pages",
    "sftp_upload",
    "sftp_sessions",
    "sftp_latency",
    "sftp_crowd",
    "sftp_idle",
    "sftp_soak",
)


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit code."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {unknown[0]}. These exist: {', '.join(BENCHMARKS)}.")
        return 2
    # Hundreds of sessions are held open here; what is started inherits the limit.
    _, descriptors_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors_max, descriptors_max))
    print(", ".join(f"{name} {value}" for name, value in describe_machine().items()))
    started = time.monotonic()
    for name in names or BENCHMARKS:
        importlib.import_module(f"bench.{name}").run()
    print(f"\nAll in {time.monotonic() - started:.0f} s. The JSON is in bench/results/.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
