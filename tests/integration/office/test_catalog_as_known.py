"""The catalog as it was known: names, prices and families of the time that is asked about."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from ingestd.access.accounts import StudentPolicy
from ingestd.database.statements import Statement, run
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.books.extent import read_known_batch
from ingestd.ledger.catalog.as_known import know_catalog
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.reports.trails.catalog_history import follow_catalog_row
from ingestd.reports.trails.catalog_list import columns_of, list_catalog
from ingestd.reports.trails.drill import Inquiry
from ingestd.reports.trails.explain import explain_payment
from ingestd.reports.trails.trace import trace_charge
from ingestd.values.clock import from_microseconds, to_microseconds
from ingestd.values.errors import UsageError
from tests.integration.ledger.conftest import SPRINGFIELD, CatalogEntry, statements_counted
from tests.integration.office.conftest import TODAY, Office

REPORTS = (
    report_aging,
    report_balances,
    report_items,
    report_payments,
    report_revenue,
    report_sales,
)
NAMES = Statement(
    name="find_names",
    purpose="Each party with its family, as a report of arrears reads it. Binds :account.",
    sql="""\
SELECT y.party_code, y.parent_code, p.name AS parent, p.email, st.name AS student
FROM party_family /* as known */ y
  LEFT JOIN parent /* as known */ p ON p.account = y.account AND p.parent_code = y.parent_code
  LEFT JOIN student /* as known */ st ON st.account = y.account AND st.student_id = y.party_code
WHERE y.account = :account
ORDER BY y.party_no""",
)
TABLES = ("party_family", "parent", "student")


def tell(office: Office) -> datetime:
    """Let something happen, and return the instant up to which it is known."""
    office.books.load(
        CatalogKind.PARENTS, [{"parent_code": "COLL001", "name": "Coll", "email": "c@x.org"}]
    )
    office.books.load(
        CatalogKind.DONORS,
        [{"donor_number": "42", "name": "Dora", "pledges": "7", "appeals": "GYM"}],
    )
    office.charge(
        "LIABILITY,A,S1,LOST_BOOK,,2026-03-02",
        "LIABILITY,B,S2,NSF_FEE,25.00,2026-03-03",
        "WALLET,W,S1,MEAL,,2026-03-04",
    )
    office.pay("P1", "COLL001", "30.00")
    office.settle("P1")
    with office.books.database.reading() as connection:
        head = connection.exec_driver_sql("SELECT MAX(sealed_at) FROM seal").scalar_one()
    return from_microseconds(int(head))


def change(office: Office) -> None:
    """Import a new price, new names, another family, other pledges, and a student."""
    at = TODAY + timedelta(days=1)
    new: dict[CatalogKind, list[dict[str, str | int | None]]] = {
        CatalogKind.PRODUCTS: [{"billing_code": "LOST_BOOK", "name": "Book", "price": 9900}],
        CatalogKind.PARENTS: [
            {"parent_code": "COLL001", "name": "Collins", "email": None},
            {"parent_code": "LEE001", "name": "Lee", "email": "l@x.org"},
        ],
        CatalogKind.STUDENTS: [
            {"student_id": "S1", "name": "Ann", "parent_code": "LEE001"},
            {"student_id": "S9", "name": "New", "parent_code": "LEE001"},
        ],
        CatalogKind.DONORS: [
            {"donor_number": "42", "name": "D.", "pledges": "8", "appeals": "ART"}
        ],
    }
    for kind, entries in new.items():
        assert office.books.load(kind, entries, at=at).changed


def inquiry(as_known: datetime) -> Inquiry:
    return Inquiry(account=SPRINGFIELD, as_known=as_known, decimals=2)


def follow(office: Office, ask: Callable[[Connection, Inquiry], Any], as_known: datetime) -> Any:
    with office.books.database.reading() as connection:
        return ask(connection, inquiry(as_known))


def everything(office: Office, as_known: datetime) -> dict[str, Any]:
    """Return what every report and every trail answers as known at an instant."""
    answers: dict[str, Any] = {
        ask.__name__: office.books.report(ask, as_known=as_known) for ask in REPORTS
    }
    for kind in CatalogKind:
        answers[kind.value] = follow(office, partial(list_catalog, kind=kind), as_known)
    answers["explain"] = follow(office, partial(explain_payment, payment_id="P1"), as_known)
    answers["trace"] = follow(office, partial(trace_charge, tracking_id="A"), as_known)
    answers["history"] = follow(
        office,
        partial(follow_catalog_row, kind=CatalogKind.PRODUCTS, key="LOST_BOOK"),
        as_known,
    )
    return dict(json.loads(json.dumps(answers)))


def names(office: Office, as_known: datetime) -> list[tuple[object, ...]]:
    with office.books.database.reading() as connection:
        batch = read_known_batch(connection, SPRINGFIELD, known_at=to_microseconds(as_known))
        know_catalog(connection, SPRINGFIELD, batch_no=batch, tables=TABLES)
        return [tuple(row) for row in run(connection, NAMES, {"account": SPRINGFIELD})]


def test_what_changes_later_leaves_every_answer_as_known_before_alone(office: Office) -> None:
    """A report that an auditor has in hand can be had again, names, prices, families and all."""
    then = tell(office)
    before, known = everything(office, then), names(office, then)
    assert known == [
        ("S1", "COLL001", "Coll", "c@x.org", ""),
        ("S2", "COLL001", "Coll", "c@x.org", ""),
        ("COLL001", "COLL001", "Coll", "c@x.org", None),
    ]
    change(office)
    assert everything(office, then) == before
    assert names(office, then) == known
    assert names(office, TODAY + timedelta(days=9)) == [
        ("S1", "LEE001", "Lee", "l@x.org", "Ann"),
        ("S2", "COLL001", "Collins", None, ""),
        ("COLL001", "COLL001", "Collins", None, None),
    ]


def test_one_connection_answers_for_several_times(office: Office) -> None:
    """The console asks about last year and about now, on the connection that it has."""
    then = tell(office)
    change(office)
    with office.books.database.reading() as connection:
        for instant, name in (
            (then, "Coll"),
            (TODAY + timedelta(days=9), "Collins"),
            (then, "Coll"),
        ):
            parents = list_catalog(connection, inquiry(instant), CatalogKind.PARENTS)["rows"]
            assert parents[0]["name"] == name
    with office.books.database.reading() as connection:
        row = run(connection, NAMES, {"account": SPRINGFIELD}).first()
        assert row is not None
        assert row.parent == "Lee"


def test_answers_of_now_read_the_catalog_itself(office: Office) -> None:
    """Nobody waits for history who does not ask for it."""
    tell(office)
    change(office)
    with statements_counted(office.books.database) as sent:
        names(office, TODAY + timedelta(days=9))
    assert not [statement for statement in sent if "known_p" in statement or "known_s" in statement]


def test_a_student_whom_a_charge_registered_is_known_from_then_on(office: Office) -> None:
    """Without a roster the first charge is what says that there is such a student."""
    early = tell(office)
    office.books = office.books.under(students=StudentPolicy.REGISTER)
    office.charge('LIABILITY,R,"S 7",LATE_FEE,,2026-03-05')
    with office.books.database.reading() as connection:
        head = connection.exec_driver_sql("SELECT MAX(sealed_at) FROM seal").scalar_one()
    then = from_microseconds(int(head))
    office.books.load(
        CatalogKind.STUDENTS, [{"student_id": "S 7", "name": "Sue"}], at=then + timedelta(hours=1)
    )

    def students(as_known: datetime) -> dict[str, str]:
        rows = everything(office, as_known)["students"]["rows"]
        return {row["student_id"]: row["name"] for row in rows}

    assert students(early) == {f"S{number}": "" for number in range(1, 6)}
    assert students(then) == students(early) | {"S 7": ""}
    assert students(TODAY + timedelta(days=1))["S 7"] == "Sue"
    history = follow(
        office,
        partial(follow_catalog_row, kind=CatalogKind.STUDENTS, key="S 7"),
        TODAY + timedelta(days=1),
    )["changes"]
    assert [(each["event"], each["change"], each["was"]) for each in history] == [
        ("upload", "added", None),
        ("catalog", "changed", {"name": ""}),
    ]


def test_a_history_tells_each_change_with_its_batch(office: Office) -> None:
    """Who asks since when a book costs 99.00 reads what it cost before, and which import did it."""
    tell(office)
    change(office)
    later = TODAY + timedelta(days=9)

    def history(kind: CatalogKind, key: str) -> list[tuple[object, ...]]:
        answer = follow(office, partial(follow_catalog_row, kind=kind, key=key), later)
        return [
            (each["what"], each["change"], each["was"], each["became"])
            for each in answer["changes"][-4:]
        ]

    assert history(CatalogKind.PRODUCTS, "LOST_BOOK")[-2:] == [
        ("products", "changed", {"name": ""}, {"name": "Book"}),
        ("prices", "changed", {"price": "18.50"}, {"price": "99.00"}),
    ]
    donor = {"donor_number": "42"}
    pledge = donor | {"promised": None}
    assert history(CatalogKind.DONORS, "42") == [
        ("pledges", "removed", pledge | {"pledge_number": "7"}, None),
        ("pledges", "added", None, pledge | {"pledge_number": "8"}),
        ("appeals", "added", None, donor | {"appeal_code": "ART"}),
        ("appeals", "removed", donor | {"appeal_code": "GYM"}, None),
    ]
    with pytest.raises(UsageError, match="never had S10"):
        history(CatalogKind.STUDENTS, "S10")


def test_a_product_whose_code_begins_anothers_has_its_own_prices(office: Office) -> None:
    """Codes may have spaces in them."""
    entries: list[CatalogEntry] = [
        {"billing_code": "A", "price": 100},
        {"billing_code": "A B", "price": 200},
    ]
    office.books.load(CatalogKind.PRODUCTS, entries)
    answer = follow(office, partial(follow_catalog_row, kind=CatalogKind.PRODUCTS, key="A"), TODAY)
    prices = [each["became"]["price"] for each in answer["changes"] if each["what"] == "prices"]
    assert prices == ["1.00"]


def test_both_databases_list_the_same(both_offices: tuple[Office, Office]) -> None:
    """A list does not depend on where the books are."""
    answers = []
    for each in both_offices:
        then = tell(each)
        change(each)
        answers.append((everything(each, then), everything(each, TODAY + timedelta(days=9))))
    assert answers[0] == answers[1]
    for kind in CatalogKind:
        assert all(tuple(row) == columns_of(kind) for row in answers[0][0][kind.value]["rows"])
