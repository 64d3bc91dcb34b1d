"""From bytes to text: what is taken off, what is refused, and where a mistake stands."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict
from ingestd.formats.reading.bytes_in import HEAD_BYTES, Chunk, read_text

MARK = "\ufeff"


def texts(content: bytes, encoding: str = "utf-8", *, chunk_bytes: int = 8) -> list[Chunk]:
    return list(read_text([content], encoding, chunk_bytes=chunk_bytes))


def text_and_stop(
    content: bytes, encoding: str = "utf-8", *, chunk_bytes: int = 8
) -> tuple[str, Finding | None]:
    """Return the whole text up to what stops it, and that."""
    *chunks, last = texts(content, encoding, chunk_bytes=chunk_bytes)
    assert all(chunk.stop is None for chunk in chunks)
    return "".join(chunk.text for chunk in [*chunks, last]), last.stop


def refusal(content: bytes, encoding: str = "utf-8") -> Finding:
    with pytest.raises(FileRefusedError) as caught:
        texts(content, encoding)
    [finding] = caught.value.findings
    assert finding.verdict is Verdict.FILE
    return finding


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(1, 9))
def test_how_bytes_arrive_changes_no_chunk(blocks: list[bytes], chunk_bytes: int) -> None:
    """A verdict is the same whether a file came in one packet or in a thousand."""
    head = b"a" * (HEAD_BYTES - 3)
    whole = list(read_text([head + b"".join(blocks)], "latin-1", chunk_bytes=chunk_bytes))
    cut = list(read_text([head, *blocks], "latin-1", chunk_bytes=chunk_bytes))
    assert cut == whole
    assert "".join(chunk.text for chunk in whole) == (head + b"".join(blocks)).decode("latin-1")


def test_the_first_chunk_is_the_head_of_the_file_whatever_the_others_are() -> None:
    """A look at the top sees the same text, however much is read at a time."""
    content = b"a" * (HEAD_BYTES + 10)
    for chunk_bytes, rest in ((8, [8, 2, 0]), (100, [10, 0]), (10, [10, 0])):
        sizes = [len(chunk.text) for chunk in texts(content, chunk_bytes=chunk_bytes)]
        assert sizes == [HEAD_BYTES, *rest]
    assert [len(chunk.text) for chunk in texts(content[:HEAD_BYTES])] == [HEAD_BYTES, 0]
    assert texts(b"") == [Chunk("")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_mark_at_the_start_is_no_text(encoding: str) -> None:
    """The first label is the first label, whichever program wrote the file."""
    written = "a,b\n" if encoding != "utf-8" else f"{MARK}a,b\n"
    assert text_and_stop(written.encode(encoding), encoding) == ("a,b\n", None)


def test_a_second_mark_is_the_start_of_another_file() -> None:
    """Only the first of all is taken off."""
    text, stop = text_and_stop(f"{MARK}{MARK}a\n".encode())
    assert stop is not None
    assert (text, stop.code, stop.value) == ("", Code.BYTE_ORDER_MARK_INSIDE, "U+FEFF")


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("before", ["a,b", "a" * (HEAD_BYTES - 1), "é" * (HEAD_BYTES // 2 + 3)])
@pytest.mark.parametrize("chunk_bytes", [1, 8])
def test_a_mark_that_begins_a_line_ends_the_text(
    before: str, line_end: str, chunk_bytes: int
) -> None:
    """Rows of a second file that was joined to the first are never read under its header."""
    content = f"{before}{line_end}{MARK}c,d\n".encode()
    text, stop = text_and_stop(content, chunk_bytes=chunk_bytes)
    assert text == f"{before}{line_end}"
    assert stop is not None
    assert (stop.code, stop.verdict) == (Code.BYTE_ORDER_MARK_INSIDE, Verdict.FILE)


@pytest.mark.parametrize("size", [3, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 5])
def test_a_mark_inside_a_line_is_a_character(size: int) -> None:
    """A name that was copied from a web page stops no file."""
    written = "a" * size + f"{MARK}b\nc{MARK}\n"
    assert text_and_stop(written.encode()) == (written, None)


@pytest.mark.parametrize("size", [0, 1, 5, HEAD_BYTES - 2, HEAD_BYTES - 1, HEAD_BYTES + 7])
@pytest.mark.parametrize(
    ("bad", "good", "value"),
    [(b"\xff", "", "0xff"), (b"\xc3\xa9\xe4x", "é", "0xe4"), (b"\xe2\x82", "", "0xe2")],
)
def test_all_text_before_a_bad_byte_is_read(size: int, bad: bytes, good: str, value: str) -> None:
    """The byte is named as an editor for bytes shows it, on the line where it stands."""
    text, stop = text_and_stop(b"a" * size + bad)
    assert text == "a" * size + good
    assert stop is not None
    assert (stop.code, stop.value) == (Code.ENCODING_ERROR, value)
    assert "is not valid UTF-8. Save the file as UTF-8, or" in stop.message


def test_what_is_wrong_is_told_of_the_account_s_encoding() -> None:
    """Whoever saves the file again chooses this name in a menu."""
    text, stop = text_and_stop(b"a\x81b", "cp1252")
    assert stop is not None
    assert (text, stop.value) == ("a", "0x81")
    assert "valid CP1252. Save the file as CP1252, or" in stop.message


@pytest.mark.parametrize(
    ("content", "wide"),
    [
        (codecs.BOM_UTF16_LE + b"a\0", "UTF-16"),
        (codecs.BOM_UTF16_BE + b"\0a", "UTF-16"),
        (codecs.BOM_UTF32_LE + b"a\0\0\0", "UTF-32"),
        (codecs.BOM_UTF32_BE + b"\0\0\0a", "UTF-32"),
        ("a,b\n".encode("utf-16-le"), "UTF-16"),
        ("a,b\n".encode("utf-16-be"), "UTF-16"),
        ("a,b\n".encode("utf-32-le"), "UTF-32"),
        ("a,b\n".encode("utf-32-be"), "UTF-32"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_text_in_a_wide_encoding_is_told_as_such(content: bytes, wide: str, encoding: str) -> None:
    """What a spreadsheet calls “Unicode Text” looks like text, and is none of ours."""
    finding = refusal(content, encoding)
    assert finding.code is Code.ENCODING_WIDE
    assert finding.message.startswith(f"The file is in {wide}. ")
    assert finding.value is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_account_may_send_a_wide_encoding(encoding: str) -> None:
    """What the account's own encoding is made of is no reason to refuse a file."""
    assert text_and_stop("a,b\n".encode(encoding), encoding) == ("a,b\n", None)


def test_a_byte_of_zeros_is_no_wide_encoding() -> None:
    """A damaged file is told to be damaged, once its rows are read."""
    for content in (b"a\0bc\n", b"\0\0\0\0", b"ab\0\0", b"\0a", b"a\0"):
        assert text_and_stop(content)[0] == content.decode()


def test_the_mark_of_utf_8_is_no_text_of_another_encoding() -> None:
    """The first label would begin with three letters that nobody sees."""
    finding = refusal(codecs.BOM_UTF8 + b"a,b\n", "cp1252")
    assert finding.code is Code.ENCODING_ERROR
    assert "starts with the mark of UTF-8" in finding.message
    assert "are read as cp1252. Save it as cp1252, or" in finding.message


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office document"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"-----BEGIN PGP MESSAGE-----", "a PGP message"),
        (b"<html>", "an HTML page"),
        (b" \t\r\n <!DOCTYPE HTML>", "an HTML page"),
        (b'<?xml version="1.0"?>', "an XML document"),
        (b"\n{", "a JSON document"),
        (b" " * 1023 + b"[", "a JSON document"),
    ],
)
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_file_of_another_kind_is_called_by_its_name(start: bytes, what: str, mark: bytes) -> None:
    """Whoever renamed a workbook learns that this does not make a CSV file of it."""
    finding = refusal(mark + start + b"\n")
    assert (finding.code, finding.value) == (Code.NOT_CSV, None)
    assert finding.message.startswith(f"The file is {what} with a name that ends in .csv. ")


def test_what_only_looks_like_another_kind_further_down_is_text() -> None:
    """A header of spaces, a key that begins like an archive, a bracket in a note."""
    for content in (
        b" " * 1024 + b"[",
        b"a\n<html>",
        b"x%PDF-",
        b"PK,1",
        b"aPK\x03\x04",
        b"X{",
        b"\x0c{",
    ):
        assert text_and_stop(content) == (content.decode(), None)
