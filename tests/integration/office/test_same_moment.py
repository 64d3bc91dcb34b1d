"""Two commands at the same moment: one wins, the other says so, and nothing is written twice."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from ingestd.database.engine import Database, open_database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.money.choices import Paid
from ingestd.values.identifiers import AccountId
from tests.integration.database.conftest import KINDS, Server
from tests.integration.ledger.conftest import Books, FakeClock, springfield
from tests.integration.office.at_once import Deed, Outcome, both_at_once, outcome
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import PRODUCTS, STUDENTS, TODAY
from tests.integration.office.deeds import (
    MERCHANT,
    batch,
    bill,
    bounce,
    bring_cash,
    clear,
    enrol,
    pay,
    pay_out,
    penalise,
    refund,
    sell,
    settle,
    settle_batch,
    settle_first_of_batch,
    take_back,
    transfer,
    void_charge,
    void_payout,
    write_off,
)
from tests.integration.office.test_projections import assert_verified
from tests.integration.payments.conftest import PaymentOffice

_accounts = itertools.count()


# What came before.

PENDING = (bill(), pay("P", "10.00"))
SETTLED = (*PENDING, settle("P"))
WAITING = (pay("W", "20.00", to="WALLET"), settle("W"))
PAID_OUT = (*WAITING, pay_out("O", "15.00"))
IN_THE_TILL = (*WAITING, pay("TILL", "20.00", payer="S2", how="cash"))
HAPPEN, AGAIN = "both happen", "answered again"

Written = tuple[object, ...]


@dataclass(frozen=True)
class Case:
    """Two commands, what came before them, and what the second one is told."""

    before: tuple[Deed, ...]
    first: Deed
    second: Deed
    told: str


CASES = {
    # One payment.
    "settle, settle": Case(PENDING, settle("P"), settle("P"), AGAIN),
    "settle, return": Case(PENDING, settle("P"), bounce("P"), HAPPEN),
    "settle, void": Case(PENDING, settle("P"), take_back("P"), "contradicts"),
    "void, settle": Case(PENDING, take_back("P"), settle("P"), "contradicts"),
    "void, void": Case(PENDING, take_back("P"), take_back("P"), AGAIN),
    "void, return": Case(PENDING, take_back("P"), bounce("P"), "contradicts"),
    "return, void": Case(SETTLED, bounce("P"), take_back("P"), "contradicts"),
    "return, settle": Case(SETTLED, bounce("P"), settle("P"), "contradicts"),
    "return, return": Case(SETTLED, bounce("P", "NSF_FEE"), bounce("P", "NSF_FEE"), AGAIN),
    "return, return with a penalty": Case(
        SETTLED, bounce("P"), bounce("P", "NSF_FEE"), "contradicts"
    ),
    # One lot of credit.
    "transfer, transfer": Case(
        WAITING, transfer("X1", "15.00"), transfer("X2", "15.00"), "credit_short"
    ),
    "transfer, payout": Case(
        WAITING, transfer("X", "15.00"), pay_out("O", "15.00"), "credit_short"
    ),
    "payout, transfer": Case(
        WAITING, pay_out("O", "15.00"), transfer("X", "15.00"), "credit_short"
    ),
    "payout, payout": Case(WAITING, pay_out("O1", "15.00"), pay_out("O2", "15.00"), "credit_short"),
    "payout of all, and of all": Case(
        WAITING, pay_out("O1", None), pay_out("O2", None), "credit_short"
    ),
    "payout, return": Case(WAITING, pay_out("O", "15.00"), bounce("W"), HAPPEN),
    "return, payout": Case(WAITING, bounce("W"), pay_out("O", "15.00"), "credit_short"),
    "transfer, return": Case(WAITING, transfer("X", "15.00"), bounce("W"), HAPPEN),
    "return, transfer": Case(WAITING, bounce("W"), transfer("X", "15.00"), "credit_short"),
    "sale, sale from one deposit": Case(
        (enrol,),
        sell("T1", "60.00", Paid.DEPOSIT),
        sell("T2", "60.00", Paid.DEPOSIT),
        "credit_short",
    ),
    "sale, payout from one deposit": Case(
        (enrol,),
        sell("T1", "60.00", Paid.DEPOSIT),
        pay_out("O", "60.00", source="DEPOSIT"),
        "credit_short",
    ),
    # One charge.
    "refund, refund": Case(SETTLED, refund(), refund(), AGAIN),
    "void, void of a charge": Case(SETTLED, void_charge, void_charge, AGAIN),
    "refund, refund of parts": Case(
        SETTLED, refund("F1", "6.00"), refund("F2", "6.00"), "refund_too_large"
    ),
    "refund, refund elsewhere": Case(SETTLED, refund(), refund(to="check"), "contradicts"),
    "refund, write-off": Case(PENDING, refund(), write_off(), "refund_too_large"),
    "write-off, refund": Case(PENDING, write_off(), refund(), "refund_too_large"),
    "write-off, write-off": Case(PENDING, write_off(), write_off(), "already_written_off"),
    "write-off, write-off of parts": Case(
        PENDING, write_off("W1", "6.00"), write_off("W2", "6.00"), "refund_too_large"
    ),
    "refund, settle": Case(PENDING, refund(), settle("P"), HAPPEN),
    "settle, refund": Case(PENDING, settle("P"), refund(), HAPPEN),
    "write-off, settle": Case(PENDING, write_off(), settle("P"), HAPPEN),
    "settle, write-off": Case(PENDING, settle("P"), write_off(), "refund_too_large"),
    "refund, return": Case(SETTLED, refund(), bounce("P"), HAPPEN),
    "return, refund": Case(SETTLED, bounce("P"), refund(), HAPPEN),
    # One payout.
    "clear, clear": Case(PAID_OUT, clear("O"), clear("O"), AGAIN),
    "clear, void of a payout": Case(PAID_OUT, clear("O"), void_payout("O"), HAPPEN),
    "void, clear of a payout": Case(PAID_OUT, void_payout("O"), clear("O"), "contradicts"),
    "void, void of a payout": Case(PAID_OUT, void_payout("O"), void_payout("O"), AGAIN),
    "void a payout, return": Case(PAID_OUT, void_payout("O"), bounce("W"), HAPPEN),
    "return, void a payout": Case(PAID_OUT, bounce("W"), void_payout("O"), HAPPEN),
    # One batch.
    "batch, batch": Case((batch,), settle_batch(), settle_batch(), AGAIN),
    "batch, batch of another total": Case(
        (batch,), settle_batch("200.00"), settle_batch("100.00"), "contradicts"
    ),
    "batch, one of it": Case((batch,), settle_batch(), settle_first_of_batch, HAPPEN),
    "one of it, batch": Case((batch,), settle_first_of_batch, settle_batch("200.00"), HAPPEN),
    # One key.
    "payment under one key": Case((), pay("K", "5.00"), pay("K", "5.00"), AGAIN),
    "payments under one key": Case((), pay("K", "5.00"), pay("K", "6.00"), "other_content"),
    "transfer under one key": Case(WAITING, transfer("K", "5.00"), transfer("K", "5.00"), AGAIN),
    "transfers under one key": Case(
        WAITING, transfer("K", "5.00"), transfer("K", "6.00"), "other_content"
    ),
    "payout under one key": Case(WAITING, pay_out("K", "5.00"), pay_out("K", "5.00"), AGAIN),
    "payouts under one key": Case(
        WAITING, pay_out("K", "5.00"), pay_out("K", "6.00"), "other_content"
    ),
    "refund under one key": Case(SETTLED, refund("K", "5.00"), refund("K", "5.00"), AGAIN),
    "refunds under one key": Case(
        SETTLED, refund("K", "5.00"), refund("K", "4.00"), "other_content"
    ),
    "write-off under one key": Case(PENDING, write_off("K", "5.00"), write_off("K", "5.00"), AGAIN),
    "write-offs under one key": Case(
        PENDING, write_off("K", "5.00"), write_off("K", "4.00"), "other_content"
    ),
    "cash deposit under one key": Case(
        IN_THE_TILL, bring_cash("K", "5.00"), bring_cash("K", "5.00"), AGAIN
    ),
    "cash deposits under one key": Case(
        IN_THE_TILL, bring_cash("K", "5.00"), bring_cash("K", "6.00"), "other_content"
    ),
    "sale under one key": Case((), sell("K", "5.00"), sell("K", "5.00"), AGAIN),
    "sales under one key": Case((), sell("K", "5.00"), sell("K", "6.00"), "other_content"),
    "penalty under one key": Case((), penalise("K", "5.00"), penalise("K", "5.00"), AGAIN),
    "penalties under one key": Case(
        (), penalise("K", "5.00"), penalise("K", "6.00"), "other_content"
    ),
    "a sale and a payout under one key": Case(
        WAITING, sell("K", "5.00"), pay_out("K", "5.00"), "other_content"
    ),
    "a payout and a sale under one key": Case(
        WAITING, pay_out("K", "5.00"), sell("K", "5.00"), "other_content"
    ),
    # One till.
    "payout, payout in cash": Case(
        (pay("W2", "20.00", to="WALLET"), settle("W2"), *IN_THE_TILL),
        pay_out("O1", "15.00", how="cash"),
        pay_out("O2", "15.00", how="cash"),
        "cash_short",
    ),
    "deposit, deposit of cash": Case(
        IN_THE_TILL, bring_cash("D1", "15.00"), bring_cash("D2", "15.00"), "cash_short"
    ),
    "deposit, return of cash": Case(
        IN_THE_TILL, bring_cash("D", "15.00"), bounce("TILL"), "cash_short"
    ),
    "return of cash, deposit": Case(
        IN_THE_TILL, bounce("TILL"), bring_cash("D", "15.00"), "cash_short"
    ),
    "deposit, refund in cash": Case(
        (bill("20.00"), pay("P", "20.00", how="cash")),
        bring_cash("D", "15.00"),
        refund(to="cash"),
        "cash_short",
    ),
    "refund in cash, deposit": Case(
        (bill("20.00"), pay("P", "20.00", how="cash")),
        refund(to="cash"),
        bring_cash("D", "15.00"),
        "cash_short",
    ),
}


@pytest.fixture(scope="module")
def embedded(sqlite_pattern: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One SQLite file for all accounts of this file, each as good as a database of its own."""
    path = tmp_path_factory.mktemp("shared") / "ledger.db"
    shutil.copy(sqlite_pattern, path)
    with closing(open_database(f"sqlite:///{path}")) as database:
        yield database


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, embedded: Database) -> Iterator[Database]:
    """The same, on either database."""
    if request.param == "sqlite":
        yield embedded
        return
    server: Server | None = request.getfixturevalue("server")
    if server is None:
        pytest.skip("no PostgreSQL server here")
    with server.database("pattern_migrated") as url, closing(open_database(url)) as database:
        yield database


@dataclass(frozen=True)
class Course:
    """What came of two commands, and all that is written then."""

    first: Outcome
    second: Outcome
    books: Written


Typed = Callable[[str], Course]


@pytest.fixture(scope="module")
def typed_by_one(embedded: Database, tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """Tell how a case ends when one clerk types both commands, one after the other."""
    folder = tmp_path_factory.mktemp("alone")

    @cache
    def type_both(name: str) -> Course:
        case = CASES[name]
        office = open_account(embedded, folder, case)
        first, second = (outcome(deed, office) for deed in (case.first, case.second))
        return Course(first, second, written(office))

    return type_both


def open_account(database: Database, folder: Path, case: Case) -> PaymentOffice:
    """Open an account's office, and let all happen that came before."""
    name = AccountId(f"N{next(_accounts)}")
    account = replace(springfield(), account_id=name)
    books = Books(database=database, folder=folder / name, account=account, clock=FakeClock(TODAY))
    books.folders.create_for(name)
    books.load(CatalogKind.PRODUCTS, PRODUCTS)
    books.load(CatalogKind.STUDENTS, STUDENTS)
    office = PaymentOffice(books)
    if set(case.before) & {enrol, batch}:
        office.refer(
            "merchant",
            {"merchant_id": MERCHANT, "description": "Bank"},
            {"merchant_id": "NOW", "description": "Card", "settle": "on_import"},
        )
        office.refer("gl_account", {"gl_account": "HIRE", "name": "Hall hire"})
        office.refer("tax_code", {"tax_code": "FRE", "name": "No tax"})
    for deed in case.before:
        deed(office)
    return office


def written(office: PaymentOffice) -> Written:
    """Return all postings, what is left, and how many batches there are."""
    seen = audit(office.books)
    seen.check()
    [batches] = office.rows("SELECT COUNT(*) FROM seal WHERE account = :account")
    return seen.postings, seen.stated_open, seen.stated_lots, batches


@pytest.mark.parametrize("name", CASES)
def test_of_two_commands_at_the_same_moment_one_waits_for_the_other(
    shared: Database, typed_by_one: Typed, tmp_path: Path, name: str
) -> None:
    """Two clerks at two desks come to what one clerk comes to who types both."""
    case = CASES[name]
    office = open_account(shared, tmp_path, case)
    first, second = both_at_once(office, case.first, case.second)
    assert isinstance(first, dict), first
    match case.told:
        case "answered again":
            assert second == first
        case "both happen":
            assert isinstance(second, dict), second
        case code:
            assert isinstance(second, tuple), second
            assert second[:2] == (1, code)
            assert len(second[2].splitlines()) == 1
    assert_verified(office)
    assert Course(first, second, written(office)) == typed_by_one(name)
