"""Forms: the fields that a browser sent."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

FIELDS_MAX = 100


async def read_fields(request: Request) -> dict[str, str]:
    """Return the fields of a form; what is no form has none."""
    return dict(await read_pairs(request))


async def read_pairs(request: Request, fields_max: int = FIELDS_MAX) -> list[tuple[str, str]]:
    """Return the fields of a form in order, a name for each time that it stands there.

    A form of more than `fields_max` has none.
    """
    body = await request.body()
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=fields_max,
        )
    except ValueError:
        return []
