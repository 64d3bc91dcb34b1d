"""The header: which column each field belongs to, and what stands there when it is no header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ingestd.formats.fields import DELIMITERS, FileFormat
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.reading.delimiters import delimiter_unexpected, seems_separated_by
from ingestd.formats.reading.lines import Record

HEADER_LINES_SEARCHED = 30

# A broken header may have half a million labels; nobody reads as many findings.
MISTAKES_MAX = 100

_WORD_BREAKS = re.compile(r"[ \t_-]+")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a file's columns are.

    `labels` names the field at each position: by the format's name for a known column, as
    written for another. `positions` holds the known columns only. `is_trailing` says that
    every row ends with one `delimiter` more than it needs.
    """

    labels: tuple[str, ...]
    positions: Mapping[str, int]
    delimiter: str = ","
    is_trailing: bool = False

    @property
    def width(self) -> int:
        """How many fields a row of this file is written with."""
        return len(self.labels) + self.is_trailing


def normalise_label(label: str) -> str:
    """Return a label as column names are written: ` Student-ID` → `student_id`."""
    return _WORD_BREAKS.sub("_", label.strip(" \t").lower())


def is_header_like(fields: Sequence[str], file_format: FileFormat) -> bool:
    """Tell whether a row names columns: two at least, and half of what it says."""
    names = _names_and_titles(file_format)
    written = [label for field in fields if (label := normalise_label(field.strip('"')))]
    known = len(names.intersection(written))
    return known >= 2 and 2 * known >= len(written)


def _names_and_titles(file_format: FileFormat) -> set[str]:
    """Return how a format's columns are called, here or in its specification."""
    titles = {column.title for column in file_format.columns if column.title}
    return titles.union(file_format.column_names)


def read_header(
    record: Record, file_format: FileFormat, *, delimiter: str, top: str
) -> tuple[Layout, list[Finding]]:
    """Return the layout that a header describes, and warnings about it.

    `top` is the beginning of the file's text, in which a header is looked for when the
    first row is none. A blank last label is left out: whether it is one delimiter too many
    on every row is known only once rows are seen. Raises `FileRefusedError` with every
    mistake in the header.
    """
    if any("\0" in field for field in record.fields):
        raise FileRefusedError(_null_in_header(record))
    if not is_header_like(record.fields, file_format):
        finding = _explain_first_row(record, file_format, delimiter, top)
        if finding is not None:
            raise FileRefusedError(finding)
    refuse_cut_off_header(record, file_format)
    labels = [normalise_label(field) for field in record.fields]
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    mistakes = list(islice(_mistakes_in(labels, record, file_format), MISTAKES_MAX))
    if mistakes:
        raise FileRefusedError(*mistakes)
    names = set(file_format.column_names)
    layout = Layout(
        labels=tuple(
            label if label in names else written.strip(" \t")
            for label, written in zip(labels, record.fields, strict=False)
        ),
        positions={label: index for index, label in enumerate(labels) if label in names},
        delimiter=delimiter,
    )
    return layout, _extra_labels(layout, record)


def refuse_cut_off_header(record: Record, file_format: FileFormat) -> None:
    """Raise `FileRefusedError` when the file ends within its header, in the middle of a label."""
    last = normalise_label(record.fields[-1])
    if not record.terminated and last not in _names_and_titles(file_format):
        raise FileRefusedError(
            _about_header(
                Code.TRUNCATED,
                "The file ends in the middle of its header, so it was cut off. "
                "Send the whole file again.",
                record,
                value=shorten(record.fields[-1]),
            )
        )


def blank_last_label(record: Record) -> Finding:
    """Return the refusal of a header whose last label is blank though the rows have a field."""
    return _blank_label(len(record.fields), record)


def _mistakes_in(
    labels: Sequence[str], record: Record, file_format: FileFormat
) -> Iterator[Finding]:
    """Yield what is wrong with the labels: blank ones, double ones, missing ones."""
    for position, label in enumerate(labels, start=1):
        if not label:
            yield _blank_label(position, record)
    for label, times in Counter(labels).items():
        if label and times > 1:
            yield _about_header(
                Code.DUPLICATE_LABEL,
                f"The header names the column {shorten(label)} {times} times. "
                "Keep one of them, or rename the others.",
                record,
                column=shorten(label),
            )
    for name in file_format.mandatory_names:
        if name not in labels:
            yield _about_header(
                Code.MISSING_LABEL,
                f"The header does not name the mandatory column {name}. "
                "Add the column, or correct its name.",
                record,
                column=name,
            )


def _explain_first_row(
    record: Record, file_format: FileFormat, delimiter: str, top: str
) -> Finding | None:
    """Say what stands in the header's place, where that can be told."""
    first, *others = _first_lines(top, record.line)
    seen = _delimiter_of_header(first, file_format, delimiter)
    if seen is not None and seen != delimiter:
        return delimiter_unexpected(seen, delimiter, row=record.row, line=record.line)
    for lines_below, text in enumerate(others, start=1):
        if _delimiter_of_header(text, file_format, delimiter) is not None:
            return _about_header(
                Code.HEADER_NOT_FIRST,
                f"The header stands on line {record.line + lines_below} instead of the first "
                "line. Remove titles, comments and other rows above it.",
                record,
                value=shorten(first),
            )
    if not set(file_format.mandatory_names).issubset(map(normalise_label, record.fields)):
        # Whatever the columns are called: it is refused, and this is the likelier reason.
        seen = seems_separated_by([first, *others], delimiter)
        if seen is not None:
            return delimiter_unexpected(seen, delimiter, row=record.row, line=record.line)
    if _holds_a_choice(record.fields, file_format):
        return _about_header(
            Code.HEADER_MISSING,
            "The file starts with values instead of the header. Add a first line with the "
            f"names of the columns, such as {','.join(file_format.column_names)}.",
            record,
            value=shorten(first),
        )
    return None


def _first_lines(top: str, line: int) -> list[str]:
    """Return the lines of the top of a file from a physical line on, as many as are searched."""
    lines = _LINE_END.split(top, line - 1 + HEADER_LINES_SEARCHED)[line - 1 :]
    return lines[:HEADER_LINES_SEARCHED] or [""]


def _delimiter_of_header(text: str, file_format: FileFormat, configured: str) -> str | None:
    """Return the delimiter by which a line is a header, the configured one first."""
    for delimiter in (configured, *DELIMITERS):
        if is_header_like(text.split(delimiter), file_format):
            return delimiter
    return None


def _holds_a_choice(fields: Iterable[str], file_format: FileFormat) -> bool:
    choices = {choice for column in file_format.columns for choice in column.choices}
    return any(field.strip(" ").upper() in choices for field in fields)


def _null_in_header(record: Record) -> Finding:
    return _about_header(
        Code.NULL_BYTE,
        "The header holds a NUL byte. Export the file again: it is damaged, or it is no text.",
        record,
    )


def _blank_label(position: int, record: Record) -> Finding:
    return _about_header(
        Code.BLANK_LABEL,
        f"Column {position} has no name in the header. Name the column, or remove it.",
        record,
    )


def _extra_labels(layout: Layout, record: Record) -> list[Finding]:
    extra = (label for label in layout.labels if label not in layout.positions)
    return [
        Finding(
            code=Code.EXTRA_LABEL,
            verdict=Verdict.WARNING,
            message="This column is not part of the format. Its values were ignored.",
            row=record.row,
            line=record.line,
            column=shorten(label),
        )
        for label in islice(extra, MISTAKES_MAX)
    ]


def _about_header(
    code: Code, message: str, record: Record, *, column: str | None = None, value: str | None = None
) -> Finding:
    return Finding(
        code=code,
        verdict=Verdict.FILE,
        message=message,
        row=record.row,
        line=record.line,
        column=column,
        value=value,
    )
