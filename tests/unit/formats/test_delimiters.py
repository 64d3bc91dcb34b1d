"""Delimiters: which one a file has in place of the account's, and what its sender is told of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingestd.formats.findings.codes import Code
from ingestd.formats.reading.delimiters import seems_separated_by
from tests.verdicts import COLUMNS, checked, findings_of


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        (["a;b;c", "1;2;3"], ";"),
        (["a\tb", '1\t"2\t3"'], "\t"),
        (["a;b", "", "1;2", "  "], ";"),
        (["a|b;c;d", "1|2;3;4"], ";"),
        (["a|b|c;d", "1|2|3;4"], "|"),
        (["a;b;c", "1;2"], None),
        (["a;b", "1|2", "3\t4"], None),
        (["a,b;c", "1,2;3"], None),
        (["a", "1"], None),
        (["", " "], None),
    ],
)
def test_another_delimiter_is_the_one_that_every_line_has_as_often(
    lines: Sequence[str], seen: str | None
) -> None:
    """A semicolon in one label is no reason to send a school to another export."""
    assert seems_separated_by(lines, ",") == seen


@pytest.mark.parametrize(
    ("delimiter", "called"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
def test_a_file_with_another_delimiter_is_told_both(delimiter: str, called: str) -> None:
    """Whoever exports the file finds both in the words of the program's own menu."""
    [finding] = findings_of(checked((delimiter.join(COLUMNS) + "\n").encode()))
    assert (finding.code, finding.value) == (Code.DELIMITER_UNEXPECTED, delimiter)
    assert f"separated by a {called}, and this account's files by a comma." in finding.message
    assert "Export the file with a comma," in finding.message


@pytest.mark.parametrize(("delimiter", "called"), [(";", "semicolon"), ("#", "“#”")])
def test_a_line_that_names_another_delimiter_is_told_both(delimiter: str, called: str) -> None:
    """The line says what a spreadsheet does; the account says what it ought to do."""
    content = f"sep={delimiter}\n{delimiter.join(COLUMNS)}\n"
    [finding] = findings_of(checked(content.encode()))
    assert (finding.code, finding.value) == (Code.DELIMITER_UNEXPECTED, f"sep={delimiter}")
    assert f"separated by a {called}." in finding.message
    assert "Export the file with a comma and without this line." in finding.message
