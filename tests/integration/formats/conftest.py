"""Public collections of strange CSV files, installed like any other dependency of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.libraries import install_node_packages


@pytest.fixture(scope="session")
def csv_spectrum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked package csv-spectrum, installed away from the repository."""
    folder = tmp_path_factory.mktemp("corpora")
    return install_node_packages(Path(__file__).parent / "node", folder) / "csv-spectrum"
