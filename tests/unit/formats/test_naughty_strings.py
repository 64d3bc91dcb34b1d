"""Strange strings, of every kind that broke a program, in every column of a charge file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import pytest

from ingestd.formats.findings.codes import VALUE_CHARACTERS_MAX, Code, Finding, Verdict
from ingestd.formats.kinds.student_billing import ChargeRow
from tests.verdicts import (
    COLUMNS,
    EVERYWHERE,
    NAUGHTY_STRINGS,
    READABLE_STRINGS,
    WHERE_NEEDED,
    Quoting,
    assert_adds_up,
    charge_file,
    checked,
    findings_of,
    good_fields,
    is_refused,
    rows_of,
)

pytestmark = pytest.mark.thorough

AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
AMOUNT_CODES = {Code.AMOUNT_INVALID, Code.AMOUNT_NEGATIVE, Code.AMOUNT_TOO_LARGE}
DIGITS = re.compile(r"[0-9]+(\.[0-9]+)?")
SPOILT_BY_SPREADSHEET = re.compile(
    r"""=".*|'.*|[0-9]([.,][0-9]+)?[Ee]\+[0-9]+|#(REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)|.*####.*"""
)
# Where NULL is a database's word for nothing, and something must be there.
MISSING_AS_NULL = {"charge_tracking_id", "student_id"}
TIME_CODES = {Code.TIME_INVALID, Code.TIME_TOO_OLD, Code.TIME_IN_FUTURE}

# Control and format characters, and all spaces but the plain one. A combining grapheme joiner,
# a blank Braille pattern, a Hangul filler and a variation selector show nothing either. Some format
# characters do show: signs that enclose numbers, and what joins Egyptian hieroglyphs.
UNSEEN_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Zs"}
UNSEEN_NAMES = re.compile(
    "COMBINING GRAPHEME JOINER|BRAILLE PATTERN BLANK|.*FILLER|.*VARIATION SELECTOR.*"
)
SEEN_FORMATS = re.compile(
    "ARABIC (NUMBER|FOOTNOTE|POUND|PIASTRE|DISPUTED).*|ARABIC SIGN S.*|ARABIC END OF AYAH"
    "|SYRIAC ABBREVIATION MARK|KAITHI NUMBER SIGN.*|EGYPTIAN HIEROGLYPH .*"
)


class Answer(NamedTuple):
    """What a row got that has a naughty string in one column."""

    string: str
    row: ChargeRow | None
    findings: list[Finding]

    @property
    def rejecting(self) -> set[tuple[Code, str | None]]:
        return {(f.code, f.column) for f in self.findings if f.verdict is Verdict.ROW}


def file_with(string: str, column: str, quoting: Quoting = WHERE_NEEDED) -> bytes:
    """Return a charge file of three rows, the second of which has the string in a column."""
    odd = good_fields("T-2", **{column: string})
    return charge_file([good_fields("T-1"), odd, good_fields("T-3")], quoting=quoting)


def answers_in(column: str) -> Iterator[Answer]:
    """Yield what each string gets in a column, each in a file of its own."""
    for string in READABLE_STRINGS:
        batches = checked(file_with(string, column))
        row = next((row for row in rows_of(batches) if row.row == 3), None)
        yield Answer(string, row, findings_of(batches))


def clean(string: str) -> str:
    """Return an identifier as the rules write it."""
    return unicodedata.normalize("NFC", string.strip(" "))


def is_padded(string: str) -> bool:
    return string != string.strip(" ")


def is_unseen(character: str) -> bool:
    if character == " ":
        return False
    name = unicodedata.name(character, "")
    category = unicodedata.category(character)
    if UNSEEN_NAMES.fullmatch(name):
        return True
    return category in UNSEEN_CATEGORIES and not SEEN_FORMATS.fullmatch(name)


def expected_of_identifier(string: str, column: str) -> Code | None:
    """Return why a string is no identifier, by the rules as they are written."""
    identifier = clean(string)
    if not identifier or (column in MISSING_AS_NULL and identifier.lower() == "null"):
        return Code.VALUE_MISSING
    if any(map(is_unseen, identifier)) or {"\ufffd", "\ufffe"} & set(identifier):
        return Code.IDENTIFIER_CHARACTER
    if len(identifier) > 64:
        return Code.VALUE_TOO_LONG
    if SPOILT_BY_SPREADSHEET.fullmatch(identifier):
        return Code.CHANGED_BY_SPREADSHEET
    return None


def test_there_are_strings_of_every_kind() -> None:
    """With an empty list every test here would pass."""
    assert len(NAUGHTY_STRINGS) > 450
    assert len(set(NAUGHTY_STRINGS)) == len(NAUGHTY_STRINGS)
    for known in ("", "NULL", "1E+02", "0.00", "１２３", "田中さんにあげて下さい", "﷽", "\ufeff"):
        assert known in NAUGHTY_STRINGS


@pytest.mark.parametrize("quoting", [WHERE_NEEDED, EVERYWHERE], ids=["needed", "everywhere"])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_string_costs_its_own_row_at_most(column: str, quoting: Quoting) -> None:
    """Nothing that one child's row holds keeps another child's charge from being applied."""
    for string in READABLE_STRINGS:
        batches = checked(file_with(string, column, quoting))
        assert_adds_up(batches, string)
        assert not is_refused(batches), string
        assert sum(batch.records for batch in batches) == 3, string
        assert {2, 4} <= {row.row for row in rows_of(batches)}, string
        assert {finding.row for finding in findings_of(batches)} <= {3}, string


@pytest.mark.parametrize("column", COLUMNS)
def test_a_byte_order_mark_inside_a_line_is_a_character_that_cannot_be_seen(column: str) -> None:
    """A key that was copied from a web page costs its row, not the file."""
    for place, string in enumerate(("\ufeffX1", "X\ufeff1", "X1\ufeff")):
        batches = checked(file_with(string, column))
        codes = [(f.code, f.row, f.column) for f in findings_of(batches)]
        if place == 0 and column == COLUMNS[0]:  # as it stands where a file was joined to another
            assert codes == [(Code.BYTE_ORDER_MARK_INSIDE, 3, None)]
            assert is_refused(batches)
        elif column == "note":
            assert codes == [(Code.TEXT_CONTROL_CHARACTER, 3, column)]
            assert rows_of(batches)[1].note == string
        else:
            [(code, row, about)] = codes
            assert (row, about, is_refused(batches)) == (3, column, False)
            assert len(rows_of(batches)) == 2
            is_identifier = column.endswith(("_id", "_code"))
            assert (code is Code.IDENTIFIER_CHARACTER) == is_identifier


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block_bytes", [None, 1])
def test_a_byte_order_mark_at_the_start_of_a_later_line_refuses_the_file(
    line_end: str, block_bytes: int | None
) -> None:
    """Two files that were joined are not taken for one."""
    file = charge_file([good_fields("T-1")]).replace(b"\n", line_end.encode())
    batches = checked(file + b"\xef\xbb\xbf" + file, block_bytes=block_bytes)
    assert [(f.code, f.row, f.line) for f in findings_of(batches)] == [
        (Code.BYTE_ORDER_MARK_INSIDE, 3, 3)
    ]


def test_a_note_comes_out_as_it_was_put() -> None:
    """What a person wrote to parents reaches them to the letter."""
    for string, row, findings in answers_in("note"):
        note = clean(string)
        if len(note) > 255:
            assert row is None, string
            assert [(f.code, f.column) for f in findings] == [(Code.VALUE_TOO_LONG, "note")]
        else:
            assert row is not None, string
            assert row.note == (note or None)
            harmless = {Code.TEXT_CONTROL_CHARACTER, Code.TEXT_DAMAGED}
            assert {f.code for f in findings} - {Code.VALUE_TRIMMED} <= harmless, string
            assert (Code.VALUE_TRIMMED in {f.code for f in findings}) == is_padded(string)


def test_a_note_with_control_characters_is_pointed_out() -> None:
    """Text that is shown in another order than it was written can deceive."""
    for string, row, findings in answers_in("note"):
        controls = {c for c in string if unicodedata.category(c) == "Cc" or c in "\u202d\u202e"}
        # A note of several lines holds line breaks, and nothing to be told of.
        if controls - {"\r", "\n"} and row is not None:
            codes = {f.code for f in findings} - {Code.VALUE_TRIMMED}
            assert codes == {Code.TEXT_CONTROL_CHARACTER}, string


def test_only_plain_digits_are_an_amount() -> None:
    """No family is billed what a program guessed from `1E2`, `1,000.00` or `１２３`."""
    accepted = set()
    for answer in answers_in("amount"):
        string, row = answer.string.strip(" "), answer.row
        if not string:
            assert row is not None
            assert row.amount_cents is None
        elif AMOUNT.fullmatch(string):
            assert row is not None, string
            assert row.amount_cents == Decimal(string) * 100
            accepted.add(string)
        else:
            ((code, column),) = answer.rejecting
            assert (row, column) == (None, "amount"), string
            assert code in AMOUNT_CODES, string
            is_negative = string.startswith("-") and DIGITS.fullmatch(string[1:]) is not None
            is_less = is_negative and Decimal(string) < 0
            assert (code is Code.AMOUNT_NEGATIVE) == is_less, string
    assert {"0", "1.00", "01000"} <= accepted


def test_no_string_is_an_account_type() -> None:
    """A charge never lands in an account that its row does not name."""
    for answer in answers_in("account_type"):
        blank = not answer.string.strip(" ")
        code = Code.VALUE_MISSING if blank else Code.ACCOUNT_TYPE_INVALID
        assert answer.row is None, answer.string
        assert answer.rejecting == {(code, "account_type")}, answer.string


def test_no_string_is_a_time_and_an_empty_one_says_nothing() -> None:
    """A charge never falls due on a day that nobody wrote."""
    for answer in answers_in("transaction_occurred_time"):
        if answer.string.strip(" "):
            ((code, column),) = answer.rejecting
            assert code in TIME_CODES, answer.string
            assert (answer.row, column) == (None, "transaction_occurred_time"), answer.string
        else:
            assert answer.row is not None
            assert answer.row.occurred_at_us is None


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("charge_tracking_id", "tracking_id"),
        ("student_id", "student_id"),
        ("billing_code", "billing_code"),
    ],
)
def test_an_identifier_is_taken_to_the_letter_or_not_at_all(column: str, field: str) -> None:
    """Two keys that look the same are the same, and no key is changed on its way."""
    for answer in answers_in(column):
        string, row = answer.string, answer.row
        code = expected_of_identifier(string, column)
        if code is not None:
            assert row is None, string
            assert answer.rejecting == {(code, column)}, string
        else:
            assert row is not None, (string, answer.rejecting)
            assert getattr(row, field) == clean(string)
            trimmed = [Code.IDENTIFIER_TRIMMED] if is_padded(string) else []
            assert [f.code for f in answer.findings] == trimmed, string


@pytest.mark.parametrize("column", COLUMNS)
def test_findings_on_a_string_speak_to_people(column: str) -> None:
    """A finding is printed, logged by code and shown: it holds no more than fits on a line."""
    for string, _, findings in answers_in(column):
        for finding in findings:
            assert finding.message.endswith("."), string
            assert finding.message.isprintable(), string
            assert len(finding.value or "") <= VALUE_CHARACTERS_MAX, string
            assert (finding.row, finding.line, finding.column) == (3, 3, column), string


def test_all_strings_in_one_file_get_what_each_gets_alone() -> None:
    """A row is judged by what it holds, not by its neighbours, its quotes or its packets."""
    answers = [answer for column in COLUMNS for answer in answers_in(column)]
    rows = [
        good_fields("T-2", **{column: string}) for column in COLUMNS for string in READABLE_STRINGS
    ]
    content = charge_file(rows)
    (batch,) = checked(content)
    assert_adds_up([batch])
    alone = [answer.row[2:] for answer in answers if answer.row]
    assert [row[2:] for row in batch.rows] == alone
    trimmed = {Code.IDENTIFIER_TRIMMED, Code.VALUE_TRIMMED}
    expected = [finding for answer in answers for finding in answer.findings]
    assert [f.code for f in batch.findings if f.code not in trimmed] == [
        f.code for f in expected if f.code not in trimmed
    ]
    told = [(f.code, f.column) for f in batch.findings if f.code in trimmed]
    assert sorted(told) == sorted({(f.code, f.column) for f in expected if f.code in trimmed})
    assert checked(content, block_bytes=7) == [batch]
    assert checked(charge_file(rows, quoting=EVERYWHERE)) == [batch]


@pytest.mark.parametrize("place", [0, len(COLUMNS)], ids=["first", "last"])
def test_a_string_as_a_label_never_moves_a_column(place: int) -> None:
    """A header with a strange label is refused, or the columns are still the right ones."""
    for string in NAUGHTY_STRINGS:
        header, row = list(COLUMNS), good_fields("T-1")
        header.insert(place, string)
        row.insert(place, "x")
        batches = checked(charge_file([row], header=header))
        assert_adds_up(batches, string)
        if not is_refused(batches):
            (charge,) = rows_of(batches)
            assert (charge.tracking_id, charge.note, charge.amount_cents) == ("T-1", "soup", 500)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_string_that_nobody_quoted_gets_a_verdict(column: str) -> None:
    """Many programs write fields as they are, whatever is in them."""
    for string in NAUGHTY_STRINGS:
        content = file_with("\x00", column, EVERYWHERE).replace(b'"\x00"', string.encode())
        assert_adds_up(checked(content), string)


def test_a_string_in_the_place_of_a_file_or_of_a_row_gets_a_verdict() -> None:
    """Whatever is uploaded under a recognised name is answered."""
    for string in NAUGHTY_STRINGS:
        line = string.encode() + b"\n"
        alone = checked(line)
        assert_adds_up(alone, string)
        assert is_refused(alone), string
        assert_adds_up(checked(charge_file([good_fields("T-1")]) + line), string)
        assert_adds_up(checked(charge_file([good_fields("T-1")]) + line[:-1]), string)
