"""Spreadsheets: tables as CSV files, in which nothing is run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from starlette.responses import Response

from ingestd.reports.escaping.spreadsheets import spreadsheet_cells


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Response:
    """Return a table as a file of a name, with a header and in UTF-8 that spreadsheets know."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(spreadsheet_cells(row, columns) for row in rows)
    return Response(
        "\ufeff" + buffer.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
