"""A last row without a line end: whether it can be seen that nothing of it was cut off."""

from __future__ import annotations

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.judging.amounts import is_complete_amount
from ingestd.formats.judging.times import is_complete_time
from ingestd.formats.layout.header import Layout
from ingestd.formats.reading.lines import Record


class WholeRowJudge:
    """Tells rows that end as only whole rows do, in files of one layout."""

    def __init__(self, layout: Layout, file_format: FileFormat, *, decimals: int) -> None:
        self._place = len(layout.labels) - 1
        by_name = {column.name: column for column in file_format.columns}
        self._column: Column | None = by_name.get(layout.labels[self._place])
        self._decimals = decimals

    def __call__(self, record: Record) -> bool:
        """Tell whether nothing can be missing at the end of a row with all its fields.

        That is so after a time with its offset, an amount with all its decimals, and a closing
        quote, unless people's own words stand in the quotes: they hold quotes themselves, and a
        quote that is written twice begins like one that closes.
        """
        column = self._column
        if record.ends_quoted and (column is None or column.kind is not Kind.TEXT):
            return True
        text = record.fields[self._place].strip(" ")
        match column.kind if column is not None else None:
            case Kind.TIME:
                return is_complete_time(text)
            case Kind.AMOUNT | Kind.MONEY:
                return is_complete_amount(text, self._decimals)
            case _:
                return False
