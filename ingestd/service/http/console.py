"""The console's first page: what works, and how many files of each account are how far.

It tells what readiness and metrics tell, to people. Nobody is asked who they are, so it names
accounts and nothing that stands in their files. Source: the contract, section 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.reports.escaping.markup import Html, element, joined
from ingestd.spool.queue import UploadCount

STATES = ("waiting", "working", "failed", *(status.value for status in FileStatus))

_PENDING = "{file} was saved with a mistake: what was last good of it is in force."
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "th,td{border-bottom:1px solid #bbb;padding:.25rem .75rem;text-align:left}"
    "td+td{text-align:right}th{font-weight:600}"
)


def render_console(
    *,
    version: str,
    parts: Mapping[str, str],
    counts: Sequence[UploadCount] | None,
    pending: Sequence[str] = (),
) -> str:
    """Return the page. `parts` says of each what is wrong with it, or nothing.

    `pending` names the config files that were saved with a mistake and are not in force.
    None for `counts` stands for a database that does not answer.
    """
    well = not any(parts.values())
    states = _table(("part", "state"), [(name, what or "ok") for name, what in parts.items()])
    body = joined(
        element("h1", "ingestd"),
        element("p", f"Version {version}. ", "All parts work." if well else "Not all parts work."),
        states,
        *(element("p", _PENDING.format(file=name)) for name in pending),
        element("h2", "Uploads"),
        _uploads(counts),
        element("p", _link("/readyz"), " · ", _link("/metrics")),
    )
    head = joined(
        Html('<meta charset="utf-8">'), element("title", "ingestd"), element("style", Html(_STYLE))
    )
    page = element("html", element("head", head), element("body", body), lang="en")
    return f"<!DOCTYPE html>\n{page.text}\n"


def _uploads(counts: Sequence[UploadCount] | None) -> Html:
    if counts is None:
        return element("p", "They cannot be counted while the database does not answer.")
    if not counts:
        return element("p", "None has arrived yet.")
    found = {(count.account, count.state): count.uploads for count in counts}
    rows = [
        (account, *(str(found.get((account, state), 0)) for state in STATES))
        for account in sorted({count.account for count in counts})
    ]
    return _table(("account", *(state.replace("_", " ") for state in STATES)), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element(
        "table",
        element("thead", element("tr", *(element("th", label) for label in head))),
        element("tbody", *lines),
    )


def _link(path: str) -> Html:
    return element("a", path, href=path)
