"""A file that is judged in two stretches gets the verdicts of the same file in one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.formats.checking import TOLD_ONCE, Below, RowBatch
from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.formats.layout.table import StretchTooHighError
from ingestd.formats.names import FormatName
from ingestd.formats.reading.stretches import REACH_BYTES, Stretch, Survey, can_be_cut
from ingestd.formats.rules import FileRules
from tests.judging import Check, check_charge_file, check_payment_file

SAMPLES = Path(__file__).parents[2] / "samples"
RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 3, 2, tzinfo=UTC)
)
HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,transaction_occurred_time"
)
# As many bytes as are looked at before the first row is judged, and more.
FILLER_ROWS = 700
NOTE = "n" * 100
CHECKS: dict[str, Check] = {
    "student_billing": check_charge_file,
    "fee_payments": partial(check_payment_file, FormatName.FEE_PAYMENTS),
}

Told = tuple[list[Any], list[Finding], list[Any], list[Any], list[str], int]


def told(batches: Iterator[RowBatch[Any]]) -> Told | list[Finding]:
    """Return all that is said of a file's rows; of one that is refused, why."""
    rows, findings, rejected, names, keys, records = [], [], [], [], [], 0
    for batch in batches:
        refusals = [found for found in batch.findings if found.verdict is Verdict.FILE]
        if refusals:
            return refusals
        rows += list(batch.rows)
        findings += batch.findings
        rejected += batch.rejected
        names += batch.rejected_names
        keys += batch.rejected_keys
        records += batch.records
    return rows, sorted(findings, key=repr), sorted(rejected), sorted(names), sorted(keys), records


def stretches_of(content: bytes, block_bytes: int = 4096) -> Sequence[Stretch]:
    survey = Survey(len(content), RULES.encoding)
    for start in range(0, len(content), block_bytes):
        survey.take(content[start : start + block_bytes])
    return survey.stretches()


def told_in_two(check: Check, content: bytes, block_bytes: int = 4096) -> Any:
    """Return the same of a file that is cut; None where it cannot be."""
    stretches = stretches_of(content, block_bytes)
    if len(stretches) == 1:
        return None
    first, second = stretches
    assert first.end_byte == second.first_byte
    assert second.end_byte == len(content)
    above = told(check([content[: first.end_byte]], RULES))
    if isinstance(above, list):
        return above
    below = Below(stretch=second, top=[content[: first.end_byte]])
    try:
        rest = told(check([content[second.first_byte :]], RULES, below=below))
    except StretchTooHighError:
        return None
    if isinstance(rest, list):
        return rest
    already = {(found.code, found.column) for found in above[1] if found.code in TOLD_ONCE}
    new = [found for found in rest[1] if (found.code, found.column) not in already]
    return (
        above[0] + rest[0],
        sorted(above[1] + new, key=repr),
        *(sorted(one + other) for one, other in zip(above[2:5], rest[2:5], strict=True)),
        above[5] + rest[5],
    )


def filler(sample: bytes, check: Check) -> bytes:
    """Return good rows for a sample's format, with line ends as it has them."""
    end = "\r\n" if b"\r\n" in sample else "\n"
    if check is check_charge_file:
        rows = [f"WALLET,F{number},S1,MEAL,{NOTE},1.00,{end}" for number in range(FILLER_ROWS)]
        return "".join(rows).encode()
    lines = [line for line in sample.splitlines(keepends=True) if line.strip()]
    return lines[-1].rstrip(b"\r\n") + end.encode() if lines else b""


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_sample_is_told_alike_above_and_below_a_cut(name: str) -> None:
    """Whatever strange thing stands in a file, it may stand in either half of a large one."""
    check = CHECKS[name]
    cut = 0
    for path in sorted((SAMPLES / name).rglob("*.csv")):
        sample = path.read_bytes()
        head, _, rows = sample.partition(b"\n")
        fill = filler(sample, check)
        fill *= 1 + 90_000 // max(1, len(fill))
        for file in (sample + fill, head + b"\n" + fill + rows):
            in_two = told_in_two(check, file)
            if in_two is not None:
                cut += 1
                assert in_two == told(check([file], RULES)), path.name
    assert cut > 25


LINES = (
    "WALLET,T{n},S1,MEAL,note,1.00,2026-01-01T10:00:00Z",
    "LIABILITY,T{n},S2,MEAL,,,",
    "",
    "  ",
    ",,,,,,",
    HEADER,
    "------,---,--,--,---,---,--",
    "Total,,,,,12.00,",
    "(3 rows affected)",
    "WALLET, T{n} ,S1,MEAL,x ,1.00,",
    "WALLET,T{n},S1",
    "WALLET,T{n},S1,MEAL,n,1.00,,,",
    "WALLET,T{n},S1,MEAL,né,1.00,",
    "\x1a",
    "WALLET,T{n},S1,MEAL,\0,1.00,",
)


@pytest.mark.parametrize("seed", range(12))
def test_random_files_are_told_alike_in_one_stretch_and_in_two(seed: int) -> None:
    """Blank runs, line ends, underlines and trimming go over a cut as if it were not there."""
    chance = random.Random(seed)
    end = chance.choice(["\n", "\r\n"])
    kinds = LINES if seed % 2 else LINES[:5]
    lines = [HEADER, *(f"WALLET,F{number},S1,MEAL,{NOTE},1.00," for number in range(700))]
    lines += [chance.choice(kinds).format(n=number) for number in range(4_000)]
    text = "".join(line + (end if chance.random() < 0.9 else "\n") for line in lines)
    if seed % 3 == 0:
        text = f"sep=,{end}{text}"
    if seed % 4 == 0:
        text = text.rstrip("\r\n")
    content = text.encode("latin-1" if seed == 5 else "utf-8")
    in_two = told_in_two(check_charge_file, content, chance.choice([700, 5_000, 65_536]))
    assert in_two == told(check_charge_file([content], RULES))


def test_line_ends_that_change_at_the_cut_are_told_of() -> None:
    """Each half has line ends of one kind, and the file has two."""
    rows = [HEADER, *(f"WALLET,F{number},S1,MEAL,{NOTE},1.00," for number in range(1500))]
    above = changed_at = len(rows) // 2
    content = b""
    for _ in range(9):  # each change of line ends moves the middle a little less
        ends = ["\n"] * above + ["\r\n"] * (len(rows) - above)
        content = "".join(map(str.__add__, rows, ends)).encode()
        changed_at, above = above, stretches_of(content)[1].lines_above
    assert changed_at == above
    in_one = told(check_charge_file([content], RULES))
    assert isinstance(in_one, tuple)
    assert [(found.code, found.row) for found in in_one[1]] == [(Code.LINE_ENDS_MIXED, above + 1)]
    assert told_in_two(check_charge_file, content) == in_one


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"one line\n",
        b"no line end at all" * 100,
        b'a,b\n1,"2"\n' * 100,
        b"a,b\r1,2\r" * 100,
        b"a,b\r\n1,2\n3,4\r5,6\n" * 100,
        b"a,b\n" + b"\n" * 3_000_000,
        b"a,b\n" + b"x" * 3_000_000,
        b"a,b\n1,2\n" * 100 + b"\r",
    ],
    ids=[
        *("empty", "one line", "no line end", "quotes", "CR", "a CR", "blank lines", "long line"),
        "a CR at the end",
    ],
)
def test_what_cannot_be_cut_is_one_stretch(content: bytes) -> None:
    """A cut is made only where it can be seen that a row ends."""
    for block_bytes in (1_000, 1_001):
        assert stretches_of(content, block_bytes) == (Stretch(first_byte=0, end_byte=len(content)),)


def cut_of(content: bytes) -> tuple[Stretch, ...]:
    """Return what `stretches_of` is to return, found in another way."""
    middle = len(content) // 2
    ends = [at for at, byte in enumerate(content) if byte == 0x0A and at >= middle]
    for above, end in pairwise(ends):
        line = content[above + 1 : end].removesuffix(b"\r")
        if any(chr(byte).isalnum() for byte in line):
            rest = content[end + 1 :]
            return (
                Stretch(first_byte=0, end_byte=end + 1),
                Stretch(
                    first_byte=end + 1,
                    end_byte=len(content),
                    lines_above=content.count(b"\n") - rest.count(b"\n"),
                    line_above=line,
                ),
            )
    return (Stretch(first_byte=0, end_byte=len(content)),)


@given(
    st.lists(st.sampled_from([b"a,b\n", b"c\r\n", b",,\n", b"\n", b"\r\n", b"-"]), max_size=12),
    st.integers(1, 9),
)
@example([b"a,b\n"] * 20 + [b"-", b"\n"], 1_000)  # the middle is a line end
@example([b"a,b\n", b"\n"] * 20, 1_000)
def test_a_cut_is_where_the_middle_is_however_the_bytes_come(
    lines: list[bytes], block_bytes: int
) -> None:
    """Line ends are counted as they stand in the file, also where two blocks meet in one."""
    content = b"".join(lines)
    assert stretches_of(content, block_bytes) == cut_of(content)


def test_a_line_end_that_is_cut_in_two_is_looked_at_whole() -> None:
    """A CR alone ends a line here, and nobody counts lines by it."""
    survey = Survey(8, RULES.encoding)
    for block in (b"a\nb\r", b"c\nd", b"\ne\nf\n"):
        survey.take(block)
    assert len(survey.stretches()) == 1


def test_a_cut_is_looked_for_in_a_mebibyte_beyond_the_middle() -> None:
    """A longer line is refused anyhow, and nothing is kept of it in memory."""
    for beyond, stretches in ((REACH_BYTES, 2), (REACH_BYTES + 1, 1)):
        survey = Survey(0, RULES.encoding)
        for block in (b"x" * beyond, b"\nb\nc\n"):
            survey.take(block)
        assert len(survey.stretches()) == stretches
    assert len(stretches_of(b"a,b\n" * REACH_BYTES, 4 * REACH_BYTES)) == 2


def test_only_encodings_whose_line_ends_are_line_ends_are_cut() -> None:
    """A byte of a character that is written with several is never taken for a line end."""
    assert [can_be_cut(name) for name in ("utf-8", "windows-1252", "latin-1", "ascii")] == [
        True
    ] * 4
    assert [can_be_cut(name) for name in ("shift_jis", "gb18030", "iso2022_jp")] == [False] * 3
