"""A misspelt amount or time is never ignored: it would be another price, or another day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_lowercase

import pytest

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.formats.kinds.student_billing import AMOUNT, TRANSACTION_OCCURRED_TIME, ChargeRow
from ingestd.formats.layout.header import MISTAKES_MAX
from ingestd.formats.layout.misspelt import may_be
from tests.judging import check_charge_file, check_refund_file
from tests.verdicts import RULES

MANDATORY = "account_type,charge_tracking_id,student_id,billing_code"
ROW = "LIABILITY,T-{n},00042,LOST_BOOK"


def judged(
    label: str, values: Sequence[str], *, ignored: tuple[str, ...] = (), decimals: int = 2
) -> RowBatch[ChargeRow]:
    """Return the verdict on a file with one more column than the mandatory ones."""
    rows = "".join(f"{ROW.format(n=n)},{value}\n" for n, value in enumerate(values))
    content = f"{MANDATORY},{label}\n{rows}".encode()
    rules = replace(RULES, ignore_columns=ignored, decimals=decimals)
    [batch] = check_charge_file([content], rules)
    return batch


def refusals_of(content: bytes) -> list[Finding]:
    """Return why a file is refused."""
    [batch] = check_charge_file([content], RULES)
    assert batch.is_refused
    return [finding for finding in batch.findings if finding.verdict is Verdict.FILE]


def slips_of(word: str) -> set[str]:
    """Return every text that is one letter away from a word: more, less, another, or swapped."""
    places = range(len(word) + 1)
    more = {word[:at] + letter + word[at:] for at in places for letter in ascii_lowercase}
    other = {word[:at] + letter + word[at + 1 :] for at in places for letter in ascii_lowercase}
    less = {word[:at] + word[at + 1 :] for at in places}
    swapped = {word[:at] + word[at : at + 2][::-1] + word[at + 2 :] for at in places}
    return more | other | less | swapped


@pytest.mark.parametrize(
    "label",
    [
        *("Amount ($)", "AMT", "Unit Price", "fees", "Total-Cost", "Charge_Amount", "Value", "Due"),
        *(
            "balance",
            "amuont",
            "Ammount",
            "ámount",
            "\uff21\uff4d\uff4f\uff55\uff4e\uff54",
            "a m o u n t",
            "#amount#",
        ),
        *("Date", "posted_on", "TimeStamp", "When?", "timestmap", "ocurred", "transaction_time"),
    ],
)
def test_a_column_that_may_be_an_absent_one_refuses_the_file(label: str) -> None:
    """A charge of 15.00 that becomes the catalog's 250.00 is found before it is billed."""
    batch = judged(label, ["East"])
    refusals = [finding for finding in batch.findings if finding.code is Code.INCORRECT_LABEL]
    assert [finding.column for finding in refusals] == [label]
    assert batch.is_refused
    assert "ignore_columns" in refusals[0].message
    assert "Name it " in refusals[0].message


@pytest.mark.parametrize(
    "label", ["school", "grade", "homeroom", "Notes", "nota", "comment", "teacher", "isbn", "qty"]
)
def test_another_column_is_ignored_with_a_warning(label: str) -> None:
    """A column that somebody added to an export stops nobody's billing."""
    batch = judged(label, ["East", "3", ""])
    assert [(f.code, f.column) for f in batch.findings] == [
        (Code.EXTRA_LABEL, label),
        (Code.CATALOG_PRICES_USED, "amount"),
    ]
    assert len(batch.rows) == 3
    assert "catalog prices were used" in batch.findings[1].message


@pytest.mark.parametrize("word", [AMOUNT.name, *AMOUNT.known_as])
def test_every_slip_of_one_letter_is_found(word: str) -> None:
    """Whichever key was hit beside the right one."""
    assert all(may_be(slip, AMOUNT) for slip in slips_of(word))


def test_two_slips_are_found_in_a_long_name() -> None:
    """A long name has room for two."""
    name = TRANSACTION_OCCURRED_TIME.name
    for word in ("transcation_ocurred_time", "transaction_occured_tim", "timestmp", "timmestap"):
        assert may_be(word, TRANSACTION_OCCURRED_TIME), word
    stem = name.replace("_", "").replace("time", "tyme").replace("occurred", "ocurred")
    assert may_be(stem, TRANSACTION_OCCURRED_TIME)
    for word in ("occxrrxd", "cocurrxd", "occurrde"):
        assert may_be(word, TRANSACTION_OCCURRED_TIME), word
    assert not may_be("oxcxrrxd", TRANSACTION_OCCURRED_TIME)
    assert not may_be("amuonz", AMOUNT)


@pytest.mark.parametrize(
    ("values", "is_amount"),
    [
        (["15.00"], True),
        (["$15.00", "1,250.00", "", "NULL", " 3.25 ", "-4.10", "(5.00)", "7,50", "USD 1.00"], True),
        (["15.00"] * 100 + ["many"], True),
        (["15.00", "many"], False),
        (["15.0"], False),
        (["15"], False),
        (["1.2.26"], False),
        (["01.02.26"], False),
        (["", "null"], False),
        ([], False),
    ],
)
def test_a_column_of_amounts_is_known_by_its_values(values: list[str], is_amount: bool) -> None:
    """What a column is called in another language does not matter."""
    batch = judged("betrag", [f'"{value}"' for value in values])
    assert batch.is_refused == is_amount


@pytest.mark.parametrize(
    ("decimals", "value", "is_amount"),
    [
        (0, "15.00", True),
        (0, "15.", False),
        (0, "15", False),
        (2, "15.000", False),
        (3, "15.000", True),
        (3, "15.00", True),
        (3, "15.0000", False),
    ],
)
def test_amounts_are_known_in_the_decimals_of_their_currency(
    decimals: int, value: str, is_amount: bool
) -> None:
    """A dinar has a thousand fils, and an export may write cents of a yen."""
    assert judged("betrag", [value], decimals=decimals).is_refused == is_amount


def test_a_row_that_ends_early_says_nothing_of_a_column() -> None:
    """One broken row hides no column of amounts."""
    row = ROW.format(n=1)
    content = f"{MANDATORY},betrag\n{row}\n{row},15.00\n".encode()
    assert [finding.value for finding in refusals_of(content)] == ["betrag"]


def test_every_such_column_is_told_and_by_what_it_was_known() -> None:
    """Whoever corrects a header does so once."""
    row = ROW.format(n=1)
    content = f"{MANDATORY},betrag,wann,prize\n{row},15.00,2026-03-02 14:38,x\n".encode()
    known_by = {"betrag": "values", "wann": "values", "prize": "name"}
    for finding, (label, how) in zip(refusals_of(content), known_by.items(), strict=True):
        assert (finding.column, finding.value) == (label, label)
        assert f"and by its {how} this may be it" in finding.message


def test_of_very_many_such_columns_a_hundred_are_told() -> None:
    """A header that was broken by a program fills no receipt."""
    labels = [f"amount {letter}{other}" for letter in ascii_lowercase for other in "abcdef"]
    row = f"{ROW.format(n=1)}{',x' * len(labels)}"
    assert len(refusals_of(f"{MANDATORY},{','.join(labels)}\n{row}\n".encode())) == MISTAKES_MAX


@pytest.mark.parametrize(
    ("value", "is_time"),
    [
        ("2026-03-02T14:38:02Z", True),
        ("2026-03-02 14:38", True),
        ("3/2/2026 2:38 PM", True),
        ("02.03.2026 14:38:02", True),
        ("Mar 2, 2026 14:38", True),
        ("20260302T143802Z", True),
        ("Tue Sep 1 2026 10:00", True),
        ("Tuesday, 1 September 2026 10:00", True),
        ("01.09.2026 10.00", True),
        ("9/1/2026 10 AM", True),
        ("9/1/2026 10", False),
        ("2026-03-02", False),
        ("14:38", False),
        ("P2: 14-15", False),
    ],
)
def test_a_column_of_times_is_known_by_its_values(value: str, is_time: bool) -> None:
    """A charge is not dated to the night of its upload because of a label."""
    assert judged("wann", [f'"{value}"', '""']).is_refused == is_time


def test_a_comma_too_many_on_every_row_breaks_no_header() -> None:
    """Some exports end each line with a comma; the first note may spell a column's name."""
    content = f"note,{MANDATORY},amount,\nnote,{ROW},1.00,\nHoles,{ROW},1.00,\n".encode()
    [batch] = check_charge_file([content], RULES)
    assert not batch.is_refused
    assert len(batch.rows) == 2


def test_the_account_may_say_that_a_column_is_something_else() -> None:
    """An operator who knows the export is believed, however the label is written."""
    batch = judged("Balance  Due", ["15.00"], ignored=("other", "balance_due"))
    assert not batch.is_refused
    assert [f.code for f in batch.findings] == [Code.EXTRA_LABEL, Code.CATALOG_PRICES_USED]


def test_a_refund_file_may_have_any_column_beside_its_own() -> None:
    """A refund has no amount and no time: it takes the whole charge back, today."""
    content = b"charge_tracking_id,amount,refund date\nT-1,15.00,2026-03-02 14:38\n"
    [batch] = check_refund_file([content], RULES)
    assert [f.code for f in batch.findings] == [Code.EXTRA_LABEL] * 2
    assert len(batch.rows) == 1
