"""The options of reports: what is offered is what the reports know."""

from __future__ import annotations

import importlib

import pytest

from ingestd.reports.asking.kinds import REPORTS


@pytest.mark.parametrize("name", REPORTS)
def test_words_of_options_are_those_of_the_report(name: str) -> None:
    """Whoever chooses from the help gets an answer, and can choose all there is."""
    kind = REPORTS[name]
    module = importlib.import_module(f"ingestd.reports.{kind.wing}.{name}")
    assert set(kind.by) == set(getattr(module, "By", ()))
    assert set(kind.statuses) == set(getattr(module, "Status", ()))
    assert callable(getattr(module, f"report_{name}"))
