"""Rows and columns: the same values, turned. A million of them go faster column by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypeVar, overload

T = TypeVar("T", bound=tuple[Any, ...])


class TurnedRows(Sequence[T]):
    """Rows that are kept as columns, in the order of the fields of `row_type`.

    ValueError where the columns are not equally long: no value is paired with another row's.
    """

    def __init__(self, row_type: Callable[..., T], columns: Sequence[Sequence[Any]]) -> None:
        if len(set(map(len, columns))) > 1:
            raise ValueError("one column is shorter than another")
        self.row_type = row_type
        self.columns = columns

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        """Return one row, or several."""
        if isinstance(index, slice):
            return TurnedRows(self.row_type, [column[index] for column in self.columns])
        return self.row_type(*(column[index] for column in self.columns))

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __eq__(self, other: object) -> bool:
        """Tell whether these are the same rows, however they are kept."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def join_rows(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Return the rows of several parts, in columns where all of them are."""
    if len(parts) == 1:
        return parts[0]
    turned = [part for part in parts if isinstance(part, TurnedRows)]
    if not turned or len(turned) < len(parts):
        return list(chain.from_iterable(parts))
    by_column = zip(*(part.columns for part in turned), strict=True)
    return TurnedRows(turned[0].row_type, [list(chain.from_iterable(each)) for each in by_column])


def columns_of(rows: Sequence[T]) -> Sequence[Sequence[Any]]:
    """Return rows as columns; no rows have none."""
    return rows.columns if isinstance(rows, TurnedRows) else list(zip(*rows, strict=True))
