"""From text to records: numbers, limits, and the same records however the text is cut."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.formats.fields import FIELD_BYTES_MAX, ROW_BYTES_MAX
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding
from ingestd.formats.reading.bytes_in import CHUNK_BYTES, Chunk, read_text
from ingestd.formats.reading.lines import (
    PIECE_RECORDS_MAX,
    PlainLines,
    Record,
    RecordReader,
    SplitLines,
    records_of,
)

PLAIN_AND_ODD = st.text(alphabet='ab,"\n\r\x1a\u2028 ', max_size=60)
FIELDS = st.text(alphabet='ab,;"\n\t é\u2028', max_size=12)


def read(*texts: str) -> tuple[list[Record], Finding | None, tuple[int, int] | None]:
    reader = RecordReader(",")
    records: list[Record] = []
    try:
        for piece in reader.read(Chunk(text) for text in texts):
            records += records_of(piece, ",")
    except FileRefusedError as refusal:
        return records, refusal.findings[0], reader.line_ends_mixed_at
    return records, None, reader.line_ends_mixed_at


@settings(deadline=None)
@given(PLAIN_AND_ODD)
def test_text_cut_anywhere_gives_the_same_records(text: str) -> None:
    """A row that arrives in two packets is the same row, with the same number."""
    assert read(*text) == read(text)


@settings(deadline=None)
@given(PLAIN_AND_ODD, PLAIN_AND_ODD, PLAIN_AND_ODD)
def test_text_cut_into_three_gives_the_same_records(start: str, middle: str, end: str) -> None:
    """The quick way for plain lines and the careful one take turns without a seam."""
    assert read(start, middle, end) == read(start + middle + end)


def test_ctrl_z_after_a_closing_quote_ends_the_file_however_the_text_is_cut() -> None:
    """What DOS programs write at the end is no text after a quote."""
    text = 'a,b\nx,"y"\x1a\x1a'
    assert read(text) == read(*text) == read(text[:-1], text[-1])
    assert read(text)[1] is None


@settings(deadline=None)
@given(
    st.lists(st.lists(FIELDS, min_size=2, max_size=4), max_size=8), st.sampled_from(["\n", "\r\n"])
)
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]], line_end: str) -> None:
    """What other programs export by the book arrives as it was meant."""
    written = io.StringIO()
    csv.writer(written, lineterminator=line_end).writerows(rows)
    records, refusal, _ = read(written.getvalue())
    assert refusal is None
    assert [record.fields for record in records] == rows
    assert [record.row for record in records] == list(range(1, len(rows) + 1))


def test_rows_count_records_and_lines_count_lines() -> None:
    """A finding's row is found in a spreadsheet, its line in a text editor."""
    records, _, _ = read('a,b\n"1\r\n2\n3",x\n\ny,z')
    assert [(record.row, record.line, record.terminated) for record in records] == [
        (1, 1, True),
        (2, 2, True),
        (3, 5, True),
        (4, 6, False),
    ]


def test_stray_quotes_are_pointed_out() -> None:
    """Inches and nicknames are kept, and told of."""
    records, _, _ = read('a,5" pipe,c\n"x",y,z"\n')
    assert [record.stray_quotes for record in records] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("last_row", "ends_quoted"),
    [('1,"2"', True), ('"1","2"', True), ('"1",2', False), ("1,2", False), ('1,"2"\n', False)],
)
def test_a_last_row_tells_whether_a_quote_closes_it(last_row: str, ends_quoted: bool) -> None:
    """Behind a closing quote nothing of the file can be missing."""
    records, refusal, _ = read(f"a,b\n{last_row}")
    assert refusal is None
    assert [record.ends_quoted for record in records] == [False, ends_quoted]


def test_quotes_within_large_fields_are_read() -> None:
    """A long text is fine as long as it keeps to the limit."""
    field = "x\n" * (FIELD_BYTES_MAX // 2)
    (record,), refusal, _ = read(f'"{field}",b\n')
    assert refusal is None
    assert record.fields == [field, "b"]


@pytest.mark.parametrize(
    "row",
    [
        "x" * (FIELD_BYTES_MAX + 1),
        '"' + "x" * (FIELD_BYTES_MAX + 1) + '"',
        "é" * (FIELD_BYTES_MAX // 2 + 1),
    ],
)
def test_field_over_its_limit_refuses_the_file(row: str) -> None:
    """A missing quote that swallows the file is found within 128 KiB."""
    _, refusal, _ = read("a,b\n", row + ",b\n")
    assert refusal is not None
    assert (refusal.code, refusal.row, refusal.line) == (Code.FIELD_TOO_LARGE, 2, 2)


@pytest.mark.parametrize("start", ["", '"'])
def test_endless_line_is_refused_after_a_mebibyte(start: str) -> None:
    """A gigabyte without a line end costs the daemon no more than a few mebibytes."""
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        yield b"a,b\n" + start.encode()
        for block in islice(iter(lambda: b"x" * 65536, None), 16384):
            taken += len(block)
            yield block

    reader = RecordReader(",")
    with pytest.raises(FileRefusedError) as caught:
        for _ in reader.read(read_text(blocks(), "utf-8")):
            pass
    assert caught.value.findings[0].code is Code.ROW_TOO_LARGE
    assert taken <= ROW_BYTES_MAX + 3 * CHUNK_BYTES


def test_quote_left_open_far_from_the_end_is_found() -> None:
    """The row that is named is the one with the open quote, not the end of the file."""
    records, refusal, _ = read('a,b\n1,2\n3,"4\n' + "5,6\n" * 1000)
    assert refusal is not None
    assert (refusal.code, refusal.row, refusal.line) == (Code.QUOTE_UNCLOSED, 3, 3)
    assert len(records) == 2


def test_pieces_are_small_however_short_the_rows() -> None:
    """A file of a hundred thousand blank lines is held a piece at a time."""
    reader = RecordReader(",")
    sizes = [len(records_of(piece, ",")) for piece in reader.read([Chunk("\n" * 100_000)])]
    assert sum(sizes) == 100_000
    assert max(sizes) <= 10_000


@pytest.mark.parametrize(
    ("row", "piece_type"),
    [("a,b", PlainLines), ('a,"b"', SplitLines), ('"a,b","c""d"', SplitLines)],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_ordinary_files_go_the_quick_way(row: str, piece_type: type, line_end: str) -> None:
    """A million rows are split in seconds, in chunks that begin and end anywhere."""
    text = f"{row}{line_end}" * 50
    reader = RecordReader(",")
    pieces = list(reader.read([Chunk(text[:123]), Chunk(text[123:])]))
    assert {type(piece) for piece in pieces if piece} == {piece_type}
    records = [record for piece in pieces for record in records_of(piece, ",")]
    assert [(record.row, record.line) for record in records] == [(n, n) for n in range(1, 51)]
    assert {tuple(record.fields) for record in records} == {tuple(next(csv.reader([row])))}


@pytest.mark.parametrize("row", ["a,{n}", '"a","{n}"', '"a",{n}\r', '"a\n",{n}'])
def test_rows_of_one_large_chunk_are_numbered_on(row: str) -> None:
    """Whatever is read at a time, a row's number is its place in the file."""
    count = 2 * PIECE_RECORDS_MAX + 3
    text = "".join(f"{row.format(n=n)}\n" for n in range(count))
    pieces = [piece for piece in RecordReader(",").read([Chunk("x,y\n"), Chunk(text)]) if piece]
    records = [record for piece in pieces for record in records_of(piece, ",")][1:]
    assert len(pieces) <= 5
    assert [record.fields[1] for record in records] == [str(n) for n in range(count)]
    assert [record.row for record in records] == list(range(2, count + 2))
    lines_a_row = 2 if row.startswith('"a\n') else 1
    assert [record.line for record in records] == [2 + n * lines_a_row for n in range(count)]


def test_a_character_that_stands_in_for_another_is_never_mistaken_for_it() -> None:
    """A damaged field is still the sender's own."""
    for fields in (["a\0b", "c,d"], ["a", "b,c\0d"], ["\0", ",", "\0,"]):
        written = io.StringIO()
        csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([fields, ["x"]])
        records, _, _ = read(written.getvalue())
        assert [record.fields for record in records] == [fields, ["x"]]


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        (["a\n", "b\r\n"], (2, 2)),
        (["a\r\n", "b\r\n", "c\n"], (3, 3)),
        (["a\n", "b\n", "c\r"], (3, 3)),
        (["a\r", "b\r", "c\n"], (3, 3)),
        (["a\n", '"b\r\n"\n', "c\r\n", "d\n"], (3, 4)),
        (["a\n", "b\r\n", "c\n", "d\r\n"], (2, 2)),
        (["a\n", "b\n"], None),
        (["a\r\n", "b"], None),
    ],
)
def test_the_first_line_end_that_differs_is_remembered(
    texts: list[str], place: tuple[int, int] | None
) -> None:
    """Two exports that were joined show where."""
    assert read(*texts)[2] == read("".join(texts))[2] == place
