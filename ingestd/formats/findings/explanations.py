"""What each finding's code means and how to mend it, and the page made from that."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.findings.explained import Explanation
from ingestd.formats.findings.explanations_of_files import OF_FILES
from ingestd.formats.findings.explanations_of_rows import OF_ROWS

EXPLANATIONS: Mapping[Code, Explanation] = MappingProxyType({**OF_FILES, **OF_ROWS})

_MEANINGS = {
    Verdict.FILE: "the file is refused",
    Verdict.ROW: "the row is rejected",
    Verdict.WARNING: "accepted, with a warning",
}

_INTRODUCTION = (
    "A receipt names what is wrong with a file by these codes. They are public: none is ever "
    "renamed or used again for something else."
)


def render_findings_page() -> str:
    """Return the page on findings, in Markdown: `docs/findings.md` is exactly this."""
    parts = [
        "# Findings",
        _INTRODUCTION,
    ]
    for code in Code:
        explanation = EXPLANATIONS[code]
        verdicts = ", or ".join(_MEANINGS[verdict] for verdict in explanation.verdicts)
        parts += [
            f"## `{code}`",
            f"{verdicts[0].upper()}{verdicts[1:]}.",
            f"**Cause.** {explanation.cause}",
            f"**Remedy.** {explanation.remedy}",
        ]
    return "\n\n".join(parts) + "\n"
