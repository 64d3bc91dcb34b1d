"""Texts that cannot be split any further: which row is named, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ingestd.formats.fields import FIELD_BYTES_MAX, ROW_BYTES_MAX
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.reading.bytes_in import Chunk
from ingestd.formats.reading.lines import Record, RecordReader, records_of

MISTAKE = Finding(code=Code.ENCODING_ERROR, verdict=Verdict.FILE, message="No.", value="0xff")


def read(
    *texts: str, stop: Finding | None = None, delimiter: str = ",", first_line: int = 1
) -> tuple[list[Record], Finding]:
    """Return the records of a text that is refused, and why it is."""
    *before, last = texts
    chunks = [*map(Chunk, before), Chunk(last, stop)]
    return read_chunks(chunks, delimiter, first_line)


def read_chunks(
    chunks: Iterable[Chunk], delimiter: str, first_line: int
) -> tuple[list[Record], Finding]:
    records: list[Record] = []
    pieces = RecordReader(delimiter, first_line=first_line).read(chunks)
    with pytest.raises(FileRefusedError) as caught:
        records.extend(record for piece in pieces for record in records_of(piece, delimiter))
    [finding] = caught.value.findings
    assert finding.verdict is Verdict.FILE
    return records, finding


@pytest.mark.parametrize(
    ("text", "row", "line"),
    [
        ("", 1, 1),
        ("a,b\n1,2\n", 3, 3),
        ("a,b\n1,2\n3,", 3, 3),
        ('a,b\n"1\n2",3\n4,', 3, 4),
        ('a,b\n1,2\n3,"4\n5', 3, 4),
        ('a,b\n1,2\n3,"4\r\n5\n', 3, 5),
        # Half of a CRLF, or a line end of its own: the next row it is in either case.
        ("a,b\r1,2\r", 3, 3),
        ('a,b\n1,"2\r', 2, 3),
    ],
)
@pytest.mark.parametrize("first_line", [1, 2])
def test_a_mistake_in_the_text_is_placed_where_the_text_ends(
    text: str, row: int, line: int, first_line: int
) -> None:
    """A sender finds the byte that is wrong in a million rows."""
    _, finding = read(text, stop=MISTAKE, first_line=first_line)
    assert (finding.code, finding.value) == (MISTAKE.code, MISTAKE.value)
    assert (finding.row, finding.line) == (row, line + first_line - 1)


def test_a_row_ends_with_a_mebibyte_even_where_it_is_refused_for_less() -> None:
    """What is told first is what the sender can see: that the row never ends."""
    quoted = f'"{"x" * (ROW_BYTES_MAX // 16 - 3)}",'
    assert len(quoted) * 16 == ROW_BYTES_MAX
    fits = quoted * 15 + quoted[:-2] + 'x"'
    assert len(fits) == ROW_BYTES_MAX
    for content, code in ((fits, Code.TEXT_AFTER_QUOTE), ('"",' + fits, Code.ROW_TOO_LARGE)):
        _, finding = read(f'a,b\n"1",2\n{content}z\n')
        assert (finding.code, finding.row, finding.line) == (code, 3, 3)
        assert (finding.value or "").startswith('"')


def test_rows_in_front_of_a_bad_one_make_it_no_longer() -> None:
    """Where a file is cut for reading decides nothing about its rows."""
    rows = '"1","2"\n' * (ROW_BYTES_MAX * 3 // 4 // 8)
    content = '"x",' * (ROW_BYTES_MAX // 2 // 4) + '"x"'
    _, finding = read(f"{rows}{content}z\n")
    assert finding.code is Code.TEXT_AFTER_QUOTE


@pytest.mark.parametrize("texts", [["a,b\n", "x" * (ROW_BYTES_MAX + 1)], ["a,b\n" + "x" * 2**21]])
def test_a_row_without_end_is_told_with_how_it_begins(texts: list[str]) -> None:
    """Its sender searches for these letters."""
    records, finding = read(*texts)
    assert [record.fields for record in records] == [["a", "b"]]
    assert (finding.code, finding.row, finding.line) == (Code.ROW_TOO_LARGE, 2, 2)
    assert finding.message == "This row is longer than 1 MiB. Check its quotes and line ends."
    assert finding.value == shorten("x" * 200)


def test_a_row_without_end_that_holds_a_quote_may_lack_another() -> None:
    """The commonest reason of all is said."""
    _, finding = read("a,b\n", '"' + "x" * ROW_BYTES_MAX)
    assert finding.code is Code.ROW_TOO_LARGE
    assert "1 MiB. A quote that opens in it may never be closed. Check" in finding.message


@pytest.mark.parametrize("field", ["x" * FIELD_BYTES_MAX, "é" * (FIELD_BYTES_MAX // 2)])
def test_a_row_is_as_long_as_its_bytes(field: str) -> None:
    """A limit in bytes is the same for every alphabet, and met to the byte."""
    fields = [*[field] * 7, "x" * (FIELD_BYTES_MAX - 7)]
    whole = ",".join(fields)
    assert len(whole.encode()) == ROW_BYTES_MAX
    for chunks in ([Chunk(f"{whole}\n")], [Chunk(whole), Chunk("\n")]):
        [piece] = [piece for piece in RecordReader(",").read(chunks) if piece]
        [record] = records_of(piece, ",")
        assert record.fields == fields
    assert read(f"a\n{whole}x\n")[1].code is Code.ROW_TOO_LARGE


@pytest.mark.parametrize("field", ["x" * (FIELD_BYTES_MAX + 1), "é" * (FIELD_BYTES_MAX // 2 + 1)])
def test_a_field_over_its_limit_is_told_with_how_it_begins(field: str) -> None:
    """Of forty fields the one is named that swallowed the others."""
    records, finding = read(f"a,b\n1,2\n3,{field}\n")
    assert len(records) == 2
    assert (finding.code, finding.row, finding.line) == (Code.FIELD_TOO_LARGE, 3, 3)
    assert finding.value == shorten(field)
    assert "longer than 128 KiB" in finding.message


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ('"a";"b"\n', Code.DELIMITER_UNEXPECTED, 1),
        ('"a"|"b"\n', Code.DELIMITER_UNEXPECTED, 1),
        ('"a"x,"b"\n', Code.TEXT_AFTER_QUOTE, 1),
        ('"a" ,"b"\n', Code.TEXT_AFTER_QUOTE, 1),
        ('a,b\n"1";"2"\n', Code.TEXT_AFTER_QUOTE, 2),
    ],
)
def test_what_follows_a_closing_quote_is_another_delimiter_in_the_first_row_alone(
    text: str, code: Code, row: int
) -> None:
    """A file of another delimiter is told so; a slip in one row is told as a slip."""
    _, finding = read(text)
    assert (finding.code, finding.row, finding.line) == (code, row, row)
    if code is Code.TEXT_AFTER_QUOTE:
        assert finding.value == ('"1"' if row == 2 else '"a"')
    else:
        assert finding.value == text[3]
        assert "and this account's files by a comma." in finding.message


@pytest.mark.parametrize(
    ("text", "rest"), [('a,b\n1,"2\n3,4', '1,"2\n3,4'), ('a,b\n1,2,"', '1,2,"'), ('a\n"""', '"""')]
)
def test_a_quote_that_is_never_closed_is_told_with_its_row(text: str, rest: str) -> None:
    """All rows from there on are in doubt, and the first of them shows why."""
    records, finding = read(text)
    assert len(records) == 1
    assert (finding.code, finding.row, finding.line) == (Code.QUOTE_UNCLOSED, 2, 2)
    assert finding.value == rest


def test_records_before_the_bad_one_are_handed_over() -> None:
    """Whatever is refused, the rows before it were read as they would have been."""
    for count in (1, 3, 10_001):
        text = '"1",2\n' * count
        records, finding = read(f'{text}"3"x,4\n')
        assert [record.row for record in records] == list(range(1, count + 1))
        assert {tuple(record.fields) for record in records} == {("1", "2")}
        assert finding.row == count + 1
