"""Exported books, read by Beancount and hledger: both find no fault and come to our balances."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Open, Transaction

from ingestd.reports.exports.programs import ExportFormat
from tests.integration.export.district import (
    TIMED,
    Balances,
    District,
    beancount_balances,
    hledger,
    live_through_the_worked_example,
    open_district,
    party_balances,
    read_with_beancount,
    read_with_hledger,
    without_zeros,
)
from tests.integration.ledger.conftest import Books, springfield
from tests.verdicts import READABLE_STRINGS, charge_file, good_fields

BEANCOUNT, HLEDGER = ExportFormat.BEANCOUNT, ExportFormat.HLEDGER
HOSTILE_NOTES = (
    'quotes " and \\" and \\',
    "two\nlines\n2026-03-02 * fake\n  Assets:Bank  1 USD",
    "; comment, date: 2026-01-01, [2026-13-45]",
    "bell \x07, tab \t, nul-like \x01, \u202eedoc",
    "C:\\new\\u000a",
    "```",
)


def balances_of(district: District, export_format: ExportFormat, folder: Path) -> Balances:
    text = district.export(export_format)
    if export_format is BEANCOUNT:
        return beancount_balances(read_with_beancount(text))
    return read_with_hledger(folder / "book.journal", text)


@pytest.mark.parametrize("export_format", ExportFormat)
def test_the_worked_example_comes_to_the_same_balances_elsewhere(
    district: District, export_format: ExportFormat, tmp_path: Path
) -> None:
    """An accountant who trusts another program finds our figures in it."""
    guest = live_through_the_worked_example(district)
    balances = balances_of(district, export_format, tmp_path)
    assert balances["Assets:Bank"] == Decimal("20.00")
    assert balances["Income:Realised:MEAL"] == Decimal("-23.50")
    ours = without_zeros(district.books.balances().items())
    assert party_balances(balances) == ours
    assert ours[guest, "LIABILITY"] == Decimal("-145.00")


@pytest.mark.parametrize("export_format", ExportFormat)
def test_a_book_as_known_then_is_the_same_for_ever(
    district: District, export_format: ExportFormat
) -> None:
    """A book that was handed in can be made again, byte for byte."""
    district.today("2026-03-02")
    district.books.post("LIABILITY,T1,S1,LOST_BOOK,,18.50,2025-05-03", header=TIMED)
    known = district.books.clock.now()
    before = district.export(export_format, known)
    district.books.post("LIABILITY,T2,S1,LOST_BOOK,,1.00,2025-05-01", header=TIMED)
    assert district.export(export_format, known) == before
    assert district.export(export_format) != before


@pytest.mark.parametrize("export_format", ExportFormat)
def test_an_empty_book_is_a_good_book(
    district: District, export_format: ExportFormat, tmp_path: Path
) -> None:
    """The first export of a new district does not fail."""
    assert balances_of(district, export_format, tmp_path) == {}


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
@pytest.mark.parametrize("export_format", ExportFormat)
def test_amounts_have_the_decimals_of_the_currency(
    books: Books, export_format: ExportFormat, currency: str, tmp_path: Path
) -> None:
    """Yen are not cents, and a dinar has a thousand parts."""
    books.account = springfield(currency=currency)
    district = open_district(books)
    amount = {"JPY": "1234", "KWD": "1.234"}[currency]
    books.post(f"LIABILITY,T1,S1,LOST_BOOK,,{amount}")
    balances = balances_of(district, export_format, tmp_path)
    assert balances["Assets:Receivable:Fees:Student:S1"] == Decimal(amount)


def post_hostile_notes(district: District) -> list[str]:
    content = charge_file(
        good_fields(f"N-{number}", student_id="S1", billing_code="MEAL", note=note, amount="1.00")
        for number, note in enumerate(HOSTILE_NOTES)
    )
    outcome = district.books.post_bytes(content)
    assert outcome.rows is not None
    assert outcome.rows.applied == len(HOSTILE_NOTES)
    return [
        "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in note)
        for note in HOSTILE_NOTES
    ]


def test_notes_cannot_break_a_beancount_file(district: District) -> None:
    """Whatever somebody typed into a note, the book stays a book."""
    notes = post_hostile_notes(district)
    entries = read_with_beancount(district.export(BEANCOUNT))
    found = [entry.meta["note"] for entry in entries if isinstance(entry, Transaction)]
    assert found == notes


def test_notes_cannot_break_an_hledger_journal(district: District, tmp_path: Path) -> None:
    """Whatever somebody typed into a note, no posting moves to another day or account."""
    notes = post_hostile_notes(district)
    balances = balances_of(district, HLEDGER, tmp_path)
    assert balances["Liabilities:Deferred:MEAL"] == -len(notes)
    listed = hledger(tmp_path / "book.journal", "tags", "note", "--values")
    escaped = [re.sub(r"[,\[\]]", lambda sign: f"\\u{ord(sign[0]):04x}", note) for note in notes]
    assert listed.splitlines() == sorted(escaped)


@pytest.mark.parametrize("export_format", ExportFormat)
def test_strings_that_broke_other_programs_do_not_break_these(
    district: District, export_format: ExportFormat, tmp_path: Path
) -> None:
    """Identifiers and notes of any script and sign come through in both programs."""
    district.books = district.books.under(students="register")
    columns = ("charge_tracking_id", "student_id", "note")
    charges = charge_file(
        good_fields(
            f"{column}-{number}",
            **{"student_id": "S1", "billing_code": "MEAL", "amount": "5.00", column: string},
        )
        for column in columns
        for number, string in enumerate(READABLE_STRINGS)
    )
    district.books.post_bytes(charges, "student_billing_“naïve”.csv")
    balances = balances_of(district, export_format, tmp_path)
    assert party_balances(balances) == without_zeros(district.books.balances().items())


def test_every_transaction_leads_back_to_its_file_and_row(district: District) -> None:
    """Every figure of the book is followed to the row of a file that was hashed when it came."""
    live_through_the_worked_example(district)
    district.books.post("LIABILITY,T9,S2,LATE_FEE,,5.00")
    district.refund_by_file("T9", note="wrong student")
    entries = read_with_beancount(district.export(BEANCOUNT))
    facts = {
        (entry.meta["event"], entry.meta.get("tracking_id")): entry.meta
        for entry in entries
        if isinstance(entry, Transaction)
    }
    charge, refund = facts["charge", "C2"], facts["refund", "T9"]
    assert (charge["filename"], charge["row"]) == ("student_billing.csv", 3)
    assert (refund["filename"], refund["row"]) == ("student_refunds.csv", 2)
    assert refund["note"] == "wrong student"
    outcomes = district.books.dump("file_outcome")["file_outcome"]
    hashes = {charge["sha256"], refund["sha256"]}
    assert all(any(sha256 in row for row in outcomes) for sha256 in hashes)
    assert (facts["allocation", "C4"]["payment_id"], facts["allocation", "C4"]["row"]) == ("P2", 5)


def test_every_posting_is_in_the_book_once(district: District) -> None:
    """Nothing is left out, and nothing is counted twice."""
    live_through_the_worked_example(district)
    entries = read_with_beancount(district.export(BEANCOUNT))
    numbers = [
        posting.meta["posting"]
        for entry in entries
        if isinstance(entry, Transaction)
        for posting in entry.postings
        if posting.meta is not None
    ]
    stored = len(district.books.dump("posting")["posting"])
    assert sorted(numbers) == sorted([*range(1, stored + 1)] * 2)


def test_an_opened_account_says_whose_it_is(district: District) -> None:
    """Names are written so that every program takes them; the true codes stand beside them."""
    live_through_the_worked_example(district)
    entries = read_with_beancount(district.export(BEANCOUNT))
    opened = {entry.account: entry.meta for entry in entries if isinstance(entry, Open)}
    assert opened["Liabilities:Deferred:LOST-BOOK"]["billing_code"] == "LOST_BOOK"
    family = opened["Assets:Receivable:Fees:Parent:COLL001"]
    assert (family["party"], family["kind"]) == ("COLL001", "parent")


@pytest.mark.parametrize("export_format", ExportFormat)
@pytest.mark.parametrize("lost", ["a transaction", "a cent"])
def test_a_book_that_was_tampered_with_is_found_out(
    district: District, export_format: ExportFormat, lost: str, tmp_path: Path
) -> None:
    """The balances at the end are checks, not decoration: one cent is enough."""
    district.books.post("LIABILITY,T1,S1,LOST_BOOK,,18.50", "WALLET,T2,S1,MEAL,,3.25")
    text = district.export(export_format)
    if lost == "a cent":
        changed = re.sub(r"(?m)^( +Assets:.*|  +Liabilities:.*)\b3\.25", r"\g<1>3.26", text)
    else:
        changed = re.sub(r"(?ms)^\d{4}-\d\d-\d\d \* [^\n]*T2.*?\n\n", "", text)
    assert changed != text
    if export_format is BEANCOUNT:
        _, errors, _ = loader.load_string(changed, dedent=False)
        assert errors
    else:
        with pytest.raises(AssertionError, match="assertion"):
            read_with_hledger(tmp_path / "book.journal", changed)
