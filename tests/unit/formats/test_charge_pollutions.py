"""A good file with something more or less in any place: never an error, never a lost row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Finding, Verdict
from ingestd.formats.kinds.student_billing import ChargeRow
from ingestd.formats.reading.bytes_in import HEAD_BYTES
from ingestd.formats.rules import FileRules
from tests.judging import check_charge_file

RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)

GOOD = (
    b"account_type,charge_tracking_id,student_id,billing_code,note,amount,"
    b"transaction_occurred_time\n"
    b"LIABILITY,T-1,00042,LOST_BOOK,Atlas,18.50,2026-03-02T14:38:02Z\n"
    b'WALLET,T-2,00043,MEAL,"soup, ""hot""",3.25,2026-03-02\n'
    b"WALLET,T-3,00044,MEAL,Pe\xc3\xb1a,,\n"
)

FILLER = b"WALLET,F-1,00042,MEAL,,1.00,2026-03-02T14:38:02Z\n" * (HEAD_BYTES // 40)

POLLUTIONS = (
    b",",
    b'"',
    b"\n",
    b"\r",
    b"\r\n",
    b";",
    b"\x00",
    b"\x1a",
    b"\xef\xbb\xbf",
    b"\xff",
    b" ",
    b"\xc2\xa0",
)


def checked(blocks: Iterable[bytes]) -> list[RowBatch[ChargeRow]]:
    return list(check_charge_file(blocks, RULES))


def findings_of(batches: Iterable[RowBatch[ChargeRow]]) -> list[Finding]:
    return [finding for batch in batches for finding in batch.findings]


def assert_adds_up(batches: list[RowBatch[ChargeRow]]) -> None:
    """Hold a verdict against what is promised of every verdict."""
    assert batches
    assert not any(batch.is_refused for batch in batches[:-1])
    if batches[-1].is_refused:
        return
    for batch in batches:
        assert len(batch.rows) + len(batch.rejected) == batch.records
        assert len({row.row for row in batch.rows}) == len(batch.rows)
        assert not {row.row for row in batch.rows} & {row for row, _ in batch.rejected}
        rejecting = {
            (finding.row, finding.line)
            for finding in batch.findings
            if finding.verdict is Verdict.ROW
        }
        assert rejecting == set(batch.rejected)


def assert_block_size_changes_nothing(content: bytes) -> None:
    whole = checked([content])
    assert_adds_up(whole)
    assert checked(content[at : at + 1] for at in range(len(content))) == whole


@pytest.mark.thorough
@pytest.mark.parametrize("pollution", POLLUTIONS)
def test_something_more_in_any_place_is_judged(pollution: bytes) -> None:
    """One stray character may cost a row or the file, never an answer that does not add up."""
    for place in range(len(GOOD) + 1):
        assert_adds_up(checked([GOOD[:place] + pollution + GOOD[place:]]))


@pytest.mark.thorough
def test_something_less_in_any_place_is_judged() -> None:
    """A lost byte is no reason to fall over."""
    for place in range(len(GOOD)):
        assert_adds_up(checked([GOOD[:place] + GOOD[place + 1 :]]))


@pytest.mark.thorough
def test_no_cut_off_file_is_taken_for_whole() -> None:
    """A connection that dies in the middle of a row never bills half of it."""
    whole = {row.content_hash for batch in checked([GOOD]) for row in batch.rows}
    for size_bytes in range(len(GOOD)):
        batches = checked([GOOD[:size_bytes]])
        assert_adds_up(batches)
        if not batches[-1].is_refused:
            assert {row.content_hash for batch in batches for row in batch.rows} <= whole


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD)), st.sampled_from(POLLUTIONS)), min_size=1, max_size=6
    )
)
def test_block_size_never_changes_the_answer_to_a_polluted_file(
    pollutions: list[tuple[int, bytes]],
) -> None:
    """How the network cuts a file into packets has nothing to do with what is in it."""
    content = GOOD
    for place, pollution in pollutions:
        content = content[:place] + pollution + content[place:]
    assert_block_size_changes_nothing(content)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_judged(content: bytes) -> None:
    """Whatever is uploaded under a recognised name gets a verdict."""
    assert_block_size_changes_nothing(content)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_random_text_below_a_header_is_judged(text: str) -> None:
    """Whatever stands below a good header gets a verdict."""
    header = GOOD[: GOOD.index(b"\n") + 1]
    assert_block_size_changes_nothing(header + text.encode("utf-8", "replace"))


@pytest.mark.thorough
@settings(deadline=None, max_examples=40)
@given(st.integers(0, len(GOOD)), st.sampled_from(POLLUTIONS), st.integers(1, 40))
def test_how_much_is_read_at_a_time_never_changes_the_answer(
    place: int, pollution: bytes, chunk_bytes: int
) -> None:
    """A row that lies across two reads is the same row."""
    header, _, rows = GOOD.partition(b"\n")
    polluted = GOOD[:place] + pollution + GOOD[place:]
    content = header + b"\n" + FILLER + rows + polluted
    in_pieces = list(check_charge_file([content], RULES, chunk_bytes=chunk_bytes))
    whole = list(check_charge_file([content], RULES, chunk_bytes=10 * len(content)))
    assert_adds_up(in_pieces)
    assert findings_of(in_pieces) == findings_of(whole)
    if not whole[-1].is_refused:
        assert [row for b in in_pieces for row in b.rows] == [row for b in whole for row in b.rows]
