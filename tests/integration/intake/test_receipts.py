"""What stands in receipts, and in which order, on both databases."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.access.accounts import FilePolicy
from ingestd.intake.answering.dry_run import check_file
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.ledger.proof.statement import FINDINGS_MAX
from ingestd.telemetry.events import Event
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges

MONDAY = ("WALLET,T1,S1,MEAL,,1.00", "WALLET,T2,S2,MEAL,,2.00")


@dataclass(frozen=True)
class Receipts:
    """An upload's two receipts, read as their readers do; `lines` of the CSV, if there is one."""

    fields: dict[str, Any]
    content: bytes

    @property
    def lines(self) -> list[dict[str, str]]:
        text = self.content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    def told(self, *names: str) -> list[tuple[str, ...]]:
        return [tuple(line[name] for name in names) for line in self.lines]


def receipts(books: Books, outcome: FileOutcome) -> Receipts:
    books.deliver(outcome.upload_id)
    found = {
        name.rsplit(".", 1)[1]: content
        for name, content in books.receipts().items()
        if outcome.upload_id in name
    }
    return Receipts(json.loads(found["json"]), found.get("csv", b""))


def post(books: Books, *rows: str, header: str | None = None) -> Receipts:
    return receipts(books, books.post(*rows, **({} if header is None else {"header": header})))


def test_problems_come_first_and_name_the_charge_and_the_student(books: Books) -> None:
    """Whoever opens the CSV sees what is to be done, and whom it is about, without scrolling."""
    post(books, *MONDAY)
    sent = post(
        books,
        *MONDAY,
        "WALLET,T3,S3,MEAL,,3.00",
        "WALLET,T3,S3,MEAL,,3.00",
        "WALLET,T1,S1,MEAL,,9.00",
        "WALLET,T4,S9,MEAL,,1.00",
        "WALLET, T5 ,S4,MEAL,,x",
        "WALLET,T6,S5",
    )
    assert sent.told("row", "charge_tracking_id", "student_id", "outcome", "code") == [
        ("7", "T4", "S9", "rejected", "student_unknown"),
        ("8", "T5", "S4", "rejected", "amount_invalid"),
        ("9", "T6", "S5", "rejected", "missing_cell"),
        ("6", "T1", "S1", "conflict", "conflict"),
        ("8", "T5", "S4", "rejected", "identifier_trimmed"),
        ("5", "T3", "S3", "duplicate", "duplicate_in_file"),
        ("", "", "", "duplicate", "duplicate"),
    ]


def test_a_warning_about_the_whole_file_stands_in_the_csv(books: Books) -> None:
    """Why prices are missing may be that their column was ignored."""
    header = "account_type,charge_tracking_id,student_id,billing_code,Room"
    sent = post(books, "WALLET,T1,S1,UNPRICED,12", header=header)
    assert sent.told("row", "outcome", "code", "column")[0] == (
        *("2", "rejected", "price_missing", "amount"),
    )
    assert ("1", "warning", "extra_label", "Room") in sent.told("row", "outcome", "code", "column")


def test_a_nightly_export_of_everything_is_one_line_for_each_upload(books: Books) -> None:
    """Of 1,500 rows the one that matters is the first, and the others are as many as uploads."""
    days = [[f"WALLET,D{day}-{n},S1,MEAL,,1.00" for n in range(40 * day)] for day in (1, 2, 3)]
    first, second, third = (post(books, *rows) for rows in days)
    spaced = [row.replace(",S1,", ", S1 ,") for row in days[2]]
    sent = post(books, *days[0], *days[1], *spaced, "WALLET,N1,S9,MEAL,,1.00")
    assert sent.fields["rows"] | {"applied": 0} == {
        "total": 241,
        "applied": 0,
        "duplicate": 240,
        "conflict": 0,
        "rejected": 1,
    }
    assert sent.told("row", "code", "value") == [
        ("242", "student_unknown", "S9"),
        *(("", "duplicate", str(40 * day)) for day in (1, 2, 3)),
    ]
    for line, earlier in zip(sent.lines[1:], (first, second, third), strict=True):
        assert earlier.fields["upload_id"] in line["message"]
    again = post(books, *days[0])
    assert again.told("row", "value") == [("", "40")]


@pytest.mark.parametrize("bad", ["WALLET,B1,S9,MEAL,,1.00", "WALLET,B1,S1,MEAL,,x", "x,y"])
def test_under_all_or_nothing_one_finding_says_why_good_rows_were_refused(
    books: Books, bad: str
) -> None:
    """Nobody looks for what is wrong with a row that is only in bad company."""
    strict = books.under(file=FilePolicy.ALL_OR_NOTHING)
    post(books, *MONDAY)
    good = [f"WALLET,G{number},S1,MEAL,,1.00" for number in range(30)]
    sent = post(strict, *good, bad, "WALLET,T1,S1,MEAL,,5.00", MONDAY[1])
    assert sent.fields["status"] == "rejected"
    assert sent.fields["rows"]["rejected"] == 33
    (row, _), conflict, why = [(f["row"], f["code"]) for f in sent.fields["findings"]]
    assert (row, conflict, why) == (32, (33, "conflict"), (None, "all_or_nothing"))
    assert "Rows that are good: 31." in sent.fields["findings"][2]["message"]
    assert sent.told("row", "charge_tracking_id", "outcome")[:2] == [
        ("32", sent.lines[0]["charge_tracking_id"], "rejected"),
        ("33", "T1", "rejected"),
    ]
    assert sent.told("row", "code")[2:] == [("", "all_or_nothing")]


def test_under_all_or_nothing_no_receipt_says_that_a_charge_stands(books: Books) -> None:
    """Nobody refunds what was never charged, because a receipt said that it was."""
    strict = books.under(file=FilePolicy.ALL_OR_NOTHING)
    rows = [
        f"WALLET,{key},S1,MEAL,,{amount}.00" for key, amount in zip("ABAB", "1211", strict=True)
    ]
    sent = post(strict, *rows)
    assert sent.fields["rows"]["applied"] == 0
    messages = [finding["message"] for finding in sent.fields["findings"]]
    assert [finding["row"] for finding in sent.fields["findings"]] == [4, 5, None]
    assert "Row 2" in messages[0]
    assert "Row 3" in messages[1]
    for message in (*messages, *(line["message"] for line in sent.lines)):
        assert not any(word in message for word in ("stands", "refund", "counts once;"))


def test_the_finding_for_good_rows_is_there_however_many_are_bad(books: Books) -> None:
    """A receipt shows a thousand findings; that one is never among those left out."""
    strict = books.under(file=FilePolicy.ALL_OR_NOTHING)
    bad = [f"WALLET,B{number},S1,MEAL,,x" for number in range(FINDINGS_MAX + 5)]
    sent = post(strict, *MONDAY, *bad)
    assert sent.fields["findings"][-1]["code"] == "all_or_nothing"
    assert sent.fields["findings_omitted"] == 6
    assert len(sent.lines) == FINDINGS_MAX + 6


def test_a_file_without_good_rows_has_no_word_about_them(books: Books) -> None:
    """What is not there needs no excuse."""
    strict = books.under(file=FilePolicy.ALL_OR_NOTHING)
    assert post(strict, "WALLET,B1,S1,MEAL,,x").fields["findings_by_code"] == {"amount_invalid": 1}


ROW = st.builds(
    "WALLET,{},{},MEAL,{},{}".format,
    st.sampled_from(["T1", "T2", " T3", "t1", "=1", "x" * 65, ""]),
    st.sampled_from(["S1", " S2", "S9", ""]),
    st.sampled_from(["", "=note", 'a"b']),
    st.sampled_from(["1.00", "2.00", "", "x", "-1"]),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, max_size=12), file=st.sampled_from(FilePolicy))
def test_every_row_that_was_not_applied_is_told_and_the_numbers_agree(
    books: Books, rows: list[str], file: FilePolicy
) -> None:
    """No row is lost between the counts, the findings and the CSV; made again, all is the same."""
    policed = books.under(file=file)
    outcome = policed.post(*rows)
    sent = receipts(policed, outcome)
    fields = sent.fields
    shown = len(fields["findings"]) + fields["findings_omitted"]
    assert shown == sum(fields["findings_by_code"].values()) == outcome.findings
    rejected = {line["row"] for line in sent.lines if line["outcome"] == "rejected"} - {""}
    conflicts = {line["row"] for line in sent.lines if line["outcome"] == "conflict"}
    twice = {line["row"] for line in sent.lines if line["code"] == "duplicate_in_file"}
    before = sum(int(line["value"]) for line in sent.lines if line["code"] == "duplicate")
    counts = fields["rows"]
    assert len(conflicts) == counts["conflict"]
    if fields["status"] != "rejected":
        assert len(rejected) == counts["rejected"]
        assert len(twice) + before == counts["duplicate"]
    assert bool(sent.content) == (counts["applied"] < counts["total"])
    assert receipts(policed, outcome) == sent


def test_both_databases_give_the_same_receipts(both_books: tuple[Books, Books]) -> None:
    """Moving to PostgreSQL changes no district's files."""
    rows = (*MONDAY, *MONDAY, "WALLET,T1,S1,MEAL,,7.00", "WALLET,é,S9,MEAL,,1", "WALLET,B,S1,x")
    one, other = (post(books, *rows).content for books in both_books)
    assert one == other


def test_other_formats_name_rows_by_what_they_have(books: Books) -> None:
    """A refund is found by its charge and its student, a student by the id."""
    post(books, *MONDAY)
    header = b"charge_tracking_id,note\n"
    for name, content, named in (
        ("student_refunds.csv", header + b"T1,\nT1,again\nT9,\n", [("T9", ""), ("T1", "S1")]),
        (
            "students.csv",
            b"student_id,status\nS1,enrolled\nS1,enrolled\nS2,x\n",
            [("S1",), ("S2",)],
        ),
    ):
        account = replace(books.account, catalog_over_sftp=True)
        catalog = replace(books, account=account)
        sent = receipts(catalog, catalog.post_bytes(content, name))
        names = ("charge_tracking_id", "student_id") if len(named[0]) == 2 else ("student_id",)
        assert [told for told in sent.told(*names) if any(told)] == named


def test_a_dry_run_shows_the_same_findings(books: Books, tmp_path: Path) -> None:
    """What `ingestd check` prints is the receipt, codes and all."""
    strict = books.under(file=FilePolicy.ALL_OR_NOTHING)
    path = tmp_path / "student_billing.csv"
    path.write_bytes(charges(*MONDAY, "WALLET,B1,S1,MEAL,,x"))
    _, dry = check_file(strict.works, strict.account, path)
    assert dry["findings_by_code"] == {"all_or_nothing": 1, "amount_invalid": 1}


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        (("WALLET,B1,S9,MEAL,,1.00", "WALLET,B2,S1,MEAL,,x"), "warning"),
        (("WALLET,B1,S9,MEAL,,1.00", "WALLET,T1,S1,MEAL,,1.00"), "info"),
        ((), "info"),
    ],
)
async def test_a_file_of_which_every_row_was_rejected_is_a_warning(
    station: Station, rows: tuple[str, ...], level: str
) -> None:
    """A district whose export broke altogether is seen among a hundred that work."""
    sent = station.send(charges(*rows))
    async with station.running():
        await station.until_delivered(1)
    [line] = station.events(Event.FILE_PROCESSED)
    assert (line["upload_id"], line["log_level"]) == (sent, level)
    codes = {finding["code"] for finding in station.receipts()[sent]["findings"]}
    assert set(line["codes"]) == codes
    assert line["account"] == SPRINGFIELD
