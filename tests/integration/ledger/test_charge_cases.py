"""What becomes of each row, case by case, on both databases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from ingestd.access.accounts import FilePolicy, StudentPolicy
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, FileStatus
from ingestd.ledger.outcomes.findings import iterate_problems, read_findings
from ingestd.values.identifiers import AccountId
from tests.integration.ledger.conftest import HEADER, SPRINGFIELD, Books, open_books

TIMED = f"{HEADER},transaction_occurred_time"
LONG_NOTE = "n" * 255
LONG_KEY = "k" * 64


@dataclass(frozen=True)
class Case:
    """A file's rows, sent after `before`; counts are applied, duplicate, conflict, rejected."""

    name: str
    rows: tuple[str, ...]
    counts: tuple[int, int, int, int]
    amount: int = 0
    before: tuple[str, ...] = ()
    header: str = HEADER


T1 = "WALLET,T1,S1,MEAL,,1.00"
T1_OTHER = "WALLET,T1,S1,MEAL,,2.00"
NOTED = "WALLET,T1,S1,MEAL,two of them,1.00"
PADDED = "WALLET ,T1  , S1,MEAL ,  two of them ,   1.00"
UNKNOWN = "WALLET,T1,S9,MEAL,,1.00"
CASES = [
    Case("no rows", (), (0, 0, 0, 0)),
    Case("one row", (T1,), (1, 0, 0, 0), 100),
    Case("price of the catalog", ("WALLET,T1,S1,MEAL,,",), (1, 0, 0, 0), 325),
    Case("amount of nothing", ("WALLET,T1,S1,MEAL,,0.00",), (1, 0, 0, 0), 0),
    Case("price of nothing", ("WALLET,T1,S1,FREE,,",), (1, 0, 0, 0), 0),
    Case("no price", ("WALLET,T1,S1,UNPRICED,,",), (0, 0, 0, 1)),
    Case("amount despite no price", ("WALLET,T1,S1,UNPRICED,,0.01",), (1, 0, 0, 0), 1),
    Case("huge amount", ("WALLET,T1,S1,MEAL,,9999999999.99",), (1, 0, 0, 0), 999_999_999_999),
    Case("unknown student", (UNKNOWN,), (0, 0, 0, 1)),
    Case("reserved student", ("WALLET,T1,ANONYMOUS,MEAL,,1.00",), (0, 0, 0, 1)),
    Case("unknown product", ("WALLET,T1,S1,NOPE,,1.00",), (0, 0, 0, 1)),
    Case("product in other case", ("WALLET,T1,S1,meal,,1.00",), (0, 0, 0, 1)),
    Case("everything wrong", ("WALLET,T1,S9,NOPE,,",), (0, 0, 0, 1)),
    Case("same twice", (T1, T1), (1, 1, 0, 0), 100),
    Case("same three times", (T1, T1, T1), (1, 2, 0, 0), 100),
    Case("other content", (T1, T1_OTHER), (1, 0, 1, 0), 100),
    Case("conflict, then the same", (T1, T1_OTHER, T1), (1, 1, 1, 0), 100),
    Case("conflict twice", (T1, T1_OTHER, T1_OTHER), (1, 0, 2, 0), 100),
    Case("mended later in the file", (UNKNOWN, T1), (1, 0, 0, 1), 100),
    Case("rejected after it was good", (T1, UNKNOWN), (1, 0, 0, 1), 100),
    Case("unreadable, then good", ("WALLET,T1,S1,MEAL,,x", T1), (1, 0, 0, 1), 100),
    Case("bad in two rooms", ("WALLET,T1,S1,MEAL,,x", UNKNOWN, T1, T1), (1, 1, 0, 2), 100),
    Case("sent again", (T1,), (0, 1, 0, 0), before=(T1,)),
    Case("sent again with padding", (PADDED,), (0, 1, 0, 0), before=(NOTED,)),
    Case("sent again without padding", (NOTED,), (0, 1, 0, 0), before=(PADDED,)),
    Case("amount of spaces", ("WALLET,T1,S1,MEAL,,   ",), (1, 0, 0, 0), 325),
    Case("NULL for a key", ("WALLET,NULL,S1,MEAL,,1.00",), (0, 0, 0, 1)),
    Case("sent again twice", (T1, T1), (0, 2, 0, 0), before=(T1,)),
    Case("contradicts the ledger", (T1_OTHER,), (0, 0, 1, 0), before=(T1,)),
    Case("ledger wins in any order", (T1_OTHER, T1), (0, 1, 1, 0), before=(T1,)),
    Case("contradicts twice alike", (T1_OTHER, T1_OTHER), (0, 0, 2, 0), before=(T1,)),
    Case("mended after a rejection", (T1,), (1, 0, 0, 0), 100, before=(UNKNOWN,)),
    Case("decimals are no content", ("WALLET,T1,S1,MEAL,,1",), (0, 1, 0, 0), before=(T1,)),
    Case("note is content", ("WALLET,T1,S1,MEAL,x,1.00",), (0, 0, 1, 0), before=(T1,)),
    Case("type is content", ("LIABILITY,T1,S1,MEAL,,1.00",), (0, 0, 1, 0), before=(T1,)),
    Case("price is no amount", ("WALLET,T1,S1,MEAL,,",), (0, 0, 1, 0), before=(T1,)),
    Case("keys differ by case", (T1, "WALLET,t1,S1,MEAL,,1.00"), (2, 0, 0, 0), 200),
    Case("NFD is NFC", ("WALLET,\xe9,S1,MEAL,,1", "WALLET,e\u0301,S1,MEAL,,1"), (1, 1, 0, 0), 100),
    Case("beyond the BMP", ("WALLET,😀,S1,MEAL,𝄞,1.00",) * 2, (1, 1, 0, 0), 100),
    Case("longest", (f"WALLET,{LONG_KEY},S1,MEAL,{LONG_NOTE},1.00",), (1, 0, 0, 0), 100),
    Case("pattern signs", ("WALLET,%_\\,S1,MEAL,'';--,1.00",) * 2, (1, 1, 0, 0), 100),
    Case("braces", ("WALLET,{row},S1,MEAL,,1", "WALLET,{row},S1,MEAL,,2"), (1, 0, 1, 0), 100),
    Case("NUL in a row", ("WALLET,T1,S1,MEAL,a\0b,1.00", T1), (1, 0, 0, 1), 100),
    Case("price the day before", ("WALLET,T1,S1,FEE,,,2026-03-01T23:59:59-06:00",),
         (1, 0, 0, 0), 500, header=TIMED),
    Case("price on its first day", ("WALLET,T1,S1,FEE,,,2026-03-02T00:00:00-06:00",),
         (1, 0, 0, 0), 700, header=TIMED),
    Case("price by the account's day", ("WALLET,T1,S1,FEE,,,2026-03-02T05:59:59Z",),
         (1, 0, 0, 0), 500, header=TIMED),
    Case("before the first price", ("WALLET,T1,S1,FEE,,,2025-08-31",), (0, 0, 0, 1), header=TIMED),
]  # fmt: skip


def counts(outcome: FileOutcome) -> tuple[int, int, int, int]:
    rows = outcome.rows
    assert rows is not None
    return rows.applied, rows.duplicate, rows.conflict, rows.rejected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row_gets_exactly_the_verdict_of_the_rules(books: Books, case: Case) -> None:
    """A district pays what the rules say, and every row of its file is accounted for."""
    if case.before:
        books.post(*case.before)
    outcome = books.post(*case.rows, header=case.header)
    assert counts(outcome) == case.counts
    assert outcome.applied_amount == case.amount
    dump = books.dump("row_outcome")["row_outcome"]
    told = [int(str(row[3])) for row in dump if row[1] == outcome.upload_id]
    assert sum(told) == sum(case.counts[1:])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_under_all_or_nothing_a_bad_row_keeps_every_row_out(books: Books, case: Case) -> None:
    """A district that asked for whole files never finds half of one in its books."""
    if case.before:
        books.post(*case.before)
    before = books.dump("charge", "posting", "party", "student")
    outcome = books.under(file=FilePolicy.ALL_OR_NOTHING).post(*case.rows, header=case.header)
    _, _, conflict, rejected = case.counts
    if conflict or rejected:
        assert counts(outcome) == (0, 0, 0, sum(case.counts))
        assert (outcome.status, outcome.applied_amount) == (FileStatus.REJECTED, 0)
        assert books.dump("charge", "posting", "party", "student") == before
    else:
        assert counts(outcome) == case.counts
        assert outcome.status is FileStatus.PROCESSED


@pytest.mark.parametrize("file", FilePolicy)
def test_a_registered_student_is_one_whose_charge_was_applied(
    books: Books, file: FilePolicy
) -> None:
    """A mistyped student_id in a refused row must not appear in the roster for ever."""
    books = books.under(students=StudentPolicy.REGISTER, file=file)
    books.post("WALLET,T1,NEW1,MEAL,,1.00")
    refused = books.post(
        "WALLET,T1,TYPO1,MEAL,,1.00", "WALLET,T2,TYPO2,NOPE,,1.00", "WALLET,T3,NEW2,MEAL,,1.00"
    )
    applied = file is FilePolicy.PARTIAL
    assert counts(refused) == ((1, 0, 1, 1) if applied else (0, 0, 0, 3))
    registered = {"NEW1", "NEW2"} if applied else {"NEW1"}
    for table, column in (("student", 1), ("party", 3)):
        codes = {str(row[column]) for row in books.dump(table)[table]}
        assert {code for code in codes if not code.startswith("S")} == registered


def test_a_later_price_does_not_turn_a_repeat_into_a_conflict(books: Books) -> None:
    """A school that raises a price may send last week's file again."""
    first = books.post("WALLET,T1,S1,MEAL,,")
    with books.database.writing() as connection:
        connection.exec_driver_sql("UPDATE product_price SET price = 999")
    assert counts(books.post("WALLET,T1,S1,MEAL,,")) == (0, 1, 0, 0)
    assert first.applied_amount == 325
    assert books.balances() == {("S1", "WALLET"): "-3.25"}


def test_the_words_of_a_conflict_never_lead_to_a_second_bill(books: Books) -> None:
    """Who does as the receipt says has the family pay once."""
    books.post(T1)
    for rows in ((T1_OTHER,), ("WALLET,T2,S1,MEAL,,1.00", "WALLET,T2,S1,MEAL,,2.00")):
        outcome = books.post(*rows)
        with books.database.reading() as connection:
            findings = read_findings(connection, SPRINGFIELD, outcome.upload_id, limit=10)
        [message] = [finding.message for finding in findings if finding.code == "conflict"]
        for words in ("stands as it", "refund or void it first", "would charge again"):
            assert words in message


def test_a_note_without_text_is_stored_as_none(books: Books) -> None:
    """An empty note and an absent note column are the same thing, so no repeat contradicts."""
    books.post("WALLET,T1,S1,MEAL,,1.00")
    short = "account_type,charge_tracking_id,student_id,billing_code,amount"
    assert counts(books.post("WALLET,T1,S1,MEAL,1.00", header=short)) == (0, 1, 0, 0)
    assert [row[9] for row in books.dump("charge")["charge"]] == [None]


def test_one_account_never_sees_the_keys_of_another(
    books: Books, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two districts may number their charges alike."""
    other = replace(books.account, account_id=AccountId("SHELBYVILLE"))
    shelbyville = open_books(books.database, tmp_path_factory.mktemp("other"), account=other)
    books.post(T1)
    assert counts(shelbyville.post(T1_OTHER)) == (1, 0, 0, 0)
    assert shelbyville.balances() == {("S1", "WALLET"): "-2.00"}
    assert books.balances() == {("S1", "WALLET"): "-1.00"}


def test_every_bad_row_of_a_long_file_has_its_finding_in_the_receipt(books: Books) -> None:
    """However many portions they are read in, none is left out and none is told twice."""
    outcome = books.post(*(f"WALLET,T{number},S1,MEAL,,x" for number in range(12_000)))
    with books.database.reading() as connection:
        told = iterate_problems(connection, SPRINGFIELD, outcome.upload_id, has_header=True)
        problems = [(told.row, told.key, told.party, told.code) for told in told]
    assert problems == [
        (number + 2, f"T{number}", "S1", "amount_invalid") for number in range(12_000)
    ]
