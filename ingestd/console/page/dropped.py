"""Dropped files: a form with a file in it, whose bytes go on as they come and are never held.

Tried against python-multipart 0.0.34. A form has its file last, so that all fields are known by
then; whatever comes behind it is not looked at. Source: RFC 7578.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from ingestd.service.files.receiving import Origin

FORM_BYTES_MAX = 1 << 16
"""How much a form may be longer than its file."""

FIELD_BYTES_MAX = 1_000
_FIELDS_MAX = 20


def origin_of(request: Request, name: str) -> Origin:
    """Return who sends a file by a page: a user's name, and where from."""
    peer = request.client.host if request.client else ""
    client = request.headers.get("user-agent")
    return Origin(source="console", by=name, peer=peer, client=client)


class NoFileError(Exception):
    """A form brings no file, or is no form that a browser sends."""


class CutError(Exception):
    """A form ends in the middle of its file."""


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None


class Dropped:
    """One form. `fields` and `filename` are there once `begin` has returned."""

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise NoFileError
        self.fields: dict[str, str] = {}
        self.filename = ""
        self._stream = request.stream()
        self._part = _Part()
        self._header_name = self._header_value = b""
        self._waiting: list[bytes] = []
        self._has_begun = self._is_whole = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_part_data": self._take,
                    "on_part_end": self._end_part,
                    "on_header_field": self._take_header_name,
                    "on_header_value": self._take_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                },
            )
        except FormParserError as error:
            raise NoFileError from error

    async def begin(self) -> None:
        """Read as far as the file's first byte. Raises NoFileError where there is no file."""
        async for chunk in self._stream:
            self._write(chunk)
            if self._has_begun:
                return
        raise NoFileError

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes as they come. Raises CutError where they end too early."""
        for piece in self._taken():
            yield piece
        if not self._is_whole:
            async for chunk in self._stream:
                self._write(chunk)
                for piece in self._taken():
                    yield piece
        if not self._is_whole:
            raise CutError

    def _write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise CutError if self._has_begun else NoFileError from error

    def _taken(self) -> list[bytes]:
        taken, self._waiting = self._waiting, []
        return taken

    def _begin_part(self) -> None:
        self._part = _Part()

    def _take_header_name(self, content: bytes, start: int, end: int) -> None:
        self._header_name += content[start:end]

    def _take_header_value(self, content: bytes, start: int, end: int) -> None:
        self._header_value += content[start:end]

    def _end_header(self) -> None:
        self._part.headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, told = parse_options_header(self._part.headers.get(b"content-disposition"))
        self._part.name = told.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in told and not self._has_begun:
            self._part.filename = told[b"filename"].decode("utf-8", "replace")
            self.filename = self._part.filename
            self._has_begun = bool(self.filename)
        elif not self._has_begun and len(self.fields) < _FIELDS_MAX:
            self.fields[self._part.name] = ""

    def _take(self, content: bytes, start: int, end: int) -> None:
        if self._part.filename:
            self._waiting.append(content[start:end])
        elif self._part.name in self.fields and not self._has_begun:
            text = self.fields[self._part.name] + content[start:end].decode("utf-8", "replace")
            if len(text) > FIELD_BYTES_MAX:
                raise NoFileError
            self.fields[self._part.name] = text

    def _end_part(self) -> None:
        if self._part.filename:
            self._is_whole = True
