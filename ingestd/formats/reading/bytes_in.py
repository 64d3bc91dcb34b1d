"""From bytes to text: what is no text at all is refused by its first bytes; the rest is decoded."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict

HEAD_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024

_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = ("\n", "\r")
_JOINED = re.compile(f"(?<=[\r\n]){_BYTE_ORDER_MARK}")

# UTF-32 first: its little-endian mark starts with the one of UTF-16.
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

# Which of the first four bytes are NUL, when ASCII text is written in a wide encoding.
_WIDE_ZEROS: Mapping[tuple[bool, ...], str] = {
    (False, True, True, True): "UTF-32",
    (True, True, True, False): "UTF-32",
    (False, True, False, True): "UTF-16",
    (True, False, True, False): "UTF-16",
}

_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office document"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"{\\rtf", "an RTF document"),
    (b"-----BEGIN PGP", "a PGP message"),
)

# Looked for in lower case after leading white space, as browsers and parsers do.
_MARKUP = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<head", "an HTML page"),
    (b"<body", "an HTML page"),
    (b"<table", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"<!--", "an HTML or XML document"),
    (b"{", "a JSON document"),
    (b"[", "a JSON document"),
)


class Chunk(NamedTuple):
    """The next text of a file; `stop` says why the file cannot be read past this text."""

    text: str
    stop: Finding | None = None


def read_text(
    blocks: Iterable[bytes],
    encoding: str,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    is_top: bool = True,
) -> Iterator[Chunk]:
    """Decode a file strictly, without the mark at its start.

    What is not the `is_top` of a file begins with a line further down.

    The chunks depend on the file's bytes alone, never on how they were cut into blocks.
    The first one holds `HEAD_BYTES` bytes, so that a look at the top of the file sees the
    same text however large the others are. Raises `FileRefusedError` for what is no text;
    a mistake further on is the last chunk's `stop`, after all text before it.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    at_start = is_top
    starts_line = True
    for raw in _rechunk(blocks, chunk_bytes):
        if at_start:
            _refuse_what_is_no_text(raw, encoding)
        text, stop = _decode(decoder, raw, encoding)
        if at_start and text:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            at_start = False
        mark = _mark_at_line_start(text, starts_line=starts_line)
        if mark is not None:
            text, stop = text[:mark], _mark_inside()
        starts_line = text.endswith(_LINE_ENDS) if text else starts_line
        yield Chunk(text, stop)
        if stop is not None:
            return
    yield Chunk(*_decode(decoder, b"", encoding, final=True))


def _rechunk(blocks: Iterable[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """Cut the blocks anew: first `HEAD_BYTES`, then `chunk_bytes` each, the last what is left."""
    size_bytes = HEAD_BYTES
    pending = bytearray()
    for block in blocks:
        rest = memoryview(block)
        while rest:
            missing = size_bytes - len(pending)
            pending += rest[:missing]
            rest = rest[missing:]
            if len(pending) == size_bytes:
                yield bytes(pending)
                pending.clear()
                size_bytes = chunk_bytes
    if pending:
        yield bytes(pending)


def _decode(
    decoder: codecs.IncrementalDecoder, raw: bytes, encoding: str, *, final: bool = False
) -> tuple[str, Finding | None]:
    """Decode all that can be decoded, and say what is wrong with the byte after it."""
    state = decoder.getstate()
    try:
        return decoder.decode(raw, final), None
    except UnicodeDecodeError as error:
        # The decoder works on what it kept from earlier chunks plus these bytes.
        kept = len(error.object) - len(raw)
        decoder.setstate(state)
        good = decoder.decode(raw[: max(0, error.start - kept)])
        return good, _not_in_encoding(error.object[error.start : error.start + 1], encoding)


def _mark_at_line_start(text: str, *, starts_line: bool) -> int | None:
    """Return where a byte order mark begins a line: there a second file was joined to the first."""
    if _BYTE_ORDER_MARK not in text:
        return None
    if starts_line and text.startswith(_BYTE_ORDER_MARK):
        return 0
    found = _JOINED.search(text)
    return found.start() if found else None


def _refuse_what_is_no_text(head: bytes, encoding: str) -> None:
    """Raise `FileRefusedError` when the first bytes belong to something else than a CSV file."""
    codec = codecs.lookup(encoding).name
    if not codec.startswith(("utf-16", "utf-32")):
        wide = _wide_encoding_of(head)
        if wide is not None:
            raise FileRefusedError(_refusal(Code.ENCODING_WIDE, _wide_message(wide)))
    is_marked = head.startswith(codecs.BOM_UTF8)
    if is_marked and not codec.startswith("utf-8"):
        message = (
            f"The file starts with the mark of UTF-8, but this account's files are read as "
            f"{encoding}. Save it as {encoding}, or ask for the account's encoding to be changed."
        )
        raise FileRefusedError(_refusal(Code.ENCODING_ERROR, message))
    found = _signature_of(head.removeprefix(codecs.BOM_UTF8))
    if found is not None:
        message = (
            f"The file is {found} with a name that ends in .csv. "
            "Export or save it as CSV (UTF-8) and send that file."
        )
        raise FileRefusedError(_refusal(Code.NOT_CSV, message))


def _wide_encoding_of(head: bytes) -> str | None:
    """Name the wide encoding that a file is in, by its mark or by where its NULs are."""
    for mark, name in _WIDE_MARKS:
        if head.startswith(mark):
            return name
    return _WIDE_ZEROS.get(tuple(byte == 0 for byte in head[:4]))


def _signature_of(head: bytes) -> str | None:
    """Say what kind of file starts with these bytes, or None when it may be CSV."""
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return what
    start = head[:1024].lstrip(b" \t\r\n").lower()
    for signature, what in _MARKUP:
        if start.startswith(signature):
            return what
    return None


def _refusal(code: Code, message: str, value: str | None = None) -> Finding:
    return Finding(code=code, verdict=Verdict.FILE, message=message, value=value)


def _wide_message(wide: str) -> str:
    return (
        f"The file is in {wide}. Save it as UTF-8: in Excel choose "
        "“CSV UTF-8 (Comma delimited)” instead of “Unicode Text”."
    )


def _mark_inside() -> Finding:
    return _refusal(
        Code.BYTE_ORDER_MARK_INSIDE,
        "This line begins with a byte order mark, as it does when two files were joined. "
        "Send the files one by one, or export them as one.",
        value="U+FEFF",
    )


def _not_in_encoding(byte: bytes, encoding: str) -> Finding:
    return _refusal(
        Code.ENCODING_ERROR,
        f"A byte on this line is not valid {encoding.upper()}. Save the file as "
        f"{encoding.upper()}, or ask for the account's encoding to be set to the one you use.",
        value="0x" + byte.hex(),
    )
