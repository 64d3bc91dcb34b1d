"""Sales to nobody in particular that come in files: each is paid in cash, on its own day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestd.access.accounts import AnonymousPolicy, FilePolicy, StudentPolicy
from ingestd.database import schema
from ingestd.database.bulk import create_temporary, driver_of
from ingestd.database.engine import open_database
from ingestd.database.statements import read_statements
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.ledger.taking.charge_files import cash_sales
from ingestd.ledger.taking.charge_files.charges import LARGE_ROWS
from ingestd.values.days import Day
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import Office

KEY_CHARACTERS_MAX = 64


@pytest.fixture
def counter(office: Office) -> Office:
    """An office whose canteens send what they sold for cash."""
    return replace(office, books=office.books.under(anonymous_sales=AnonymousPolicy.CASH))


def counts(outcome: FileOutcome) -> tuple[int, int, int, int]:
    rows = outcome.rows
    assert rows is not None
    return rows.applied, rows.duplicate, rows.conflict, rows.rejected


def in_order(office: Office) -> None:
    """The books are right, and nobody in particular neither owes nor is owed."""
    books = office.books
    with books.database.reading() as connection:
        found = verify_ledger(connection, books.account.account_id, decimals=2)
    assert found.differences == ()
    balances = books.balances()
    assert {money for (party, _), money in balances.items() if party == "ANONYMOUS"} <= {"0.00"}
    audit(books)


def cash_in(office: Office) -> list[tuple[object, ...]]:
    """Return each payment in cash: its id, day, amount, row, and what it pays."""
    statement = sa.text(
        "SELECT p.payment_id, p.received_on, p.amount, p.row, c.tracking_id"
        " FROM payment p LEFT JOIN charge c ON c.account = p.account"
        " AND c.charge_no = p.for_charge_no"
        " WHERE p.kind = 'cash_sale' ORDER BY p.payment_no"
    )
    with office.books.database.reading() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def test_each_row_is_a_sale_and_its_cash_on_its_own_day(counter: Office) -> None:
    """A canteen's till of last term comes in one file, and each day's cash is on its day."""
    outcome = counter.charge(
        "WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02",
        "LIABILITY,C1,S1,LOST_BOOK,18.50,2026-03-02",
        "LIABILITY,M2,ANONYMOUS,MEAL,,2026-04-01",
        "WALLET,M3,ANONYMOUS,MEAL,0.00,2026-04-01",
    )
    assert (counts(outcome), outcome.applied_amount) == ((4, 0, 0, 0), 2500)
    assert cash_in(counter) == [
        ("CASH-M1", 20260302, 325, 2, "M1"),
        ("CASH-M2", 20260401, 325, 4, "M2"),
    ]
    assert counter.statuses() == {
        "M1": ("paid", "0.00"),
        "C1": ("unpaid", "18.50"),
        "M2": ("paid", "0.00"),
        "M3": ("paid", "0.00"),
    }
    march = {"CASH": 325, "REALISED_REVENUE": -325}
    owed = {"RECEIVABLE_FEES": 1850, "DEFERRED_REVENUE": -1850}
    assert counter.totals(as_of="2026-03-31") == march | owed
    assert counter.totals() == {"CASH": 650, "REALISED_REVENUE": -650} | owed
    in_order(counter)


def test_a_file_that_comes_again_takes_no_more_cash(counter: Office) -> None:
    """A nightly full export sells nothing twice."""
    rows = ("WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02", "WALLET,M2,ANONYMOUS,MEAL,1.00,2026-03-02")
    counter.charge(rows[0])
    assert counts(counter.charge(*rows)) == (1, 1, 0, 0)
    assert counts(counter.charge(*rows)) == (0, 2, 0, 0)
    assert counts(counter.charge(rows[0].replace("3.25", "4.25"))) == (0, 0, 1, 0)
    assert counter.totals()["CASH"] == 425
    in_order(counter)


def test_what_is_refunded_goes_back_as_cash_while_there_is_some(counter: Office) -> None:
    """Who brings a meal back gets the coins that were paid for it."""
    counter.charge("WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02")
    assert counts(counter.refund("M1")) == (1, 0, 0, 0)
    assert counter.totals().get("CASH", 0) == 0
    assert counts(counter.charge("WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02")) == (0, 1, 0, 0)
    in_order(counter)


def test_what_belongs_to_a_closed_month_comes_on_the_first_open_day(counter: Office) -> None:
    """What was filed for March stays as it was filed, cash included."""
    counter.close("2026-03")
    counter.charge("WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02")
    [(_, day, _, _, _)] = cash_in(counter)
    assert day == Day.from_text("2026-04-01")
    assert counter.totals(as_of="2026-03-31") == {}
    in_order(counter)


@pytest.mark.parametrize("students", StudentPolicy)
def test_unless_the_policy_says_so_nobody_in_particular_is_no_student(
    office: Office, students: StudentPolicy
) -> None:
    """A placeholder that a system writes for missing students is not money that came in."""
    office = replace(office, books=office.books.under(students=students))
    outcome = office.charge("WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02")
    assert counts(outcome) == (0, 0, 0, 1)
    [finding] = office.books.dump("finding")["finding"]
    assert "anonymous_sales" in str(finding)


def test_a_register_of_students_has_nobody_in_particular_in_it(counter: Office) -> None:
    """A roster that is made from files names students, and no placeholder."""
    books = counter.books.under(students=StudentPolicy.REGISTER)
    replace(counter, books=books).charge(
        "WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02", "WALLET,M2,S77,MEAL,3.25,2026-03-02"
    )
    names = {str(row[1]) for row in counter.books.dump("student")["student"]}
    assert "S77" in names
    assert "ANONYMOUS" not in names
    kinds = {(row[2], row[3]) for row in counter.books.dump("party")["party"]}
    assert kinds == {("anonymous", "ANONYMOUS"), ("student", "S77")}
    in_order(counter)


def test_under_all_or_nothing_a_bad_row_keeps_the_cash_out(counter: Office) -> None:
    """No coin is in the books whose sale is not."""
    office = replace(counter, books=counter.books.under(file=FilePolicy.ALL_OR_NOTHING))
    rows = ("WALLET,M1,ANONYMOUS,MEAL,3.25,2026-03-02", "WALLET,M2,S9,MEAL,3.25,2026-03-02")
    assert counts(office.charge(*rows)) == (0, 0, 0, 2)
    assert cash_in(counter) == []
    in_order(counter)


def test_an_id_that_is_taken_or_too_long_costs_no_sale(counter: Office) -> None:
    """Whatever a till calls its sales, each has its cash under an id of its own."""
    counter.pay("CASH-M1", "S1", "5.00", on="2026-03-02")
    longest = "k" * KEY_CHARACTERS_MAX
    rows = [f"WALLET,{key},ANONYMOUS,MEAL,1.00,2026-03-02" for key in ("M1", longest)]
    assert counts(counter.charge(*rows)) == (2, 0, 0, 0)
    [first, second] = [str(row[0]) for row in cash_in(counter)]
    assert first != "CASH-M1"
    # A till that calls a sale by the hash that stands for another's key gets no further with it.
    digits = [made.removeprefix("CASH-") for made in (first, second)]
    rows = [f"WALLET,{key},ANONYMOUS,MEAL,1.00,2026-03-02" for key in digits]
    assert counts(counter.charge(*rows)) == (2, 0, 0, 0)
    paid = cash_in(counter)
    assert len({row[0] for row in paid}) == len(paid) == 4
    assert all(len(str(row[0])) <= KEY_CHARACTERS_MAX for row in paid)
    in_order(counter)


@pytest.mark.parametrize("name", ["is_taken", "replace_id"])
def test_an_id_is_looked_up_however_many_sales_a_file_has(tmp_path: Path, name: str) -> None:
    """A till that calls each sale by a hash of 64 digits holds the books up no longer."""
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    schema.upgrade(database)
    statements = read_statements(Path(cash_sales.__file__).with_suffix(".sql"))
    [sql] = [each.text_for("sqlite") for each in statements if each.name == name]
    values = dict.fromkeys(("account", "payment_id", "replaced"), "K")
    with database.connection() as connection:
        create_temporary(connection, cash_sales.CASH_SALES)
        driver = driver_of(connection)
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    database.close()
    assert [step for step in plan if step.startswith("SEARCH stage_cash_sale")], plan
    assert not [step for step in plan if step.startswith("SCAN stage_cash_sale")], plan


def test_many_sales_of_a_large_file_are_paid_each_by_its_own_cash(counter: Office) -> None:
    """Years of a canteen come at once, and no coin pays another sale than its own."""
    large = [
        f"WALLET,M{number},{'S1' if number % 7 == 0 else 'ANONYMOUS'},MEAL,"
        f"{number % 9}.25,2026-03-{1 + number % 28:02}"
        for number in range(LARGE_ROWS + 10)
    ]
    office = replace(counter, books=replace(counter.books, apart_bytes_min=0))
    assert counts(office.charge(*large)) == (len(large), 0, 0, 0)
    statement = sa.text(
        "SELECT COUNT(*) FROM allocation a JOIN payment p ON p.account = a.account"
        " AND p.payment_no = a.payment_no AND p.for_charge_no = a.charge_no"
        " AND p.amount = a.amount AND p.received_on = a.effective_on"
    )
    with office.books.database.reading() as connection:
        paid = connection.execute(statement).scalar_one()
    assert paid == len(cash_in(office)) == sum(number % 7 != 0 for number in range(len(large)))
    in_order(office)


def test_nothing_is_sold_under_the_code_of_what_is_paid_out(office: Office) -> None:
    """Money that goes out is never taken for something that was sold."""
    imported = office.books.load(
        CatalogKind.PRODUCTS,
        [{"billing_code": "PAYOUT", "price": 100}, {"billing_code": "PENCIL", "price": 100}],
    )
    assert imported.added == 1
    assert counts(office.charge("LIABILITY,C1,S1,PAYOUT,1.00,2026-03-02")) == (0, 0, 0, 1)
    [finding] = office.books.dump("finding")["finding"]
    assert "PAYOUT is reserved" in str(finding)
