"""Values as they are judged one by one: what they mean, and what is said of the others."""

from __future__ import annotations

import re
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.formats.findings.codes import Code, shorten
from ingestd.formats.judging.amounts import AmountJudge, MoneyJudge, is_complete_amount
from ingestd.formats.judging.judged import Judgements, Problem
from ingestd.formats.names import NAME_BYTES_MAX, is_possible, is_temporary
from ingestd.formats.rows.contents import hash_contents
from ingestd.formats.rows.turned import TurnedRows, columns_of, join_rows

DECIMALS = range(5)


def written(minor_units: int, decimals: int) -> str:
    """Return an amount with all the decimals of its currency."""
    whole, fraction = divmod(minor_units, 10**decimals)
    return f"{whole}.{fraction:0{decimals}}" if decimals else str(whole)


@pytest.mark.parametrize("decimals", DECIMALS)
@given(data=st.data())
def test_an_amount_is_its_minor_units_however_it_is_written(
    decimals: int, data: st.DataObject
) -> None:
    """Not a cent is gained or lost between the file and the ledger, in any currency."""
    minor_units = data.draw(st.integers(0, 10 ** (10 + decimals) - 1))
    judge = AmountJudge(decimals)
    text = written(minor_units, decimals)
    assert judge(text) == minor_units
    shortest = text.rstrip("0").rstrip(".") if decimals else text
    assert judge(shortest) == minor_units
    assert judge("") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-1", Code.AMOUNT_NEGATIVE),
        ("-0.01", Code.AMOUNT_NEGATIVE),
        ("-12345678901", Code.AMOUNT_NEGATIVE),
        ("-0", Code.AMOUNT_INVALID),
        ("-0.00", Code.AMOUNT_INVALID),
        ("-", Code.AMOUNT_INVALID),
        ("--1", Code.AMOUNT_INVALID),
        ("12345678901", Code.AMOUNT_TOO_LARGE),
        ("12345678901.25", Code.AMOUNT_TOO_LARGE),
        ("12345678901.255", Code.AMOUNT_INVALID),
        ("12345678901.", Code.AMOUNT_INVALID),
        ("12345678901x", Code.AMOUNT_INVALID),
        ("1.255", Code.AMOUNT_INVALID),
        ("1.", Code.AMOUNT_INVALID),
        (".5", Code.AMOUNT_INVALID),
        ("1,50", Code.AMOUNT_INVALID),
        ("1 000", Code.AMOUNT_INVALID),
        ("+1", Code.AMOUNT_INVALID),
        ("١", Code.AMOUNT_INVALID),
    ],
)
def test_what_is_no_amount_is_never_guessed(text: str, code: Code) -> None:
    """A comma may mean thousands or cents: only the sender knows."""
    problem = AmountJudge(2)(text)
    assert isinstance(problem, Problem)
    assert problem.code is code
    assert problem.clean is None


@pytest.mark.parametrize(
    ("decimals", "words"),
    [(0, "without decimals"), (1, "one decimal"), (2, "two decimals"), (4, "4 decimals")],
)
def test_an_amount_written_as_the_finding_says_is_taken(decimals: int, words: str) -> None:
    """Whoever does as told is not told again."""
    judge = AmountJudge(decimals)
    problem = judge("x")
    assert isinstance(problem, Problem)
    assert words in problem.message
    example = re.search(r"such as (\S+)\.$", problem.message)
    assert example is not None
    assert judge(example[1]) == 100 * 10**decimals


@pytest.mark.parametrize(
    ("text", "decimals", "complete"),
    [
        ("5.0", 1, True),
        ("5.00", 2, True),
        ("12345678901.0000", 4, True),
        ("5.0", 2, False),
        ("5.", 0, False),
        ("5", 0, False),
        ("5", 1, False),
        ("-5.00", 2, False),
        ("x.00", 2, False),
    ],
)
def test_an_amount_with_all_its_decimals_was_not_cut_off(
    text: str, decimals: int, complete: bool
) -> None:
    """Of a file that ends with 5.0, nobody knows whether it was to be 5.00 or 5.05."""
    assert is_complete_amount(text, decimals) == complete


def test_the_largest_amount_is_told() -> None:
    """A number that is too long was mistyped, or meant for another field."""
    problem = AmountJudge(2)("12345678901")
    assert isinstance(problem, Problem)
    assert "10 digits" in problem.message


@pytest.mark.parametrize(
    ("decimals", "largest", "whole_digits"), [(2, "99999999.99", 8), (0, "9999999999", 10)]
)
def test_money_has_ten_digits_in_all(decimals: int, largest: str, whole_digits: int) -> None:
    """What the provider's own system cannot hold was never paid."""
    judge = MoneyJudge(decimals, must_be_positive=True)
    assert judge(f" {largest} ") == 10**10 - 1
    problem = judge("1" + "0" * whole_digits)
    assert isinstance(problem, Problem)
    assert problem.code in {Code.AMOUNT_TOO_LARGE, Code.AMOUNT_INVALID}
    assert f"{whole_digits} digits" in problem.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.VALUE_MISSING),
        ("  ", Code.VALUE_MISSING),
        ("-5.00", Code.AMOUNT_NEGATIVE),
        ("0.00", Code.AMOUNT_NOT_POSITIVE),
        ("5,00", Code.AMOUNT_INVALID),
        ("\t5", Code.AMOUNT_INVALID),
        ("X5.00X", Code.AMOUNT_INVALID),
    ],
)
def test_money_that_was_not_paid_is_no_payment(text: str, code: Code) -> None:
    """A provider is told what its file lacks in words about payments."""
    problem = MoneyJudge(2, must_be_positive=True)(text)
    assert isinstance(problem, Problem)
    assert problem.code is code
    assert "refund file" not in problem.message
    assert re.fullmatch(r"[A-Z].*\.", problem.message)


def test_a_part_of_a_payment_may_be_nothing() -> None:
    """A fee payment without a service charge has a zero there."""
    judge = MoneyJudge(2, must_be_positive=False)
    assert (judge("0.00"), judge("0"), judge("0.01")) == (0, 0, 1)
    assert MoneyJudge(2, must_be_positive=True)("0.01") == 1


def test_a_look_at_a_column_tells_whether_anything_was_wrong_in_it() -> None:
    """A bad text that is met again is as bad as at first, and a good one never is."""
    judgements = Judgements(AmountJudge(2))
    assert not judgements.has_problems
    for texts, values in ((["1.00", "1.00"], [100, 100]), (["2.00", ""], [200, None])):
        assert judgements.of(texts) == values
        assert not judgements.has_problems
    for _ in range(2):
        good, bad = judgements.of(["1.00", "x"])
        assert (good, isinstance(bad, Problem), judgements.has_problems) == (100, True, True)
        judgements.has_problems = False


def test_a_content_has_the_same_hash_in_every_release() -> None:
    """Every row that was ever taken is compared with it: another hash would be a conflict."""
    assert [content.hex() for content in hash_contents(["T-1", "T-2"], ["é", ""])] == [
        "1d77a851a976633250cfe8ab77fa80f1",
        "5d548937cb13ce753f1ac8d96e34d486",
    ]


# No accepted field holds a NUL.
FIELDS = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=3)


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=5))
def test_contents_are_the_same_exactly_when_every_field_is(rows: list[tuple[str, str]]) -> None:
    """What moves from one field to the next is another content."""
    hashes = hash_contents([first for first, _ in rows], [second for _, second in rows])
    assert len(hashes) == len(rows)
    for (one, row), (other, other_row) in product(zip(hashes, rows, strict=True), repeat=2):
        assert (one == other) == (row == other_row)


class Pair(NamedTuple):
    number: int
    text: str


@given(st.lists(st.builds(Pair, st.integers(), st.text(max_size=2)), max_size=6), st.data())
def test_rows_kept_as_columns_are_the_same_rows(rows: list[Pair], data: st.DataObject) -> None:
    """How a file is held in memory changes nothing in it."""
    columns: list[list[Any]] = [[row.number for row in rows], [row.text for row in rows]]
    turned = TurnedRows(Pair, columns)
    assert (len(turned), list(turned)) == (len(rows), rows)
    assert all(isinstance(row, Pair) for row in turned)
    assert columns_of(turned) is columns
    assert turned == rows
    assert turned != [*rows, Pair(1, "a")]
    for part in (turned, rows):
        joined = join_rows([turned, part])
        assert joined == rows + rows
        assert isinstance(joined, TurnedRows) == (part is turned)
    assert list(map(list, columns_of(rows))) == (columns if rows else [])
    cut = data.draw(st.slices(len(rows)))
    assert list(turned[cut]) == rows[cut]


def test_without_columns_there_are_no_rows() -> None:
    """An empty file is judged like any other."""
    assert len(TurnedRows(Pair, [])) == 0


def test_columns_of_unequal_length_are_no_rows() -> None:
    """A value is never paired with another row's."""
    with pytest.raises(ValueError, match=r"shorter|longer"):
        TurnedRows(Pair, [[1, 2], ["a"]])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        columns_of([Pair(1, "a"), (2,)])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        hash_contents(["a", "b"], ["c"])


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("a", True),
        ("..a", True),
        ("é" * 127 + "x", True),
        ("é" * 128, False),
        ("x" * (NAME_BYTES_MAX + 1), False),
        ("\udce9" * NAME_BYTES_MAX, True),
        ("", False),
        (".", False),
        ("..", False),
        ("a/b", False),
        ("/", False),
        ("a\0", False),
    ],
)
def test_a_file_name_is_one_name_that_the_file_system_can_hold(name: str, possible: bool) -> None:
    """A name that leads elsewhere, or nowhere, is never opened."""
    assert is_possible(name) == possible


@pytest.mark.parametrize(
    ("name", "temporary"),
    [
        *((f"a.csv.{ending}", True) for ending in ("filepart", "part", "partial", "tmp", "TMP")),
        (".in.a.csv", True),
        (".", True),
        ("a\n.csv.part", True),
        ("a.csv", False),
        ("part", False),
        ("a.part.csv", False),
        ("a.parts", False),
    ],
)
def test_names_of_unfinished_files_are_known(name: str, temporary: bool) -> None:
    """Half a file is never billed, whichever client sends it."""
    assert is_temporary(name) == temporary


def test_a_value_is_shown_whole_up_to_a_hundred_characters() -> None:
    """A receipt is read by people."""
    assert shorten("x" * 100) == "x" * 100
    assert shorten("x" * 101) == "x" * 99 + "…"
