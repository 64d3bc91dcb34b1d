"""Columns that nobody knows, one of which may be an optional column under another name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.layout.header import MISTAKES_MAX, Layout, normalise_label
from ingestd.formats.reading.lines import Record

# From so many letters on, two may be wrong.
LONG_LETTERS_MIN = 8

# A broken header may have a hundred thousand labels; no file that somebody meant has as many.
COLUMNS_LOOKED_AT = 1_000

# A date in any order, perhaps with its weekday, and a time of day behind it.
_CLOCK = r"[0-9]{1,2}(?:[:.][0-9]{2}| ?[ap]\.?m).*"
_TIME_OF_DAY = re.compile(
    r"\D{0,12}[0-9]{1,4}[-/. ][0-9A-Za-z]{1,9}[-/. ,]{1,2}[0-9]{1,4}[T, ]{1,3}"
    + _CLOCK
    + r"|(?:[A-Z]{3,9},? )?[A-Z]{3,9}[. ]{1,2}[0-9]{1,2},? [0-9]{4}[, ]{1,2}"
    + _CLOCK
    + r"|[0-9]{8}[T ]?[0-9]{4,6}Z?",
    re.IGNORECASE | re.ASCII,
)
_NULL = "null"


def refuse_misspelt(
    header: Record,
    layout: Layout,
    file_format: FileFormat,
    sample: Sequence[Record],
    *,
    decimals: int,
    ignored: Collection[str],
) -> None:
    """Raise `FileRefusedError` when a column that is not known may be one that is not there.

    That is told by its label, or by its values in the `sample`, the first rows. `ignored` are
    labels of columns that never are. Only columns whose absence changes what is posted count.
    """
    absent = [
        column
        for column in file_format.columns
        if column.known_as and column.name not in layout.positions
    ]
    if absent:
        known = {normalise_label(label) for label in ignored}
        unknown = [
            (position, label)
            for position, label in enumerate(layout.labels)
            if label not in layout.positions and normalise_label(label) not in known
        ][:COLUMNS_LOOKED_AT]
        found = list(
            islice(_misspelt(header, unknown, absent, sample, decimals=decimals), MISTAKES_MAX)
        )
        if found:
            raise FileRefusedError(*found)


def refuse_broken_header(header: Record, first: Record, file_format: FileFormat) -> None:
    """Raise `FileRefusedError` when the first row begins with the rest of the header's last label.

    A line break in the header makes a column that nobody knows, and a row of what is left.
    """
    last = normalise_label(header.fields[-1])
    if not last or last in file_format.column_names:
        return  # a name that is whole, or a comma too many on every row
    whole = last + normalise_label(first.fields[0])
    for column in file_format.columns:
        if _is_near(whole, column.name):
            raise FileRefusedError(
                Finding(
                    code=Code.INCORRECT_LABEL,
                    verdict=Verdict.FILE,
                    message=f"The header goes on in this row: a line break stands inside the name "
                    f"{column.name}. Remove it.",
                    row=first.row,
                    line=first.line,
                    value=shorten(first.fields[0]),
                )
            )


def warnings_of_absent(header: Record, layout: Layout, file_format: FileFormat) -> list[Finding]:
    """Return a warning when a file with rows has no column that says what they cost."""
    return [
        Finding(
            code=Code.CATALOG_PRICES_USED,
            verdict=Verdict.WARNING,
            message=f"The file has no column {column.name}: catalog prices were used. If that is "
            "not meant, add the column.",
            row=header.row,
            line=header.line,
            column=column.name,
        )
        for column in file_format.columns
        if column.known_as and column.kind is Kind.AMOUNT and column.name not in layout.positions
    ]


def may_be(label: str, column: Column) -> bool:
    """Tell whether a label means a column: by a word that it holds, or all but a few letters."""
    normal = unicodedata.normalize("NFKC", label).lower()
    letters = "".join(filter(str.isalnum, normal))
    words = (*column.known_as, column.name.replace("_", ""))
    return any(word in letters or _is_near(letters, word) for word in words)


def _misspelt(
    header: Record,
    unknown: Sequence[tuple[int, str]],
    absent: Sequence[Column],
    sample: Sequence[Record],
    *,
    decimals: int,
) -> Iterator[Finding]:
    amount = _amount_pattern(decimals)
    for position, label in unknown:
        for column in absent:
            pattern = amount if column.kind is Kind.AMOUNT else _TIME_OF_DAY
            if may_be(label, column):
                yield _finding(header, label, column, "by its name")
                break
            if _all_match(pattern, position, sample):
                yield _finding(header, label, column, "by its values")
                break


def _amount_pattern(decimals: int) -> re.Pattern[str]:
    """Return what amounts look like, however they are written: `$1,234.50`, `1.234,50-`."""
    places = f"(?:[0-9]{{2}}|[0-9]{{{decimals}}})" if decimals else "[0-9]{2}"
    whole = r"(?:[0-9]{1,3}(?:[,.' ][0-9]{3}){1,4}|[0-9]{0,12})"
    return re.compile(rf"[^0-9.,]{{0,5}}{whole}[.,]{places}[^0-9.,]{{0,5}}")


def _all_match(pattern: re.Pattern[str], position: int, sample: Sequence[Record]) -> bool:
    """Tell whether a column has values, and all of them match."""
    is_filled = False
    for record in sample:
        text = record.fields[position].strip() if position < len(record.fields) else ""
        if text and text.lower() != _NULL:
            if pattern.fullmatch(text) is None:
                return False
            is_filled = True
    return is_filled


def _is_near(first: str, second: str) -> bool:
    edits = 2 if max(len(first), len(second)) >= LONG_LETTERS_MIN else 1
    return abs(len(first) - len(second)) <= edits and _is_within(first, second, edits)


def _is_within(first: str, second: str, edits: int) -> bool:
    """Tell whether so many letters more, less, others or swapped make one text of the other."""
    if first == second:
        return True
    if not edits:
        return False
    pairs = zip(first, second, strict=False)
    same = next(
        (at for at, (one, other) in enumerate(pairs) if one != other),
        min(len(first), len(second)),
    )
    first, second, edits = first[same:], second[same:], edits - 1
    is_swapped = len(first) > 1 and first[:2] == second[1::-1]
    return (
        _is_within(first[1:], second, edits)
        or _is_within(first, second[1:], edits)
        or _is_within(first[1:], second[1:], edits)
        or (is_swapped and _is_within(first[2:], second[2:], edits))
    )


def _finding(header: Record, label: str, column: Column, how: str) -> Finding:
    return Finding(
        code=Code.INCORRECT_LABEL,
        verdict=Verdict.FILE,
        message=f"The file has no column {column.name}, and {how} this may be it; ignored, it "
        f"would mean that {column.when_absent}. Name it {column.name}. If it is something else, "
        "have it listed in the account's ignore_columns.",
        row=header.row,
        line=header.line,
        column=shorten(label),
        value=shorten(label),
    )
