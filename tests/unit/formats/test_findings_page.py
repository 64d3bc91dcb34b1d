"""Every code is explained, and the page that explains them is the one in the repository."""

from __future__ import annotations

import re
from pathlib import Path

from ingestd.formats.findings.codes import Code, shorten
from ingestd.formats.findings.explanations import EXPLANATIONS, render_findings_page

PAGE = Path(__file__).parents[3] / "docs" / "findings.md"


def test_page_is_what_the_table_says() -> None:
    """A district that looks a code up finds what the daemon means by it.

    To mend: write the answer of `render_findings_page` to docs/findings.md.
    """
    assert PAGE.read_text("utf-8") == render_findings_page()


def test_every_code_has_cause_remedy_and_verdict() -> None:
    """No code is left for the reader to guess."""
    assert set(EXPLANATIONS) == set(Code)
    for explanation in EXPLANATIONS.values():
        assert explanation.cause.endswith(".")
        assert explanation.remedy.endswith(".")
        assert explanation.verdicts


def test_codes_are_snake_case() -> None:
    """Scripts match on codes; their form never surprises."""
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in Code)


def test_long_values_are_shortened_to_a_hundred_characters() -> None:
    """A receipt shows enough of a value to find it, and never a whole file."""
    assert shorten("x" * 100) == "x" * 100
    assert shorten("x" * 101) == "x" * 99 + "…"
