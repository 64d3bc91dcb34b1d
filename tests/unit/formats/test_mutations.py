"""One byte of a good file changed, in any place: no row ever says what nobody wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple

import pytest

from ingestd.formats.checking import RowBatch
from ingestd.formats.fields import FileFormat
from ingestd.formats.findings.codes import Verdict
from ingestd.formats.kinds.student_billing import STUDENT_BILLING
from ingestd.formats.kinds.student_refunds import STUDENT_REFUNDS
from ingestd.formats.names import FormatName
from ingestd.formats.rules import FileRules
from tests.judging import PAYMENT_FORMATS, check_charge_file, check_payment_file, check_refund_file
from tests.verdicts import RULES

pytestmark = pytest.mark.thorough

Check = Callable[[Iterable[bytes], FileRules], Iterator[RowBatch[Any]]]
Content = tuple[object, ...]

# What stands in place of a byte, or before it: structure, what no text holds, and text.
BYTES = (b'"', b",", b"\n", b"7", b"\x00", b"x")

_FIRST_18 = b'2011-07-15,11.00,M1,5,%d,"Guest, G",null,,,,IL,,,Hire,GL,10.00,1.00,GST,'


class Sample(NamedTuple):
    """A good file, and how it is judged."""

    check: Check
    file_format: FileFormat
    content: bytes


SAMPLES = {
    "student_billing": Sample(
        check_charge_file,
        STUDENT_BILLING,
        b"account_type,charge_tracking_id,student_id,billing_code,note,amount,"
        b"transaction_occurred_time\n"
        b"LIABILITY,T-1,042,BOOK,Atlas,18.50,2026-03-02T14:38:02Z\n"
        b'WALLET,T-2,043,MEAL,"a, ""b""",3.25,2026-03-02\n'
        b'WALLET,"T-3",044,MEAL,,,\n',
    ),
    "student_refunds": Sample(
        check_refund_file,
        STUDENT_REFUNDS,
        b'charge_tracking_id,tx_item_rowid,note\r\nT-1,8,"a, b"\r\n"T-2",,it\r\nT-3,9,\r\n',
    ),
    "fee_payments": Sample(
        partial(check_payment_file, FormatName.FEE_PAYMENTS),
        PAYMENT_FORMATS[FormatName.FEE_PAYMENTS],
        b'2007-07-11 08:10:10,15.00,"M1",5,657,COLL1,12.00,2.50,0.50,0.00\n'
        b"2007-07-11,5.00,null,5,0,COTT1,5.00,0,0,0.00\n",
    ),
    "sundry_payments": Sample(
        partial(check_payment_file, FormatName.SUNDRY_PAYMENTS),
        PAYMENT_FORMATS[FormatName.SUNDRY_PAYMENTS],
        b"".join(_FIRST_18 % number + b"7,ROOF,70\n" for number in (1, 2)),
    ),
    "enrolment_payments": Sample(
        partial(check_payment_file, FormatName.ENROLMENT_PAYMENTS),
        PAYMENT_FORMATS[FormatName.ENROLMENT_PAYMENTS],
        _FIRST_18 % 1 + b"G,COLL1,S1\n",
    ),
}


def mutants_of(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (place, what stands there, the changed file) for one byte less, more, or another."""
    for place in range(len(content) + 1):
        before, after = content[:place], content[place:]
        for byte in BYTES:
            yield place, byte, before + byte + after
            if after and not after.startswith(byte):
                yield place, byte, before + byte + after[1:]
        if after:
            yield place, b"", before + after[1:]


def judged(sample: Sample, content: bytes) -> list[RowBatch[Any]]:
    """Return the verdict on a file, held against what is promised of every one."""
    batches = list(sample.check([content], RULES))
    assert batches
    if batches[-1].is_refused:
        return []
    for batch in batches:
        good, rejected = {row.row for row in batch.rows}, {row for row, _ in batch.rejected}
        told = {finding.row for finding in batch.findings if finding.verdict is Verdict.ROW}
        assert len(batch.rows) + len(batch.rejected) == batch.records, content
        assert (len(good), told) == (len(batch.rows), rejected), content
        assert not good & rejected, content
    return batches


def contents_of(batches: Iterable[RowBatch[Any]]) -> list[Content]:
    """Return what each good row says, whatever its place, and each thing once."""
    return [content_of(row) for row in chain.from_iterable(batch.rows for batch in batches)]


def content_of(row: Any) -> Content:
    fields = row._asdict()
    for name in ("row", "line", "content_hash", "row_key", "has_receipt", "address"):
        fields.pop(name, None)
    return tuple(fields.values())


def differences(first: Content, second: Content) -> int:
    return sum(one != other for one, other in zip(first, second, strict=True))


def lines_of(content: bytes) -> list[range]:
    """Return where each line lies, its line end included."""
    starts = [0]
    for line in content.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return [range(*pair) for pair in pairwise(starts)]


def lacks_one_column(sample: Sample, row: Content, whole: Content) -> bool:
    """Tell whether a row is another without a column whose label was edited away.

    That may be an optional one, unless its absence changes what is posted.
    """
    columns = sample.file_format.columns
    missing = [
        column
        for column, text, whole_text in zip(columns, row, whole, strict=True)
        if text != whole_text and text is None
    ]
    return differences(row, whole) == len(missing) == 1 and not (
        missing[0].mandatory or missing[0].known_as
    )


def rows_touched(sample: Sample, place: int, originals: Sequence[Content]) -> list[Content]:
    """Return the rows that a change in this place may be an edit inside a field of.

    Where CR and LF end a line together, what stands in place of the LF begins the next field:
    a CR alone ends a line, too.
    """
    lines = lines_of(sample.content)
    first = 1 if sample.file_format.has_header else 0
    return [
        originals[number - first]
        for number, line in enumerate(lines)
        if number >= first and {place - 1, place, place + 1}.intersection(line)
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_one_byte_changes_one_field_at_most_and_never_structure(name: str) -> None:
    """A flipped byte costs a row or the file; what is applied is what stood in the file."""
    sample = SAMPLES[name]
    originals = contents_of(judged(sample, sample.content))
    assert len(originals) == len(lines_of(sample.content)) - sample.file_format.has_header
    header = len(sample.content.splitlines(keepends=True)[0]) * sample.file_format.has_header
    for place, byte, content in mutants_of(sample.content):
        about = (place, byte, content)
        if place < header - 1:
            for row in contents_of(judged(sample, content)):
                is_shorter = any(lacks_one_column(sample, row, whole) for whole in originals)
                assert row in originals or is_shorter, (about, row)
            continue
        edited = rows_touched(sample, place, originals)
        for row in contents_of(judged(sample, content)):
            is_edited = any(differences(row, original) == 1 for original in edited)
            assert row in originals or is_edited, (about, row)
