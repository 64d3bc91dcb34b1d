"""Downloads: what is written for somebody to take away, whole before its first byte is sent."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import TextIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ingestd.console.office.desk import Desk
from ingestd.console.page.threads import read, read_long

_CHUNK_BYTES = 1 << 18


async def download(
    request: Request,
    desk: Desk,
    write: Callable[[TextIO], None],
    *,
    name: str,
    media_type: str,
    version: object,
) -> Response:
    """Return a file that `write` fills, or that the client has it already.

    `version` is what it is made from: the same version is the same bytes. What fails half-way is
    an error and no short file.
    """
    tag = f'"{sha256(repr(version).encode()).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    file = await read_long(_written, desk, write)
    size = file.buffer.seek(0, 2)
    headers = {
        "etag": tag,
        "content-length": str(size),
        "content-disposition": f'attachment; filename="{name}"',
    }
    return StreamingResponse(_chunks(file), media_type=media_type, headers=headers)


def _written(desk: Desk, write: Callable[[TextIO], None]) -> TextIO:
    # It has no name: whatever happens, nothing is left of it.
    file = tempfile.TemporaryFile(  # noqa: SIM115 - closed when its last byte was sent
        "w+", encoding="utf-8", newline="", dir=desk.database.scratch_parent
    )
    write(file)
    file.flush()
    return file


async def _chunks(file: TextIO) -> AsyncIterator[bytes]:
    with file:
        file.buffer.seek(0)
        while chunk := await read(file.buffer.read, _CHUNK_BYTES):
            yield chunk
