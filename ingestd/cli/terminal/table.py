"""Tables for people: what is shown stands there whole, however narrow the terminal is.

A table that is too wide first loses its empty columns, then wraps prose between words, then does
without columns that are needed less, and at last writes each row as lines of its own. A key, a
name that somebody typed or an amount is never cut, wrapped or broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from types import MappingProxyType
from typing import Final

Cells = Sequence[str]

# Columns of sentences and lists: they may wrap where they have a space.
PROSE: Final = frozenset(
    {
        *("message", "remedy", "what", "last_error", "difference", "name", "networks"),
        *("description", "students", "text", "reason"),
    }
)
# By the first column of a table, which is the key of its rows and always shown: what a narrow
# terminal does without, the first to go first. No amount is among them but for what became of a
# charge's amount, where what is open of it stands beside.
NEEDED_LESS: Final = MappingProxyType(
    {
        "tracking_id": (
            *("row", "upload_id", "account_type", "tax", "written_off", "voided"),
            *("occurred_on", "billing_code"),
        ),
        "payment_id": (
            *("receipt_num", "returned_on", "settled_on", "kind", "merchant_id", "batch_num"),
            "received_on",
        ),
        "upload_id": (
            *("source", "format", "size_bytes", "records_done", "received_at", "duplicate"),
            *("applied", "conflict", "rows", "rejected"),
        ),
        "day": ("merchant_id", "account_type", "payment_id", "tracking_id", "source", "party"),
        "family": ("phone", "email", "last_paid_on", "students"),
        "payout_id": ("reference", "payee", "method"),
        "account": ("catalogs", "password", "currency", "timezone", "keys"),
        "what": ("undone_batch", "batch", "undone_by", "billing_code", "rule"),
        "batch_no": ("upload_id", "sealed_at", "last_day", "first_day", "by", "reason", "event"),
        "posting": ("reason", "by", "known_at", "reverses", "batch", "credit_party", "payment_id"),
    }
)
_GAP: Final = "  "
_PROSE_MIN: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table as lines of text; `heads` says how many of them are its header.

    `left_out` are the columns that hold something and did not fit.
    """

    lines: Sequence[str]
    heads: int
    left_out: Sequence[str] = ()


def lay_out(
    columns: Sequence[str], rows: Sequence[Cells], *, width: int | None, right: frozenset[str]
) -> Layout:
    """Lay a table out for a terminal of this width in cells; None: as wide as it asks for.

    Columns in `right` stand flush right. Cells hold no line breaks.
    """
    everything = range(len(columns))
    natural = [
        max(_width(columns[at]), max((_width(row[at]) for row in rows), default=0))
        for at in everything
    ]
    if width is None or _line_width(natural) <= width:
        return _table(columns, rows, dict(zip(everything, natural, strict=True)), right)
    filled = [at for at in everything if at == 0 or any(row[at] for row in rows)]
    to_go = [columns.index(name) for name in NEEDED_LESS.get(columns[0], ()) if name in columns]
    shown = filled
    for gone in (None, *to_go):
        shown = [at for at in shown if at == 0 or at != gone]
        widths = _widths_within(width, columns, rows, {at: natural[at] for at in shown})
        if widths is not None:
            left_out = [columns[at] for at in filled if at not in widths]
            return _within(_table(columns, rows, widths, right), left_out)
    return lay_out_facts(
        [dict(zip(columns, row, strict=True)) for row in rows], width=width, key=columns[0]
    )


def lay_out_facts(
    facts: Sequence[Mapping[str, str]], *, width: int | None, key: str | None = None
) -> Layout:
    """Write each of `facts` as one line for each name and value, with an empty line between.

    Values that are empty are left out, but for the one of `key`.
    """
    shown = [
        {name: value for name, value in each.items() if value or name == key} for each in facts
    ]
    margin = max((_width(name) for each in shown for name in each), default=0)
    lines: list[str] = []
    for each in shown:
        if lines:
            lines.append("")
        for name, value in each.items():
            lines += _fact(name, value, margin, width)
    return Layout(lines=lines, heads=0)


def lay_out_list(parts: Sequence[str], *, width: int | None) -> Sequence[str]:
    """Write parts behind each other, `·` between them; a line ends before one that is too much."""
    lines = list(parts[:1])
    for part in parts[1:]:
        if width is not None and _width(f"{lines[-1]} · {part}") > width:
            lines.append(f"· {part}")
        else:
            lines[-1] += f" · {part}"
    return lines


def _fact(name: str, value: str, margin: int, width: int | None) -> Iterator[str]:
    room = width - margin - len(_GAP) if width is not None else None
    if room is None or _width(value) <= room:
        yield _padded(name, margin) + _GAP + value if value else name
    elif name in PROSE and max(map(_width, value.split()), default=0) <= room:
        for label, line in zip(chain([name], repeat("")), _wrapped(value, room), strict=False):
            yield _padded(label, margin) + _GAP + line
    else:
        # Alone on its line it is whole, and one double click copies it.
        yield name
        yield from _wrapped(value, width or 0) if name in PROSE else (value,)


def _widths_within(
    width: int, columns: Sequence[str], rows: Sequence[Cells], natural: Mapping[int, int]
) -> dict[int, int] | None:
    """Return a width for each column so that a line fits, or None: prose alone can shrink."""
    least = {
        at: _least_of_prose(columns[at], [row[at] for row in rows], asked)
        if columns[at] in PROSE
        else asked
        for at, asked in natural.items()
    }
    spare = width - _line_width(list(least.values()))
    if spare < 0:
        return None
    widths = {}
    for at, asked in natural.items():
        grown = min(asked - least[at], spare)
        widths[at] = least[at] + grown
        spare -= grown
    return widths


def _least_of_prose(name: str, texts: Sequence[str], asked: int) -> int:
    longest = max((_width(word) for text in texts for word in text.split()), default=0)
    return min(asked, max(longest, _width(name), _PROSE_MIN))


def _table(
    columns: Sequence[str], rows: Sequence[Cells], widths: Mapping[int, int], right: frozenset[str]
) -> Layout:
    lines = list(_row(columns, columns, widths, right))
    heads = len(lines)
    for row in rows:
        lines += _row(columns, row, widths, right)
    return Layout(lines=lines, heads=heads)


def _within(layout: Layout, left_out: Sequence[str]) -> Layout:
    return Layout(lines=layout.lines, heads=layout.heads, left_out=left_out)


def _row(
    columns: Sequence[str], row: Cells, widths: Mapping[int, int], right: frozenset[str]
) -> Iterator[str]:
    cells = {at: _cell_lines(columns[at], row[at], width) for at, width in widths.items()}
    for number in range(max(map(len, cells.values()))):
        parts = (
            _padded(
                lines[number] if number < len(lines) else "",
                widths[at],
                is_right=columns[at] in right,
            )
            for at, lines in cells.items()
        )
        yield _GAP.join(parts).rstrip(" ")


def _cell_lines(name: str, text: str, width: int) -> Sequence[str]:
    return _wrapped(text, width) if name in PROSE and _width(text) > width else [text]


def _wrapped(text: str, width: int) -> Sequence[str]:
    """Break prose at its spaces; a word that is longer than a line stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and _width(lines[-1]) + 1 + _width(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _padded(text: str, width: int, *, is_right: bool = False) -> str:
    space = " " * (width - _width(text))
    return space + text if is_right else text + space


def _width(text: str) -> int:
    """Return how many cells a text takes on a terminal: a Chinese sign takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)
