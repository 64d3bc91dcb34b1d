"""What some tests need that is not Python's: on CI it must be there, elsewhere they are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

_INSTALL_SECONDS = 180


def missing(reason: str) -> NoReturn:
    """Skip a test that lacks something; on CI, where all must be, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need_pdf() -> None:
    """Skip a test where no PDF can be made."""
    try:
        import weasyprint  # type: ignore[import-untyped] # noqa: F401
    except (ImportError, OSError, DeprecationWarning) as error:
        # The warning: a part of HarfBuzz that it will soon not work without is missing.
        missing(f"no PDF can be made: {error}")


def install_node_packages(lock: Path, folder: Path) -> Path:
    """Install the packages of Node.js that a folder's lock names, away from the repository."""
    npm = shutil.which("npm")
    if npm is None:
        missing("npm is not installed")
    for path in lock.glob("package*.json"):
        shutil.copy(path, folder)
    quiet = ("--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-progress")
    done = subprocess.run(
        [npm, "ci", "--prefix", str(folder), *quiet],
        check=False,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
    )
    if done.returncode != 0:
        missing(f"npm could not install the locked packages: {done.stderr}")
    return folder / "node_modules"
