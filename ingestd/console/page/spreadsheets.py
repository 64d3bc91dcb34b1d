"""Spreadsheets: tables as CSV files, in which nothing is run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from starlette.responses import Response

# Where a spreadsheet takes a cell for a formula.
_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """Return a table as a file of a name, with a header and in UTF-8 that spreadsheets know."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"'{cell}" if cell.startswith(_SIGNS) else cell for cell in row])
    return Response(
        "\ufeff" + buffer.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
