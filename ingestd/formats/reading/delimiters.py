"""Delimiters: the line that names one, and the one that a file seems to have in place of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestd.formats.fields import DELIMITERS
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict

# What spreadsheets write, and read, above a file's first row; some pad it like any other row.
_SEPARATOR_LINE = re.compile(
    r'[ \t]*"?sep=(.)"?[ \t,;|]*(?:\r\n|\r|\n|\Z)', re.ASCII | re.IGNORECASE
)
_QUOTED = re.compile(r'"[^"]*"')


def named(delimiter: str) -> str:
    """Return what people call a delimiter."""
    return DELIMITERS.get(delimiter, f"“{delimiter}”")


def delimiter_unexpected(seen: str, configured: str, *, row: int, line: int) -> Finding:
    """Return the refusal of a file whose fields are separated by another delimiter than ours."""
    return Finding(
        code=Code.DELIMITER_UNEXPECTED,
        verdict=Verdict.FILE,
        message=f"The fields seem to be separated by a {named(seen)}, and this account's files by "
        f"a {named(configured)}. Export the file with a {named(configured)}, or ask for the "
        "account's delimiter to be changed.",
        row=row,
        line=line,
        value=seen,
    )


def take_separator_line(top: str, configured: str) -> tuple[str, Finding | None]:
    """Return the top of a file without the line that names the delimiter, and a warning of it.

    Without such a line it is as it was. Raises `FileRefusedError` where another one is named.
    """
    found = _SEPARATOR_LINE.match(top)
    if found is None:
        return top, None
    if found[1] != configured:
        raise FileRefusedError(
            _about_separator_line(
                found[1],
                Verdict.FILE,
                f"Export the file with a {named(configured)} and without this line.",
            )
        )
    warning = _about_separator_line(found[1], Verdict.WARNING, "It was skipped.")
    return top[found.end() :], warning


def seems_separated_by(lines: Sequence[str], configured: str) -> str | None:
    """Return another delimiter by which all of a file's first lines have as many fields.

    That is two at least, and more than the first line has by the configured one; where several
    would do, the one that makes the most fields. None says nothing.
    """
    filled = [_QUOTED.sub("", line) for line in lines if line.strip()]
    if not filled:
        return None
    counts = {
        delimiter: filled[0].count(delimiter)
        for delimiter in DELIMITERS
        if delimiter != configured and len({line.count(delimiter) for line in filled}) == 1
    }
    seen = max(counts, key=counts.__getitem__, default=configured)
    return seen if counts.get(seen, 0) > filled[0].count(configured) else None


def _about_separator_line(separator: str, verdict: Verdict, remedy: str) -> Finding:
    return Finding(
        code=Code.DELIMITER_UNEXPECTED if verdict is Verdict.FILE else Code.SEPARATOR_LINE,
        verdict=verdict,
        message="The first line tells a spreadsheet that fields are separated by a "
        f"{named(separator)}. {remedy}",
        row=1,
        line=1,
        value=f"sep={separator}",
    )
