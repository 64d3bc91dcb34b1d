"""Rows: the lines of one row of a file, as they stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestd.access.accounts import Account
from ingestd.formats.findings.codes import FileRefusedError
from ingestd.formats.reading.bytes_in import read_text
from ingestd.formats.reading.lines import RecordReader, records_of
from ingestd.spool.files import storage_errors
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueuedUpload
from ingestd.values.clock import from_microseconds

LINES_MAX = 100
CHARACTERS_MAX = 20_000
_BLOCK_BYTES = 1 << 16
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLines:
    """The physical lines of a row, from `first_line` on; `is_cut` where there is more of it."""

    row: int
    first_line: int
    lines: tuple[str, ...]
    is_cut: bool


def file_of(folders: Folders, upload: QueuedUpload) -> Path | None:
    """Return where an upload's bytes lie on this node; None where they do not, or not any more."""
    received_at = from_microseconds(upload.received_at)
    homes = (
        folders.archive(upload.account, upload.upload_id, received_at),
        folders.quarantine(upload.account, upload.upload_id),
        folders.claimed(upload.account) / upload.upload_id,
    )
    return next(
        (home / upload.filename for home in homes if (home / upload.filename).is_file()), None
    )


def read_row(path: Path, account: Account, row: int) -> RowLines | None:
    """Return a row of a file; None where it has no such row, or cannot be read so far.

    Rows are numbered as a spreadsheet shows them. Raises StorageError.
    """
    policy = account.policy
    with storage_errors(path):
        lines = _lines_of_row(path, policy.encoding, policy.delimiter, row)
        if lines is None:
            return None
        first, last = lines
        texts: list[str] = []
        room = CHARACTERS_MAX
        for number, text in enumerate(_lines(path, policy.encoding), start=1):
            if number < first:
                continue
            if number > last:
                break
            if len(texts) == LINES_MAX or len(text) > room:
                return _row(row, first, (*texts, text[:room]), is_cut=True)
            texts.append(text)
            room -= len(text)
    return _row(row, first, tuple(texts), is_cut=False)


def _row(row: int, first: int, lines: tuple[str, ...], *, is_cut: bool) -> RowLines:
    return RowLines(row=row, first_line=first, lines=lines, is_cut=is_cut)


def _lines_of_row(path: Path, encoding: str, delimiter: str, row: int) -> tuple[int, int] | None:
    """Return the first and the last physical line of a row."""
    first = None
    try:
        for piece in RecordReader(delimiter).read(read_text(_blocks(path), encoding)):
            for record in records_of(piece, delimiter):
                if record.row == row:
                    first = record.line
                elif record.row > row:
                    return None if first is None else (first, record.line - 1)
    except FileRefusedError:
        pass
    # The last row that could be read has all that is left of the file's lines, within bounds.
    return None if first is None else (first, first + LINES_MAX)


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield a file's lines without their ends, as far as it can be decoded."""
    rest = ""
    try:
        for chunk in read_text(_blocks(path), encoding):
            text = rest + chunk.text
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
            for match in _LINE.finditer(text, 0, cut):
                if match.end() > match.start():
                    yield match.group(1)
            rest = text[cut:]
    except FileRefusedError:
        return
    if rest:
        yield rest.rstrip("\r\n\x1a")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
