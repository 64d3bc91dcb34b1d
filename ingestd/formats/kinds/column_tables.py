"""The table of a payment file's fields, as its page shows it: what a provider programs from."""

from __future__ import annotations

from collections.abc import Iterator

from ingestd.formats.fields import FIELD_BYTES_MAX, Column, FileFormat, Kind
from ingestd.formats.judging.amounts import MONEY_DIGITS_MAX

_KINDS = {
    Kind.MOMENT: "date and time",
    Kind.MONEY: "money",
    Kind.IDENTIFIER: "code",
    Kind.DIGITS: "whole number",
    Kind.TEXT: "text",
}


def render_columns(file_format: FileFormat) -> str:
    """Return a Markdown table of a format's fields in their order, straight from its definition.

    Lengths are characters, those of amounts and numbers digits.
    """
    return "\n".join(_lines(file_format)) + "\n"


def _lines(file_format: FileFormat) -> Iterator[str]:
    yield "| no. | field | | length | kind | what it holds |"
    yield "|---|---|---|---|---|---|"
    for number, column in enumerate(file_format.columns, start=1):
        cells = (
            str(number),
            f"`{column.name}`",
            "mandatory" if column.mandatory else "optional",
            _length_of(column),
            _kind_of(column),
            column.description + (" More than nothing." if column.must_be_positive else ""),
        )
        yield f"| {' | '.join(cells)} |"


def _length_of(column: Column) -> str:
    if column.kind is Kind.MONEY:
        return f"{MONEY_DIGITS_MAX}, 2 of them decimals"
    if column.choices:
        return str(max(map(len, column.choices)))
    return "" if column.length_max == FIELD_BYTES_MAX else str(column.length_max)


def _kind_of(column: Column) -> str:
    if column.choices:
        return ", ".join(f"`{choice}`" for choice in column.choices)
    return _KINDS[column.kind]
