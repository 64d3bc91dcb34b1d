"""Public collections of strange CSV files, installed like any other dependency of the tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.clients.conftest import missing

_LOCK = Path(__file__).parent / "node"
_INSTALL_SECONDS = 180


@pytest.fixture(scope="session")
def csv_spectrum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked package csv-spectrum, installed away from the repository."""
    npm = shutil.which("npm")
    if npm is None:
        missing("npm is not installed")
    folder = tmp_path_factory.mktemp("corpora")
    for path in _LOCK.glob("package*.json"):
        shutil.copy(path, folder)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
    done = subprocess.run(
        [npm, "ci", "--prefix", str(folder), *quiet],
        check=False,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
    )
    if done.returncode != 0:
        missing(f"npm could not install the locked packages: {done.stderr}")
    return folder / "node_modules" / "csv-spectrum"
