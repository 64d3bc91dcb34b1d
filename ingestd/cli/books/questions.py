"""What reports are asked, as options: two times, days, and whom or what it is about."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ingestd.reports.asking.questions import Asked

_DAY = ["%Y-%m-%d"]

AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=_DAY, help="The last day that counts. Default: today."),
]
SinceOption = Annotated[
    datetime | None, typer.Option("--from", formats=_DAY, help="Only from this day on.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--to", formats=_DAY, help="Only up to this day, included.")
]
PartyOption = Annotated[
    str | None, typer.Option("--party", help="Only of this student, parent or guest.")
]
FamilyOption = Annotated[
    str | None, typer.Option("--family", help="Only of this parent and the family's students.")
]
ProductOption = Annotated[str | None, typer.Option("--product", help="Only of this billing code.")]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Only what came from this place of sale.")
]
KnownSinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="What was not known by then, such as 2026-03-02T12:00:00Z; a day: by its end.",
    ),
]


def asked_of(**typed: Any) -> Asked:  # noqa: ANN401 - what options make of words
    """Return what was typed; options know no days, only instants at which they begin."""
    from ingestd.reports.asking.questions import Asked

    asked: dict[str, Any] = {
        name: value.date() if isinstance(value, datetime) else value
        for name, value in typed.items()
    }
    return Asked(**asked)
