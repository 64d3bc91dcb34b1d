"""What becomes of a good row: clean values, instants, and the hash of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.judging.texts import fold_key
from ingestd.formats.kinds.student_billing import ChargeRow
from ingestd.formats.rules import FileRules
from ingestd.values.clock import from_microseconds
from tests.judging import check_charge_file

CHICAGO = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)
HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,transaction_occurred_time"
)


def rows_of(*lines: str, rules: FileRules = CHICAGO) -> list[ChargeRow]:
    content = "".join(f"{line}\n" for line in (HEADER, *lines)).encode()
    return [row for batch in check_charge_file([content], rules) for row in batch.rows]


def charge(**changes: str) -> str:
    fields = {
        "account_type": "WALLET",
        "charge_tracking_id": "T-1",
        "student_id": "00042",
        "billing_code": "MEAL",
        "note": "soup",
        "amount": "5.00",
        "time": "2026-03-02T14:38:02Z",
    }
    return ",".join((fields | changes).values())


def hash_of(changes: Mapping[str, str] = MappingProxyType({}), rules: FileRules = CHICAGO) -> bytes:
    (row,) = rows_of(charge(**changes), rules=rules)
    return row.content_hash


def instant_of(time: str, rules: FileRules = CHICAGO) -> datetime:
    (row,) = rows_of(charge(time=time), rules=rules)
    assert row.occurred_at_us is not None
    return from_microseconds(row.occurred_at_us)


def test_good_row_comes_out_clean() -> None:
    """The ledger is handed what it stores, ready to insert."""
    (row,) = rows_of(" liability,T-1 ,00042,LOST_BOOK,Pen\u0303a,5.5,2026-03-02T08:38:02.5-06:00")
    assert row[:-1] == (
        2,
        2,
        "LIABILITY",
        "T-1",
        "00042",
        "LOST_BOOK",
        "Peña",
        550,
        1_772_462_282_500_000,
    )
    assert len(row.content_hash) == 16
    assert isinstance(row, ChargeRow)


def test_what_is_optional_may_be_empty() -> None:
    """An empty amount asks for the price; an empty time and note say nothing."""
    (row,) = rows_of(charge(note="", amount="", time=""))
    assert (row.note, row.amount_cents, row.occurred_at_us) == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "5"},
        {"amount": "05.0"},
        {"account_type": " wallet "},
        {"student_id": " 00042"},
        {"note": " soup  "},
        {"amount": "  5.00"},
        {"time": "2026-03-02T14:38:02Z "},
        {"time": "2026-03-02t14:38:02z"},
        {"time": "2026-03-02 08:38:02.000-06:00"},
    ],
)
def test_same_charge_written_otherwise_has_the_same_content(changes: dict[str, str]) -> None:
    """A school that reformats its export is not told of conflicts."""
    assert hash_of(changes) == hash_of()


@pytest.mark.parametrize(
    "changes",
    [
        {"account_type": "LIABILITY"},
        {"charge_tracking_id": "t-1"},
        {"student_id": "42"},
        {"billing_code": "MEAL2"},
        {"note": "Soup"},
        {"note": ""},
        {"note": "so up"},
        {"note": "soup\u00a0"},
        {"amount": "5.01"},
        {"amount": ""},
        {"time": "2026-03-02T14:38:02.000001Z"},
        {"time": "2026-03-02T14:38:02"},
        {"time": ""},
        {"billing_code": "MEALs", "note": "oup"},
    ],
)
def test_another_charge_has_another_content(changes: dict[str, str]) -> None:
    """A changed charge under an old key is reported, not lost as a duplicate."""
    assert hash_of(changes) != hash_of()


def test_a_column_that_is_left_out_is_one_that_is_empty() -> None:
    """An export that loses its empty columns is no conflict with the one before it."""
    header, mandatory = (line.rsplit(",", 3)[0] for line in (HEADER, charge()))
    (batch,) = check_charge_file([f"{header}\n{mandatory}\n".encode()], CHICAGO)
    assert list(batch.rows) == rows_of(charge(note="", amount="", time=""))


def test_content_does_not_depend_on_the_rows_around_it() -> None:
    """A row judged alone and a row judged among odd ones are the same charge."""
    odd = charge(charge_tracking_id="T-2", note="a\tb", time="2026-03-02T14:38:02")
    first, _ = rows_of(charge(), odd)
    assert first.content_hash == hash_of()


def test_corrected_time_zone_makes_no_conflict() -> None:
    """An account whose time zone was wrong can send its old files again."""
    new_york = replace(CHICAGO, timezone=ZoneInfo("America/New_York"))
    for time in ("2026-03-02T14:38:02", "2026-03-02"):
        assert hash_of({"time": time}) == hash_of({"time": time}, new_york)
        assert instant_of(time) != instant_of(time, new_york)


@pytest.mark.parametrize(
    ("time", "instant"),
    [
        ("2026-03-02", "2026-03-02T06:00:00Z"),
        ("2026-07-02", "2026-07-02T05:00:00Z"),
        ("2026-07-02T12:00:00", "2026-07-02T17:00:00Z"),
        ("2026-07-02T12:00:00.000001", "2026-07-02T17:00:00.000001Z"),
        ("2026-03-02T00:00:00+05:30", "2026-03-01T18:30:00Z"),
        ("2025-11-02T01:30:00", "2025-11-02T06:30:00Z"),
        ("2026-03-08T03:00:00", "2026-03-08T08:00:00Z"),
    ],
)
def test_time_becomes_its_instant(time: str, instant: str) -> None:
    """Aging and prices go by when a charge occurred, to the microsecond."""
    assert instant_of(time) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Santiago", "2025-09-07"),
        ("America/Sao_Paulo", "2018-11-04"),
        ("America/Havana", "2024-03-10"),
        ("Africa/Cairo", "2024-04-26"),
        ("Asia/Beirut", "2024-03-31"),
        ("Asia/Amman", "2014-03-28"),
        ("Pacific/Apia", "2011-12-31"),
        ("America/Havana", "2024-11-03"),
        ("America/Chicago", "2026-03-08"),
        ("America/Chicago", "2025-11-02"),
    ],
)
def test_a_day_starts_with_its_first_instant_whatever_the_clocks_do(zone: str, day: str) -> None:
    """A bare date is a day; where its midnight is left out, it starts with the change."""
    timezone = ZoneInfo(zone)
    start = instant_of(day, replace(CHICAGO, timezone=timezone))
    before = start - timedelta(microseconds=1)
    assert start.astimezone(timezone).date().isoformat() == day
    assert before.astimezone(timezone).date().isoformat() < day


@pytest.mark.parametrize(("decimals", "cents"), [(0, 5), (2, 500), (3, 5000)])
def test_amount_is_in_the_currency_s_minor_units(decimals: int, cents: int) -> None:
    """Five yen are five, five dollars are five hundred cents."""
    (row,) = rows_of(charge(amount="5"), rules=replace(CHICAGO, decimals=decimals))
    assert row.amount_cents == cents


def test_amount_finding_reads_as_the_contract_has_it() -> None:
    """Scripts of districts match on this finding, to the letter."""
    content = f"{HEADER}\n{charge(amount='1E+2')}\n".encode()
    (batch,) = check_charge_file([content], CHICAGO)
    (finding,) = batch.findings
    assert (finding.code, finding.verdict) == (Code.AMOUNT_INVALID, Verdict.ROW)
    assert (finding.row, finding.line, finding.column) == (2, 2, "amount")
    assert finding.value == "1E+2"
    expected = "Write the amount as digits with up to two decimals, such as 100.00."
    assert finding.message == expected


def test_a_last_row_that_ends_in_a_column_of_nobodys_may_be_cut_off() -> None:
    """Of a column that the format does not know, nobody knows what is whole."""
    content = f"{HEADER},school\n{charge()},East".encode()
    (batch,) = check_charge_file([content], CHICAGO)
    assert [f.code for f in batch.findings] == [Code.EXTRA_LABEL, Code.LAST_ROW_UNTERMINATED]


@pytest.mark.parametrize(
    ("row", "key", "party"),
    [
        ("WALLET,T-1,00042,MEAL,,x,", "T-1", "00042"),
        ("WALLET, T-1 ,\t42,MEAL,,x,", "T-1", "\t42"),
        ("WALLET,XT-1X,X,MEAL,,x,", "XT-1X", "X"),
        ("WALLET,,  ,MEAL,,x,", None, None),
        ("WALLET,T-1,00042,MEAL", "T-1", "00042"),
        ("WALLET,T-1", "T-1", None),
        ("WALLET,T-1,00042,MEAL,a,b,5,", "T-1", "00042"),
    ],
)
def test_a_rejected_row_is_named_as_it_is_written(
    row: str, key: str | None, party: str | None
) -> None:
    """People look a row up in their own system by its key and its student, not by its number."""
    content = f"{HEADER}\n{charge()}\n{row}\n".encode()
    (batch,) = check_charge_file([content], CHICAGO)
    assert batch.rejected_names == [(3, key, party)]


def test_every_rejected_row_of_a_batch_is_named() -> None:
    """However a file is cut, none of its rows is lost to whoever looks it up."""
    short, bad = "WALLET,T-1,00042", charge(charge_tracking_id="T-2", amount="x")
    lines = [HEADER, short, bad, *[charge(note="n" * 200)] * 400, bad, short]
    (batch,) = check_charge_file(["".join(f"{line}\n" for line in lines).encode()], CHICAGO)
    named = [(2, "T-1"), (3, "T-2"), (404, "T-2"), (405, "T-1")]
    assert sorted((name.row, name.key) for name in batch.rejected_names) == named
    assert batch.rejected == [(row, row) for row, _ in named]


@pytest.mark.parametrize(("column", "length_max"), [("note", 255), ("student_id", 64)])
def test_how_long_a_value_may_be_is_told(column: str, length_max: int) -> None:
    """Whoever shortens it does so once."""
    row = charge(**{column: "x" * (length_max + 1)})
    (batch,) = check_charge_file([f"{HEADER}\n{row}\n".encode()], CHICAGO)
    (finding,) = batch.findings
    assert finding.message == f"Shorten the value to at most {length_max} characters."
    assert rows_of(charge(**{column: "x" * length_max}))


@pytest.mark.parametrize("written", ["\tWALLET", "WALLET\u00a0", "XWALLETX"])
def test_only_spaces_around_a_word_mean_nothing(written: str) -> None:
    """What cannot be told from a space by looking at it is not guessed away."""
    assert rows_of(charge(account_type=written)) == []


def test_a_character_that_cannot_be_seen_is_named() -> None:
    """Its number and its name are what a search finds, and what an export can be rid of."""
    row = charge(student_id="4\u200b2")
    (batch,) = check_charge_file([f"{HEADER}\n{row}\n".encode()], CHICAGO)
    assert "holds U+200B (zero width space), which" in batch.findings[0].message


def test_batches_are_small_and_add_up() -> None:
    """A file of any size is judged in the memory of one batch."""
    lines = [
        charge(charge_tracking_id=f"T-{n}", amount="x" if n % 3 else "1") for n in range(30_000)
    ]
    content = "".join(f"{line}\n" for line in (HEADER, *lines)).encode()
    batches: list[RowBatch[ChargeRow]] = list(check_charge_file([content], CHICAGO))
    assert len(batches) > 2
    assert max(batch.records for batch in batches) < 20_000
    assert sum(batch.records for batch in batches) == 30_000
    assert sum(len(batch.rejected) for batch in batches) == 20_000
    places = [row.row for batch in batches for row in batch.rows]
    assert places == sorted(places)


@pytest.mark.parametrize("ending", ["\t", "X", "\u00a0", "x "])
def test_a_last_row_that_ends_in_anything_but_a_whole_value_may_be_cut_off(ending: str) -> None:
    """An amount is whole only where nothing follows that could have been the start of more."""
    header, row = "account_type,charge_tracking_id,student_id,billing_code,amount", "WALLET,T-1,1,M"
    for text, code in ((f"5.00{ending}", Code.LAST_ROW_UNTERMINATED), ("5.00 ", None)):
        (batch,) = check_charge_file([f"{header}\n{row},{text}".encode()], CHICAGO)
        rejecting = {found.code for found in batch.findings if found.verdict is Verdict.ROW}
        assert rejecting == ({code} if code else set())
        assert len(batch.rows) == (0 if code else 1)


@pytest.mark.parametrize("other", ["t-1", "Ｔ-1", "T-１"])
def test_keys_that_differ_by_case_or_width_fold_to_the_same(other: str) -> None:
    """A school that writes one charge's key in two ways is warned before it bills twice."""
    assert fold_key(other) == fold_key("T-1")
    assert fold_key("T-2") != fold_key("T-1")
