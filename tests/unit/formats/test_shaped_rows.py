"""Rows sorted by their shape: those that go on, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.formats.findings.codes import Code, FileRefusedError
from ingestd.formats.kinds.student_billing import STUDENT_BILLING
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.noise import COUNT, UNDERLINE
from ingestd.formats.layout.shape import Shaper
from ingestd.formats.layout.table import StretchTooHighError, TableReader
from ingestd.formats.reading.lines import Piece, PlainLines, Record, SplitLines, records_of
from ingestd.formats.reading.stretches import Stretch
from ingestd.formats.rules import LastRow
from ingestd.intake.handling import KNOWN
from tests.judging import check_charge_file
from tests.verdicts import COLUMNS, RULES, good_fields

HEADER = ",".join(COLUMNS)
GOOD = ",".join(good_fields("T-1"))
DASHES = ",".join(["---"] * len(COLUMNS))
TOTAL = "Total,1,2,3,4,5,6"
LINES = (
    *(GOOD, GOOD, GOOD, f"{GOOD},", f"{GOOD},x", "WALLET,T-2", HEADER, DASHES, "---", TOTAL),
    *("(3 rows affected)", "Records,a,b,c,d,e,f", "a,records,c,d,e,f,g", ",,,,,,"),
)
QUOTED = ('"a",b,c,d,e,f,g', 'a"b,c,d,e,f,g,h', '"a,b",c,d,e,f,g,h', '"a,b",c')


def make_shaper(*, is_trailing: bool = False) -> Shaper:
    positions = {name: place for place, name in enumerate(COLUMNS)}
    return Shaper(
        Layout(labels=COLUMNS, positions=positions, is_trailing=is_trailing),
        STUDENT_BILLING,
        header=list(COLUMNS),
        delimiter=",",
        last_row=LastRow.REJECT,
        decimals=2,
    )


def piece_of(texts: Sequence[str], first: int) -> Piece:
    """Return lines as the reader hands them over when no quote and no NUL is in their way."""
    rows = range(first, first + len(texts))
    if not any('"' in text for text in texts):
        return PlainLines(rows, rows, list(texts))
    records = [list(fields) for fields, _ in map(split, texts)]
    strays = {index: places for index, (_, places) in enumerate(map(split, texts)) if places}
    return SplitLines(rows, rows, records, strays)


def split(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Split a line whose quoted fields are the first ones of `QUOTED`."""
    if text.startswith('"'):
        field, _, rest = text[1:].partition('",')
        return (field, *rest.split(",")), ()
    fields = text.split(",")
    return tuple(fields), tuple(place for place, field in enumerate(fields) if '"' in field)


def told(shaper: Shaper, piece: Piece) -> list[Any]:
    """Return all that becomes of a piece, row by row."""
    shaped = shaper.shape(piece)
    rows = [
        (row, regular.lines[index], regular.fields_of(index), regular.stray_quotes.get(index, ()))
        for regular in shaped.regular
        for index, row in enumerate(regular.rows)
    ]
    return [rows, shaped.findings, shaped.rejected, [list(each) for each in shaped.rejected_fields]]


@given(
    st.lists(st.lists(st.sampled_from(LINES + QUOTED), min_size=1, max_size=3), max_size=3),
    st.booleans(),
)
@example([[DASHES, GOOD], [DASHES], [GOOD]], False)
@example([[GOOD], [DASHES]], False)
@example([[GOOD, GOOD, HEADER], [DASHES, GOOD]], False)
@example([[GOOD, f"{GOOD},x", "WALLET,T-2"]], False)
@example([[f"{GOOD},x", "WALLET,T-2,1,MEAL,,"]], False)
@example([[f"{GOOD},", f"{GOOD},"]], True)
@example([[*QUOTED[:2], GOOD], [QUOTED[3]], [QUOTED[2]]], False)
@example([["Records,a,b,c,d,e,f"], ["3 rows,,,,,,"], ["a,3 rows,,,,,"]], False)
@example([["a,account_type,c,d,e,f,g", "account_type,b,c,d,e,f,g"]], False)
@example([['account_type,"b",c,d,e,f,g', GOOD]], False)
def test_lines_that_are_shaped_at_once_are_shaped_as_each_of_them(
    pieces: list[list[str]], is_trailing: bool
) -> None:
    """No row is shifted into another's columns because its neighbours were plain."""
    at_once, one_by_one = (make_shaper(is_trailing=is_trailing) for _ in range(2))
    first = 2
    for texts in pieces:
        piece = piece_of(texts, first)
        assert told(at_once, piece) == told(one_by_one, records_of(piece, ","))
        first += len(texts)


def test_ordinary_lines_are_shaped_at_once() -> None:
    """A million rows are split in a second."""
    for texts in ([GOOD] * 3, [GOOD, QUOTED[0]], ["a,account_type,c,d,e,f,g"], [GOOD]):
        piece = piece_of(texts, 2)
        [regular] = make_shaper().shape(piece).regular
        assert not isinstance(piece, list)
        assert regular.rows is piece.rows


def records(*texts: str, terminated: bool = True) -> list[Record]:
    made = [Record(2 + index, 2 + index, text.split(",")) for index, text in enumerate(texts)]
    return [*made[:-1], made[-1]._replace(terminated=terminated)]


@pytest.mark.parametrize(
    ("texts", "noise"),
    [
        ((DASHES, DASHES, GOOD), {2: UNDERLINE}),
        ((GOOD, DASHES, TOTAL), {}),
        (("WALLET,T-2", DASHES), {}),
        ((HEADER, DASHES), {3: UNDERLINE}),
        ((GOOD, "---", "3 rows,,,,,,"), {3: UNDERLINE, 4: COUNT}),
    ],
)
def test_dashes_are_no_values_below_a_header_alone(
    texts: Sequence[str], noise: dict[int, str]
) -> None:
    """Elsewhere a row with all its fields is judged by them, and may be a charge."""
    shaped = make_shaper().shape(records(*texts))
    found = {finding.row: finding.message for finding in shaped.findings}
    assert {row: said for row, said in found.items() if said in {UNDERLINE, COUNT}} == noise
    others = {row for row, _ in shaped.rejected} - noise.keys()
    assert len(others) == sum(text in {HEADER, "WALLET,T-2"} for text in texts)


def test_a_file_that_is_cut_off_is_told_with_what_was_found_above() -> None:
    """Whoever sends it again corrects both."""
    with pytest.raises(FileRefusedError) as caught:
        make_shaper().shape(records("WALLET,T-1", "WALLET,T-2,1", terminated=False))
    codes = [(found.code, found.row) for found in caught.value.findings]
    assert codes == [(Code.MISSING_CELL, 2), (Code.TRUNCATED, 3)]


def below(top: bytes, stretch: Stretch, content: bytes) -> tuple[TableReader, list[Piece]]:
    """Return a reader of a file's rows below a cut, and what it reads of them."""
    reader = TableReader(STUDENT_BILLING, RULES, KNOWN)
    return reader, list(reader.begin_below([top], stretch, [content], 8))


def stretch(lines_above: int, line_above: bytes = b"x") -> Stretch:
    return Stretch(first_byte=0, end_byte=0, lines_above=lines_above, line_above=line_above)


@pytest.mark.parametrize("above", [b"", b"sep=,\n", b"\n"])
def test_a_stretch_begins_below_all_rows_that_the_header_is_judged_by(above: bytes) -> None:
    """What is said of a header is said once, and of the whole file."""
    top = above + f"{HEADER}\n{GOOD}\n{GOOD}\n".encode()
    lines = top.count(b"\n")
    with pytest.raises(StretchTooHighError):
        below(top, stretch(lines), b"")
    _, pieces = below(top, stretch(lines + 7), f"{GOOD}\n".encode())
    [first] = [record for piece in pieces for record in records_of(piece, ",")]
    assert (first.row, first.line) == (lines + 8 - above.startswith(b"sep"), lines + 8)


def test_a_stretch_may_begin_right_below_a_header() -> None:
    """Of a file whose first rows are far down, nothing else is looked at."""
    _, pieces = below(f"{HEADER}\n".encode(), stretch(1), f"{GOOD}\n".encode())
    assert [len(records_of(piece, ",")) for piece in pieces if piece] == [1]


def test_what_stands_at_the_top_of_a_stretch_is_a_row() -> None:
    """A row that begins like a document is one, and the line above may be damaged."""
    top = f"{HEADER}\n".encode()
    for content in ("{a", "[a", "<html>", "PK\x03\x04"):
        _, pieces = below(top, stretch(9, b"\xff,"), f"{content},b\n".encode())
        [record] = [record for piece in pieces for record in records_of(piece, ",")]
        assert record.fields == [content, "b"]


def test_dashes_at_the_top_of_a_stretch_underline_the_header_above_it() -> None:
    """What a row is may depend on the one above it, also where a file is cut between them."""
    for line_above, is_noise in ((HEADER, True), (GOOD, False)):
        reader, pieces = below(
            f"{HEADER}\n".encode(), stretch(9, line_above.encode()), f"{DASHES}\n".encode()
        )
        [shaped] = [reader.shape(piece) for piece in pieces if piece]
        assert [found.code for found in shaped.findings] == [Code.NOISE_ROW] * is_noise


def test_the_first_hundred_rows_are_looked_at_however_long_they_are() -> None:
    """One delimiter too many is told from many rows, of which a chunk may hold a few only."""
    long = ",".join(good_fields("T-2", note="n" * 2_000))
    content = "".join(f"{line},\n" for line in (HEADER, *[long] * 60, GOOD)).encode()
    rows = [row for batch in check_charge_file([content], RULES) for row in batch.rows]
    assert [row.tracking_id for row in rows] == ["T-1"]
    reader, pieces = below(content, stretch(70), f"{GOOD},\n".encode())
    assert reader.layout.is_trailing
    assert sum(len(records_of(piece, ",")) for piece in pieces) == 1
