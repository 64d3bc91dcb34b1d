"""What an office cannot do: each said in one line, and nothing of it written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestd.database.engine import open_database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.money.choices import Paid
from ingestd.service.office.charges import Sale, add_penalty
from ingestd.service.office.payments import settle_batch
from ingestd.values.errors import IngestdError, LedgerRefusal, UsageError
from tests.integration.ledger.conftest import rows_of
from tests.integration.office.conftest import Office, day, open_office

Attempt = Callable[[Office], object]


def meal(**changes: object) -> Sale:
    return Sale(**({"party": "S1", "billing_code": "MEAL"} | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def desk(sqlite_pattern: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office with a payment in every state; whatever is refused leaves it as it is."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(sqlite_pattern, folder / "ledger.db")
    database = open_database(f"sqlite:///{folder / 'ledger.db'}")
    office = open_office(database, folder)
    office.books.load(
        CatalogKind.STUDENTS,
        [{"student_id": "TWIN", "parent_code": None}, {"student_id": "S9", "parent_code": "TWIN"}],
    )
    office.books.load(CatalogKind.PRODUCTS, [{"billing_code": "UNPRICED", "price": None}])
    office.charge(
        "LIABILITY,C1,S1,LATE_FEE,,2026-03-01",
        "WALLET,W1,S1,MEAL,,2026-03-01",
        "LIABILITY,C3,S3,LATE_FEE,,2026-03-01",
        "LIABILITY,C4,S9,LATE_FEE,,2026-03-01",
    )
    for key in ("PENDING", "SETTLED", "RETURNED", "VOIDED"):
        office.pay(key, "COLL001", "5.00", on="2026-03-05")
    for key in ("SETTLED", "RETURNED"):
        office.settle(key, on="2026-03-09")
    office.bounce("RETURNED", on="2026-03-12")
    office.take_back("VOIDED", on="2026-03-12")
    office.sell(meal(party="ANONYMOUS", tracking_id="T1", paid=Paid.CASH), on="2026-03-12")
    office.close("2026-01")
    yield office
    database.close()


def stored(office: Office) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    with office.books.database.reading() as connection:
        names = sa.inspect(connection).get_table_names()
        return {name: rows_of(connection, name) for name in names}


def refuse(office: Office, attempt: Attempt, kind: type[IngestdError], says: str) -> None:
    before = stored(office)
    with pytest.raises(kind, match=says) as refused:
        attempt(office)
    assert refused.value.exit_code == {LedgerRefusal: 1, UsageError: 2}[kind]
    assert len(refused.value.message.splitlines()) == 1
    assert stored(office) == before


MISTAKES: dict[str, tuple[str, Attempt]] = {
    "money of nobody for nothing in particular": (
        "pays its own sale",
        lambda o: o.pay("NOBODYS", "ANONYMOUS", "5.00"),
    ),
    "unknown payer": ("Nobody is called S7", lambda o: o.pay("P", "S7", "5.00")),
    "unknown kind": ("Nobody is called donor:S1", lambda o: o.pay("P", "donor:S1", "5.00")),
    "wrong kind": ("Nobody is called parent:S1", lambda o: o.pay("P", "parent:S1", "5.00")),
    "ambiguous payer": (
        "Write parent:TWIN or student:TWIN",
        lambda o: o.pay("P", "TWIN", "5.00"),
    ),
    "ambiguous party": (
        "Write parent:TWIN or student:TWIN",
        lambda o: add_penalty(o.keeper, "TWIN", "NSF_FEE"),
    ),
    "unknown named charge": (
        "There is no charge NONE",
        lambda o: o.pay("P", "S1", "5.00", for_charge="NONE"),
    ),
    "another family's charge": (
        "C3 is not a charge of COLL001's family",
        lambda o: o.pay("P", "COLL001", "5.00", for_charge="C3"),
    ),
    "a brother's meal": (
        "W1 is paid from the wallet of S1 alone. Give --payer S1",
        lambda o: o.pay("P", "S2", "5.00", to="WALLET", for_charge="W1"),
    ),
    "a parent's money for a child's meal": (
        "Give --payer S1",
        lambda o: o.pay("P", "COLL001", "5.00", to="WALLET", for_charge="W1"),
    ),
    "fees for a meal": (
        "Give --to WALLET",
        lambda o: o.pay("P", "S1", "5.00", for_charge="W1"),
    ),
    "unknown charge": ("There is no charge NONE", lambda o: o.void("NONE")),
    "settling what is unknown": ("There is no payment NONE", lambda o: o.settle("NONE")),
    "returning what is unknown": ("There is no payment NONE", lambda o: o.bounce("NONE")),
    "voiding what is unknown": ("There is no payment NONE", lambda o: o.take_back("NONE")),
    "unknown batch": (
        "There is no batch B of merchant M",
        lambda o: settle_batch(o.keeper, "M", "B", expected=None),
    ),
    "unknown batch of nobody": (
        "There is no batch B of payments without a merchant",
        lambda o: settle_batch(o.keeper, "", "B", expected=None),
    ),
    "no key": ("1 to 64 printable", lambda o: o.pay("", "S1", "5.00")),
    "a blank key": ("1 to 64 printable", lambda o: o.pay(" ", "S1", "5.00")),
    "a long key": ("1 to 64 printable", lambda o: o.pay("K" * 65, "S1", "5.00")),
    "an unseen key": ("1 to 64 printable", lambda o: o.pay("K\x1b[1m", "S1", "5.00")),
    "a key of two lines": ("1 to 64 printable", lambda o: o.pay("K\nK", "S1", "5.00")),
    "a payer who is no text": (r"'S\\udcff' is no text", lambda o: o.pay("P", "S\udcff", "5.00")),
    "a payment that is no text": ("is no text", lambda o: o.settle("P\udcff")),
    "unknown product": ("billing code NOPE", lambda o: o.sell(meal(billing_code="NOPE"))),
    "unknown penalty": (
        "billing code NOPE",
        lambda o: o.bounce("SETTLED", penalty="NOPE"),
    ),
    "an amount below zero": ("ingestd payments void", lambda o: o.pay("P", "S1", "-5.00")),
    "no price": ("no price", lambda o: o.sell(meal(billing_code="UNPRICED"))),
    "a sale with an empty key": ("It is empty", lambda o: o.sell(meal(tracking_id=""))),
    "a sale with a long key": ("64 characters", lambda o: o.sell(meal(tracking_id="T" * 65))),
    "a sale with an unseen key": ("cannot be seen", lambda o: o.sell(meal(tracking_id="T\u200b"))),
    "a penalty with an empty key": (
        "It is empty",
        lambda o: add_penalty(o.keeper, "S1", "NSF_FEE", tracking_id=" "),
    ),
    "a guest without a name": ("--name", lambda o: o.sell(meal(party="guest"))),
    "a guest whose name is blank": ("--name", lambda o: o.sell(meal(party="guest", name="  "))),
    "a guest with a long name": (
        "--name takes up to 255",
        lambda o: o.sell(meal(party="guest", name="N" * 256)),
    ),
    "a guest with an unseen address": (
        "--email takes",
        lambda o: o.sell(meal(party="guest", name="Gil", email="g@a\n.org")),
    ),
    "a guest with an unseen number": (
        "--phone takes",
        lambda o: o.sell(meal(party="guest", name="Gil", phone="1\t2")),
    ),
    "a student with a name": ("--party guest", lambda o: o.sell(meal(name="Gil"))),
}

REFUSALS: dict[str, tuple[str, Attempt]] = {
    "closed month": ("2026-02-01", lambda o: o.pay("P", "S1", "5.00", on="2026-01-31")),
    "a charge in a closed month": ("closed", lambda o: o.void("C1", on="2026-01-31")),
    "a sale in a closed month": ("closed", lambda o: o.sell(meal(), on="2025-12-31")),
    "a day ahead": ("2026-11-23 has not", lambda o: o.settle("PENDING", on="2026-11-23")),
    "settling again on another day": (
        "settled on 2026-03-09 already",
        lambda o: o.settle("SETTLED", on="2026-03-10"),
    ),
    "settling what bounced": ("was returned", lambda o: o.settle("RETURNED")),
    "settling what was voided": ("was voided", lambda o: o.settle("VOIDED")),
    "settling before it came": ("received on", lambda o: o.settle("PENDING", on="2026-03-04")),
    "returning what is pending": ("never settled", lambda o: o.bounce("PENDING")),
    "returning again on another day": (
        "returned on 2026-03-12 already",
        lambda o: o.bounce("RETURNED", on="2026-03-13"),
    ),
    "returning again with a penalty": (
        "returned already, without a penalty",
        lambda o: o.bounce("RETURNED", penalty="NSF_FEE"),
    ),
    "returning what was voided": ("was voided", lambda o: o.bounce("VOIDED")),
    "returned before it settled": (
        "settled on 2026-03-09; it cannot",
        lambda o: o.bounce("SETTLED", on="2026-03-08"),
    ),
    "voiding what settled": ("settled on 2026-03-09", lambda o: o.take_back("SETTLED")),
    "taken back before it was charged": (
        "charged on 2026-03-01",
        lambda o: o.void("C1", on="2026-02-28"),
    ),
    "a key with another amount": (
        "--id of its own",
        lambda o: o.pay("PENDING", "COLL001", "5.01"),
    ),
    "a key with another payer": ("other content", lambda o: o.pay("PENDING", "S1", "5.00")),
    "a key with another method": (
        "other content",
        lambda o: o.pay("PENDING", "COLL001", "5.00", method="cash"),
    ),
    "a key with another purpose": (
        "other content",
        lambda o: o.pay("PENDING", "COLL001", "5.00", for_charge="C1"),
    ),
    "a sale with another amount": (
        "other content",
        lambda o: o.sell(meal(party="ANONYMOUS", tracking_id="T1", amount="9.99", paid=Paid.CASH)),
    ),
    "a sale under a file's key": ("other content", lambda o: o.sell(meal(tracking_id="C1"))),
}


@pytest.mark.parametrize(("says", "attempt"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_exits_2_and_writes_nothing(desk: Office, says: str, attempt: Attempt) -> None:
    """Whoever mistypes is told what to write, and has nothing to clean up."""
    refuse(desk, attempt, UsageError, says)


@pytest.mark.parametrize(("says", "attempt"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_the_books_refuse_exits_1_and_writes_nothing(
    desk: Office, says: str, attempt: Attempt
) -> None:
    """A script can tell "it is so already" from its own mistakes."""
    refuse(desk, attempt, LedgerRefusal, says)


@pytest.mark.parametrize(
    "amount",
    *[["", " ", "0", "0.00", "-1.00", "5.001", "1e2", "5,00", "$5", "99999999999", "٥", "NaN"]],
)
def test_what_is_no_amount_of_money_is_refused(desk: Office, amount: str) -> None:
    """No payment is a cent more or less than what was meant."""
    refuse(desk, lambda o: o.pay("P", "S1", amount), UsageError, "mount")


@pytest.mark.parametrize("amount", ["", "-1.00", "5.001", "99999999999"])
def test_what_is_no_price_is_refused(desk: Office, amount: str) -> None:
    """Sales and penalties are read as strictly as payments; only they may be for nothing."""
    refuse(desk, lambda o: o.sell(meal(amount=amount)), UsageError, "amount")
    refuse(
        desk,
        lambda o: add_penalty(o.keeper, "S1", "NSF_FEE", amount=amount, on=day("2026-03-20")),
        UsageError,
        "amount",
    )


@pytest.mark.parametrize("month", ["2026-01", "2025-12"])
def test_a_closed_month_stays_closed(desk: Office, month: str) -> None:
    """Closing again is answered, and is no new batch."""
    before = stored(desk)
    assert desk.close(month)["status"] == "closed"
    assert stored(desk) == before


@pytest.mark.parametrize(
    "attempt",
    [
        lambda office: office.settle("SETTLED", on="2026-03-09"),
        lambda office: office.bounce("RETURNED", on="2026-03-12"),
        lambda office: office.take_back("VOIDED"),
    ],
    ids=["settled", "returned", "voided"],
)
def test_what_is_so_already_is_answered_again(desk: Office, attempt: Attempt) -> None:
    """A script whose connection broke asks again, and reads what it missed."""
    before = stored(desk)
    assert attempt(desk) is not None
    assert stored(desk) == before
