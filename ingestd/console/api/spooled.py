"""Spooled answers: written whole before they are sent, so that a slow reader holds no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ingestd.database.engine import Database

_MEMORY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16


def spool(database: Database, pieces: Iterable[bytes]) -> IO[bytes]:
    """Return a file of all the pieces: in memory, or on the scratch disk where they are many."""
    with database.scratch_folder() as folder:
        # The file outlives its folder: it has no name, and is gone once it is closed.
        file: IO[bytes] = SpooledTemporaryFile(  # noqa: SIM115 - whoever sends it closes it
            max_size=_MEMORY_BYTES, dir=str(folder)
        )
        try:
            file.writelines(pieces)
        except BaseException:
            file.close()
            raise
        return file


class SpooledResponse(StreamingResponse):
    """Sends a spooled file, and closes it, whatever becomes of its reader."""

    def __init__(self, file: IO[bytes], *, media_type: str, headers: dict[str, str]) -> None:
        self._file = file
        length = {"Content-Length": str(file.tell())}
        file.seek(0)
        super().__init__(_pieces_of(file), media_type=media_type, headers=headers | length)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
