"""A report's answer as JSON, row by row: a million rows need no more memory than ten."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ingestd.reports.figures.report import Report


def json_pieces(report: Report) -> Iterator[str]:
    """Yield an answer as one JSON object, in pieces; totals and identities come last."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    yield f'{encode(report.heading())[:-1]}, "rows": ['
    separator = "\n  "
    for row in report.rows:
        yield separator + encode(row)
        separator = ",\n  "
    yield f'\n], "totals": {encode(report.totals)}'
    yield f', "identities": {encode(report.identities)}}}\n'
