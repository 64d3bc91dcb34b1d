"""Families that change: a roster moves a student, and exactly what is the student's goes along."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.values.money import format_amount
from tests.integration.ledger.conftest import CatalogEntry
from tests.integration.office.conftest import TODAY, Office
from tests.integration.office.histories import FileRow, amounts, file_rows, open_account, payers
from tests.integration.office.test_metamorphic import state
from tests.integration.office.test_projections import assert_verified

few = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CHANGES = (
    "SELECT y.party_code, m.old_parent_code, m.new_parent_code, m.effective_on, m.open_amount,"
    " m.waiting_amount FROM family_change m"
    " JOIN party y ON y.account = m.account AND y.party_no = m.party_no"
    " ORDER BY m.batch_no, m.party_no"
)


def move(office: Office, *students: CatalogEntry, at: datetime = TODAY) -> None:
    office.books.load(CatalogKind.STUDENTS, students, at=at)


def changes(office: Office) -> list[tuple[object, ...]]:
    with office.books.database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.text(CHANGES))]


def to(student: str, parent: str | None) -> CatalogEntry:
    return {"student_id": student, "parent_code": parent}


def test_what_a_student_owes_is_the_new_familys(office: Office) -> None:
    """A child goes to live with the other parent, who pays for it from then on."""
    office.charge(
        "LIABILITY,A,S1,LATE_FEE,5.00,2026-03-02",
        "LIABILITY,B,S1,LOST_BOOK,18.50,2026-03-03",
        "LIABILITY,C,S2,NSF_FEE,25.00,2026-03-04",
        "WALLET,W,S1,MEAL,3.25,2026-03-04",
    )
    move(office, to("S1", "LEE001"))
    assert changes(office) == [("S1", "COLL001", "LEE001", 20261122, 2350, 0)]

    office.pay("P1", "COLL001", "100.00")
    office.settle("P1")
    assert {key for key, (status, _) in office.statuses().items() if status == "paid"} == {"C"}
    office.pay("P2", "LEE001", "23.50")
    office.settle("P2")
    assert office.statuses()["A"] == office.statuses()["B"] == ("paid", "0.00")
    assert office.statuses()["W"] == ("unpaid", "3.25")
    assert_verified(office)


def test_the_students_own_credit_goes_along_and_the_parents_stays(office: Office) -> None:
    """What grandma gave the child is the child's; what the father paid too much is his."""
    office.charge("LIABILITY,A,S3,LATE_FEE,5.00,2026-03-02")
    move(office, to("S3", "LEE001"))
    for key, payer in (("P1", "S1"), ("P2", "COLL001")):
        office.pay(key, payer, "20.00")
        office.settle(key)
    before = office.books.items()

    move(office, to("S1", "LEE001"))

    assert changes(office)[-1] == ("S1", "COLL001", "LEE001", 20261122, 0, 2000)
    assert [item["paid"] for item in before] == ["0.00"]
    assert office.statuses() == {"A": ("paid", "0.00")}
    office.charge("LIABILITY,B,S2,LOST_BOOK,18.50,2026-03-03")
    balances = office.books.balances()
    assert office.statuses()["B"] == ("paid", "0.00")
    assert balances["S1", "LIABILITY"] == "15.00"
    assert balances["COLL001", "LIABILITY"] == "1.50"
    assert_verified(office)


def test_what_the_new_family_has_waiting_pays_in_the_imports_batch(office: Office) -> None:
    """No day passes on which the family owes and has credit at once."""
    office.charge("LIABILITY,A,S1,LOST_BOOK,18.50,2026-03-02")
    move(office, to("S2", "LEE001"))
    office.pay("P1", "LEE001", "20.00")
    office.settle("P1")
    assert office.statuses() == {"A": ("unpaid", "18.50")}

    move(office, to("S1", "LEE001"))

    with office.books.database.reading() as connection:
        paid = connection.execute(
            sa.text(
                "SELECT b.event, a.batch_no, a.amount, a.effective_on FROM allocation a"
                " JOIN seal b ON b.account = a.account AND b.batch_no = a.batch_no"
            )
        ).one()
        last = connection.execute(sa.text("SELECT MAX(batch_no) FROM catalog_fact")).scalar_one()
    assert tuple(paid) == ("catalog", last, 1850, 20261122)
    assert changes(office)[-1] == ("S1", "COLL001", "LEE001", 20261122, 1850, 0)
    assert_verified(office)


def test_what_bounces_reopens_for_the_new_family_and_its_penalty_for_the_payer(
    office: Office,
) -> None:
    """What the old family paid stays paid, as long as its money is good."""
    office.charge("LIABILITY,A,S1,LOST_BOOK,18.50,2026-03-02")
    office.pay("P1", "COLL001", "18.50")
    office.settle("P1")
    move(office, to("S1", "LEE001"))
    assert changes(office) == [("S1", "COLL001", "LEE001", 20261122, 0, 0)]
    assert office.statuses()["A"] == ("paid", "0.00")
    office.pay("P2", "LEE001", "10.00")
    office.settle("P2")

    office.bounce("P1", penalty="NSF_FEE")

    assert office.statuses()["A"] == ("partial", "8.50")
    assert office.books.balances()["COLL001", "LIABILITY"] == "-25.00"
    office.pay("P3", "COLL001", "50.00")
    office.settle("P3")
    assert office.statuses()["A"] == ("partial", "8.50")
    assert office.books.balances()["COLL001", "LIABILITY"] == "25.00"
    assert_verified(office)


def test_a_student_gets_a_family_and_leaves_it(office: Office) -> None:
    """Who was registered without a parent gets one with the first roster."""
    office.charge("LIABILITY,A,S3,LATE_FEE,5.00,2026-03-02")
    move(office, to("S3", "COLL001"))
    move(office, to("S3", None))
    assert changes(office) == [
        ("S3", None, "COLL001", 20261122, 500, 0),
        ("S3", "COLL001", None, 20261122, 500, 0),
    ]
    office.pay("P1", "COLL001", "20.00")
    office.settle("P1")
    assert office.statuses()["A"] == ("unpaid", "5.00")


def test_nothing_is_written_of_who_stays_or_of_whom_the_books_know_nothing(office: Office) -> None:
    """A roster that comes every night tells of nobody who is where he was."""
    office.charge("LIABILITY,A,S1,LATE_FEE,5.00,2026-03-02")
    move(office, to("S1", "COLL001"), to("S2", "LEE001"))
    move(office, {"student_id": "S1", "name": "Ann"})
    assert changes(office) == []


histories = st.lists(file_rows, min_size=1, max_size=6, unique_by=lambda row: row.key)
paying = st.lists(st.tuples(payers, amounts), max_size=3)


@few
@given(rows=histories, given_by=paying, moved=st.sets(st.sampled_from(("S1", "S2", "S3"))))
def test_a_move_alone_changes_what_nobody_has_or_owes(
    database: Database,
    tmp_path: Path,
    rows: list[FileRow],
    given_by: list[tuple[str, int]],
    moved: set[str],
) -> None:
    """Students who move each into a family of its own take along what is theirs, to the cent."""
    office = open_account(database, tmp_path)
    office.charge(*map(str, rows))
    for number, (payer, cents) in enumerate(given_by):
        office.pay(f"P{number}", payer, format_amount(cents))
        office.settle(f"P{number}")
    before = state(office)
    move(office, *(to(student, f"NEW{student}") for student in sorted(moved)))
    assert state(office) == before
    move(
        office,
        *(to(student, "COLL001") for student in sorted(moved - {"S3"})),
        at=TODAY + timedelta(days=1),
    )
    assert state(office) == before
    assert_verified(office)


def test_both_databases_write_the_same(both_offices: tuple[Office, Office]) -> None:
    """Books that move to another database say the same of every family."""
    for office in both_offices:
        test_the_students_own_credit_goes_along_and_the_parents_stays(office)
    sqlite, postgresql = both_offices
    assert changes(sqlite) == changes(postgresql)


@pytest.mark.parametrize("parent", ["LEE001", None])
def test_a_move_after_a_file_of_many_is_quick(office: Office, parent: str | None) -> None:
    """Whoever moves is looked up, not all that the family ever had."""
    office.charge(*(f"LIABILITY,K{n},S1,LATE_FEE,0.01,2026-03-02" for n in range(3_000)))
    move(office, to("S1", parent))
    assert changes(office) == [("S1", "COLL001", parent, 20261122, 3000, 0)]
