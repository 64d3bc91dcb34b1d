"""Good payment files with something more or less in any place: never an error or a lost row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Verdict
from ingestd.formats.names import FormatName
from ingestd.formats.rows.payments import PaymentRow
from ingestd.formats.rules import FileRules
from tests.judging import PAYMENT_FORMATS, check_payment_file

RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)
_FIRST_18 = b'2011-07-15,11.00,M1,5,7,"Guest, Gil",null,,,,IL,,,Hire,GL,10.00,1.00,GST,'
GOOD = {
    FormatName.FEE_PAYMENTS: b"2007-07-11 08:10:10,15.00,M1,5,657575,COLL001,12.00,2.50,0.50,0\n"
    b"2007-07-11,5.00,null,5,0,COTT001,5.00,0,0,0.00\n",
    FormatName.SUNDRY_PAYMENTS: _FIRST_18 + b"7,ROOF,70\n",
    FormatName.ENROLMENT_PAYMENTS: _FIRST_18 + b"G,COLL001,S1\n",
}
POLLUTIONS = (b",", b'"', b"\n", b"\r\n", b";", b"\x00", b"\xef\xbb\xbf", b"\xff", b" ", b"-")
formats = st.sampled_from(list(PAYMENT_FORMATS))


def checked(kind: FormatName, blocks: Iterable[bytes]) -> list[RowBatch[PaymentRow]]:
    batches = list(check_payment_file(kind, blocks, RULES))
    assert_adds_up(batches)
    return batches


def assert_adds_up(batches: list[RowBatch[PaymentRow]]) -> None:
    """Hold a verdict, and each good row, against what is promised of every one."""
    assert batches
    if batches[-1].is_refused:
        return
    for batch in batches:
        good, rejected = {row.row for row in batch.rows}, {row for row, _ in batch.rejected}
        told = {finding.row for finding in batch.findings if finding.verdict is Verdict.ROW}
        assert len(batch.rows) + len(batch.rejected) == batch.records
        assert (told, good & rejected) == (rejected, set())
        for row in batch.rows:
            parts = row.fee + row.building + row.other + row.tax - row.discount
            assert row.amount == parts > 0
            assert row.discount <= row.fee
            assert row.batch_num.isdigit()


@pytest.mark.thorough
@pytest.mark.parametrize("kind", PAYMENT_FORMATS)
@pytest.mark.parametrize("pollution", POLLUTIONS)
def test_something_more_in_any_place_is_judged(kind: FormatName, pollution: bytes) -> None:
    """One stray character may cost a row or the file, never an answer that does not add up."""
    good = GOOD[kind]
    for place in range(len(good) + 1):
        checked(kind, [good[:place] + pollution + good[place:]])


@pytest.mark.thorough
@pytest.mark.parametrize("kind", PAYMENT_FORMATS)
def test_no_cut_off_file_is_taken_for_whole(kind: FormatName) -> None:
    """A connection that dies in the middle of a row never books half of it."""
    whole = {row.content_hash for batch in checked(kind, [GOOD[kind]]) for row in batch.rows}
    for size_bytes in range(len(GOOD[kind])):
        batches = checked(kind, [GOOD[kind][:size_bytes]])
        if not batches[-1].is_refused:
            assert {row.content_hash for batch in batches for row in batch.rows} <= whole


@settings(deadline=None, max_examples=60)
@given(formats, st.binary(max_size=200) | st.text(max_size=150).map(lambda text: text.encode()))
def test_whatever_comes_is_judged_alike_however_it_is_cut(kind: FormatName, content: bytes) -> None:
    """How the network cuts a file into packets has nothing to do with what is in it."""
    for start in (b"", GOOD[kind]):
        file = start + content
        assert checked(kind, [file[at : at + 1] for at in range(len(file))]) == checked(
            kind, [file]
        )


field = st.sampled_from(
    [
        "",
        "null",
        "0",
        "0.00",
        "5",
        "5.00",
        "10.00",
        "-1",
        "M1",
        "G",
        "2007-07-11",
        "x" * 40,
        " ",
        "é",
    ]
)


@pytest.mark.thorough
@settings(deadline=None, max_examples=150)
@given(formats, st.lists(st.lists(field, min_size=9, max_size=22), min_size=1, max_size=4))
def test_rows_of_any_values_are_judged(kind: FormatName, rows: list[list[str]]) -> None:
    """Whatever a provider's program fills in, each row is good or is told why not."""
    width = len(PAYMENT_FORMATS[kind].columns)
    lines = [*rows, *(row[:width] for row in rows)]
    checked(kind, ["".join(",".join(line) + "\n" for line in lines).encode()])
