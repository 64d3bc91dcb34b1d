"""`--as-known`: the instant up to which batches count in an answer."""

from __future__ import annotations

from typing import Annotated

import typer

AsKnownOption = Annotated[
    str | None,
    typer.Option(
        "--as-known",
        help="What was known by then, such as 2026-03-02T12:00:00Z; a day: by its end.",
    ),
]
