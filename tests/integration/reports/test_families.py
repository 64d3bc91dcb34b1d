"""Statements, arrears and parties: what an office tells one family, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.families.arrears import report_arrears
from ingestd.reports.families.people import list_people, show_person
from ingestd.reports.families.statement import report_statement
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.report import Question, Report
from ingestd.values.errors import UsageError
from tests.integration.ledger.conftest import Books
from tests.integration.reports.history import History
from tests.integration.reports.story import tell_the_worked_example

DAYS = tuple(
    date.fromisoformat(f"2026-{day}")
    for day in ("03-02", "03-09", "03-11", "03-20", "03-25", "03-30", "04-02", "04-03", "04-06")
)
PARTIES = ("COLL001", "S1", "S2", "G1")
Rows = list[dict[str, str]]


@pytest.fixture
def told(books: Books) -> Books:
    """Return books of the worked example; S1 and S2 are the family of COLL001."""
    books.load(
        CatalogKind.STUDENTS,
        [{"student_id": each, "name": f"Child {each}", "parent_code": "COLL001"} for each in PAIR],
    )
    books.load(
        CatalogKind.PARENTS,
        [{"parent_code": "COLL001", "name": "Margery", "email": "m@example.org"}],
    )
    tell_the_worked_example(books)
    return books


PAIR = ("S1", "S2")


def rows_of(books: Books, report: Callable[..., object], **asked: object) -> Rows:
    rows = books.report(report, **asked)["rows"]  # type: ignore[arg-type]
    assert isinstance(rows, list)
    return rows


def lines_of(books: Books, party: str, **asked: object) -> list[tuple[str, ...]]:
    """Return a statement's lines: day, event, what it is about, amount."""
    return [
        (
            *(row["day"][5:], row["event"]),
            *(row["tracking_id"] or row["payment_id"] or "", row["amount"]),
        )
        for row in rows_of(books, report_statement, party=party, **asked)
    ]


def test_a_familys_statement_tells_each_event_once(told: Books) -> None:
    """What a refund undoes, voids and moves is one line; what pays within the family is none."""
    assert lines_of(told, "COLL001") == [
        ("05-03", "charge", "C1", "-18.50"),
        ("09-10", "charge", "C2", "-250.00"),
        ("09-12", "charge", "C3", "-5.00"),
        ("03-01", "charge", "C4", "-80.00"),
        ("03-02", "charge", "C5", "-3.25"),
        ("03-09", "settled", "P1", "100.00"),
        ("03-11", "settled", "P3", "20.00"),
        ("03-13", "settled", "P2", "80.00"),
        ("03-20", "returned", "P1", "-100.00"),
        ("03-20", "penalty", "C6", "-25.00"),
        ("03-22", "refund", "C3", "5.00"),
        ("03-25", "refund", "C4", "80.00"),
        ("04-03", "sale", "M2", "-20.00"),
        ("04-06", "returned", "P2", "-80.00"),
    ]


def test_a_students_own_statement_tells_what_the_family_paid(told: Books) -> None:
    """One child's school years, for a family that shares the bills."""
    assert lines_of(told, "S1", since=date(2026, 3, 9), until=date(2026, 3, 20)) == [
        ("03-09", "allocation", "C1", "18.50"),
        ("03-09", "allocation", "C2", "81.50"),
        ("03-11", "settled", "P3", "20.00"),
        ("03-13", "allocation", "C4", "80.00"),
        ("03-20", "returned", "P1", "-100.00"),
    ]


def test_a_statement_between_two_days_begins_with_what_was_before(told: Books) -> None:
    """April's sheet continues March's, to the cent."""
    march = told.report(report_statement, party="COLL001", until=date(2026, 3, 31))
    april = told.report(report_statement, party="COLL001", since=date(2026, 4, 1))
    assert march["totals"] == {"opening": "0.00", "closing": "-196.75", "pending": "0.00"}
    assert april["totals"] == {"opening": "-196.75", "closing": "-296.75", "pending": "0.00"}
    rows = april["rows"]
    assert isinstance(rows, list)
    assert [row["balance"] for row in rows] == ["-216.75", "-296.75"]


def test_what_is_pending_is_told_and_moves_no_balance(told: Books) -> None:
    """A family that has just paid is not told that it has."""
    answer = told.report(report_statement, party="COLL001", until=date(2026, 3, 10))
    assert answer["totals"] == {"opening": "0.00", "closing": "-256.75", "pending": "100.00"}


@pytest.mark.parametrize("party", PARTIES)
def test_a_statement_closes_with_the_balances_on_every_day_and_as_known_ever(
    told: Books, party: str
) -> None:
    """A statement never says something else than the balances do."""
    with told.database.reading() as connection:
        sealed = connection.exec_driver_sql("SELECT sealed_at FROM seal").scalars().all()
    known = [datetime.fromtimestamp(each / 1_000_000, tz=UTC) for each in sealed[::4]]
    members = {"COLL001": ("COLL001", *PAIR)}.get(party, (party,))
    for as_known in (*known, datetime(2099, 1, 1, tzinfo=UTC)):
        for day in DAYS:
            asked = {"as_of": day, "as_known": as_known}
            try:
                answer = told.report(report_statement, party=party, **asked)
            except UsageError:
                continue
            (identity,) = _identities(answer)
            assert identity["holds"], (day, as_known)
            balances = told.balances(**asked)
            owned = [
                _cents(balances.get((each, kind), "0.00"))
                for each in members
                for kind in ("LIABILITY", "WALLET")
            ]
            totals = answer["totals"]
            assert isinstance(totals, dict)
            assert _cents(totals["closing"]) == sum(owned), (day, as_known)


def _identities(answer: Mapping[str, object]) -> list[dict[str, object]]:
    identities = answer["identities"]
    assert isinstance(identities, list)
    return identities


def _cents(text: str) -> int:
    return round(float(text) * 100)


def test_arrears_tell_who_owes_for_how_long_and_how_they_are_reached(told: Books) -> None:
    """The office's list for the telephone."""
    found = rows_of(told, report_arrears, as_of=date(2026, 4, 6))
    assert found == [
        {
            "family": "COLL001",
            "name": "Margery",
            "email": "m@example.org",
            "phone": None,
            "students": "S1 S2",
            "0-30": "25.00",
            "31-60": "0.00",
            "61-90": "0.00",
            "91+": "268.50",
            "open": "293.50",
            "wallet_open": "3.25",
            "pending": "0.00",
            "last_paid_on": "2026-03-10",
        },
        {
            "family": "G1",
            "name": "A guest",
            "email": None,
            "phone": None,
            "students": "",
            "0-30": "145.00",
            "31-60": "0.00",
            "61-90": "0.00",
            "91+": "0.00",
            "open": "145.00",
            "wallet_open": "0.00",
            "pending": "0.00",
            "last_paid_on": None,
        },
    ]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_one_familys_arrears_are_its_row_of_all(told: Books, day: date) -> None:
    """What is found by index says what is found by walking everything, on any day."""
    together = {row["family"]: row for row in rows_of(told, report_arrears, as_of=day)}
    for family in ("COLL001", "G1"):
        for name in (family, *(PAIR if family == "COLL001" else ())):
            (alone,) = rows_of(told, report_arrears, as_of=day, party=name)
            if family in together:
                assert alone == together[family]
            else:
                assert (alone["open"], alone["wallet_open"]) == ("0.00", "0.00")
    answer = told.report(report_arrears, as_of=day)
    assert all(identity["holds"] for identity in _identities(answer))
    totals, aging = answer["totals"], told.report(report_aging, as_of=day)["totals"]
    assert isinstance(totals, dict)
    assert isinstance(aging, dict)
    assert _cents(totals["open"]) + _cents(totals["wallet_open"]) == _cents(aging["open"])


def test_a_student_who_moves_takes_along_what_is_open(books: Books) -> None:
    """Two households split, and neither is asked for what the other owes."""
    books.load(CatalogKind.STUDENTS, [{"student_id": "S1", "parent_code": "NEW"}])
    tell = History(books)
    with tell.batch("upload", "2026-03-02"):
        old, s1 = tell.party("OLD", "parent"), tell.party("S1")
        tell.party("NEW", "parent")
        tell.charge("T1", s1, "FEE", 700, on="2026-03-01")
        tell.charge("T2", s1, "FEE", 500, on="2026-03-01")
    with tell.batch("payment", "2026-03-03"):
        tell.pay("P1", old, fee=700)
    with tell.batch("settled", "2026-03-04"):
        tell.settle("P1", old, fee=700)
        tell.allocate("P1", old, "T1", 700)
    with tell.batch("catalog", "2026-03-05"):
        tell.insert(
            "family_change",
            party_no=s1,
            old_parent_code="OLD",
            new_parent_code="NEW",
            effective_on="2026-03-05",
            open_amount=500,
            waiting_amount=0,
        )
    with tell.batch("upload", "2026-03-06"):
        tell.charge("T3", s1, "FEE", 300, on="2026-03-06")
        # It was bought before the move, and comes to be known only now: NEW owes it, too.
        tell.charge("T4", s1, "FEE", 100, on="2026-03-02", booked_on="2026-03-02")
    assert lines_of(books, "OLD") == [
        ("03-01", "charge", "T1", "-7.00"),
        ("03-01", "charge", "T2", "-5.00"),
        ("03-02", "charge", "T4", "-1.00"),
        ("03-04", "settled", "P1", "7.00"),
        ("03-05", "moved", "", "6.00"),
    ]
    assert lines_of(books, "NEW") == [
        ("03-05", "moved", "", "-6.00"),
        ("03-06", "charge", "T3", "-3.00"),
    ]
    (row,) = [
        row for row in rows_of(books, report_statement, party="NEW") if not row["payment_id"]
    ][:1]
    assert (row["party"], row["text"]) == ("S1", "came to this family")
    for party in ("OLD", "NEW", "S1"):
        (identity,) = _identities(books.report(report_statement, party=party))
        assert identity["holds"]
    owing = {row["family"]: row["open"] for row in rows_of(books, report_arrears)}
    assert owing == {"NEW": "9.00"}
    before = {
        row["family"]: (row["open"], row["students"])
        for row in rows_of(books, report_arrears, as_of=date(2026, 3, 4))
    }
    assert before == {"OLD": ("6.00", "S1")}
    with books.database.reading() as connection:
        fourth = connection.execute(sa.text("SELECT sealed_at FROM seal WHERE event = 'settled'"))
        then = datetime.fromtimestamp(fourth.scalar_one() / 1_000_000, tz=UTC)
    asked = {"as_of": date(2026, 3, 10), "as_known": then}
    assert {row["family"]: row["open"] for row in rows_of(books, report_arrears, **asked)} == {
        "OLD": "5.00"
    }


def test_a_family_that_all_have_left_is_asked_for_still(books: Books) -> None:
    """A code that stood on the roster alone was in a report: the answer is there for ever."""
    books.load(CatalogKind.STUDENTS, [{"student_id": "S1", "parent_code": "OLD"}])
    books.post("LIABILITY,T1,S1,FEE,,7.00")
    then = {"as_known": books.clock.now()}

    def told() -> list[object]:
        return [
            books.report(ask, **{by: "OLD"}, **then)
            for by, ask in (
                ("party", report_statement),
                ("family", report_arrears),
                ("family", report_aging),
                ("family", report_statement),
            )
        ]

    before = told()
    moved = {"student_id": "S1", "parent_code": "NEW"}
    books.load(CatalogKind.STUDENTS, [moved], at=books.clock.now())
    assert told() == before
    (row,) = rows_of(books, report_arrears, family="OLD", **then)
    assert (row["family"], row["students"], row["open"]) == ("OLD", "S1", "7.00")
    assert rows_of(books, report_arrears, family="OLD")[0]["open"] == "0.00"


def test_contacts_are_those_that_were_known(told: Books) -> None:
    """A letter that was sent in spring is made again with the address that it was sent to."""
    tell = History(told)
    with tell.batch("catalog", "2026-04-10"):
        tell.insert(
            "catalog_fact",
            kind="parents",
            row_key="COLL001",
            columns='{"parent_code":"COLL001","name":"Margery","email":"m@example.org"}',
        )
    before = told.clock.now()
    with told.database.reading() as connection:
        sealed = connection.execute(sa.text("SELECT MAX(sealed_at) FROM seal")).scalar_one()
        before = datetime.fromtimestamp(sealed / 1_000_000, tz=UTC)
    told.load(
        CatalogKind.PARENTS,
        [{"parent_code": "COLL001", "name": "Marge", "email": "new@example.org"}],
    )
    with tell.batch("catalog", "2026-04-11"):
        tell.insert(
            "catalog_fact",
            kind="parents",
            row_key="COLL001",
            columns='{"parent_code":"COLL001","name":"Marge","email":"new@example.org"}',
        )
    for asked, name in (({"as_known": before}, "Margery"), ({}, "Marge")):
        for narrowed in ({}, {"family": "COLL001"}):
            found = rows_of(told, report_arrears, **asked, **narrowed)
            assert found[0]["name"] == name


@pytest.mark.parametrize("name", ["NOBODY", "ANONYMOUS", None])
def test_nobody_has_no_statement(told: Books, name: str | None) -> None:
    """A typing error is no empty statement."""
    with pytest.raises(UsageError):
        told.report(report_statement, party=name)


@pytest.mark.parametrize("ask", [report_statement, report_arrears])
def test_one_household_is_named_once(told: Books, ask: Callable[..., Report]) -> None:
    """Who names a child and a family is not given the one in place of the other."""
    with pytest.raises(UsageError, match="Name one"):
        told.report(ask, party="S2", family="COLL001")


def test_everybody_is_listed_with_family_and_contact(told: Books) -> None:
    """Whoever buys at the counter can be called back, whether the catalog lists them or not."""
    with told.database.reading() as connection:
        found = {
            (row["kind"], row["party"]): (row["name"], row["family"])
            for row in list_people(connection, _today(told), kind=None)
        }
        guests = [*list_people(connection, _today(told), kind=PartyKind.GUEST)]
    assert found["student", "S1"] == ("Child S1", "COLL001")
    assert found["student", "S3"] == (None, None)
    assert found["parent", "COLL001"] == ("Margery", "COLL001")
    assert found["guest", "G1"] == ("A guest", None)
    assert ("anonymous", "ANONYMOUS") in found
    assert [row["party"] for row in guests] == ["G1"]


def test_a_party_is_shown_with_its_charges_and_payments(told: Books) -> None:
    """One page for the telephone."""
    with told.database.reading() as connection:
        guest = show_person(connection, _today(told), "G1")
    assert guest["name"] == "A guest"
    assert guest["balances"] == [{"account_type": "LIABILITY", "balance": "-145.00"}]
    charges, payments = guest["charges"], guest["payments"]
    assert isinstance(charges, list)
    assert isinstance(payments, list)
    assert [(each["tracking_id"], each["status"]) for each in charges] == [
        ("G1-1", "unpaid"),
        ("N2", "unpaid"),
    ]
    assert [(each["payment_id"], each["status"]) for each in payments] == [("P4", "returned")]


def _today(books: Books) -> Question:
    return Question(
        account=books.account.account_id,
        as_of=date(2099, 1, 1),
        as_known=datetime(2099, 1, 1, tzinfo=UTC),
        decimals=2,
        zone=books.account.timezone,
    )
