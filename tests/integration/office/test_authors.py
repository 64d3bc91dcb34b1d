"""Who and why: kept beside each batch that a command writes, sealed, and demanded where it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from ingestd.access.accounts import ReasonPolicy
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.service.office import charges, months, payments, refunds
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.values.errors import UsageError
from tests.integration.office.conftest import Office

Deed = Callable[[Bookkeeper], object]
MEAL = charges.Sale(party="S1", billing_code="MEAL", tracking_id="T1", source="canteen")
FIVE = payments.Payment(payer="S1", amount="5.00", method="check", key="P1")

# In the order of a day at the office; each is told of by what is typed.
DAY: dict[str, Deed] = {
    "sales add": lambda keeper: charges.add_sale(keeper, MEAL),
    "charges penalty": lambda keeper: charges.add_penalty(keeper, "S1", "NSF_FEE"),
    "payments add": lambda keeper: payments.add_payment(keeper, FIVE),
    "payments settle": lambda keeper: payments.settle_payment(keeper, "P1"),
    "payments return": lambda keeper: payments.return_payment(keeper, "P1"),
    "charges void": lambda keeper: refunds.void_charge(keeper, "T1"),
    "ledger close": lambda keeper: months.close_month(keeper, "2026-01"),
}


def entries(office: Office) -> list[tuple[object, ...]]:
    """Return what is kept of each entry, in their order, with the event of its batch."""
    with office.books.database.reading() as connection:
        found = connection.execute(
            sa.text(
                "SELECT n.command, n.entered_by, n.reason, n.source, b.upload_id FROM seal b"
                " LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no"
                " WHERE b.event <> 'catalog' ORDER BY b.batch_no"
            )
        )
        return [tuple(row) for row in found]


def demanding(office: Office) -> Bookkeeper:
    """Return the keeper of an account that wants to know why."""
    keeper = office.keeper
    policy = replace(keeper.account.policy, reasons=ReasonPolicy.REQUIRED)
    return replace(keeper, account=replace(keeper.account, policy=policy))


def test_each_entry_says_who_made_it_by_which_command_and_why(office: Office) -> None:
    """Months later an auditor asks of a correction who made it, and what for."""
    keeper = replace(office.keeper, entered_by=" Ada ", reason=" told by phone ")
    for deed in DAY.values():
        deed(keeper)
    assert entries(office) == [
        (command, "Ada", "told by phone", "canteen" if command == "sales add" else None, None)
        for command in DAY
    ]


def test_a_file_is_nobodys_entry(office: Office) -> None:
    """Its upload says who sent it, and from where."""
    office.charge("LIABILITY,C1,S1,LATE_FEE,,2026-03-01")
    [(command, entered_by, *_, upload_id)] = entries(office)
    assert (command, entered_by) == (None, None)
    assert upload_id is not None


def test_what_is_answered_again_has_one_author(office: Office) -> None:
    """Whoever repeats a command wrote nothing, and is not told of."""
    office.sell(MEAL)
    charges.add_sale(replace(office.keeper, entered_by="somebody else"), MEAL)
    assert [entered_by for _, entered_by, *_ in entries(office)] == [office.keeper.entered_by]


@pytest.mark.parametrize("column", ["command", "entered_by", "reason", "source"])
def test_an_author_that_was_changed_is_found_out(office: Office, column: str) -> None:
    """Nobody lays a correction at somebody else's door."""
    charges.add_sale(replace(office.keeper, reason="told by phone"), MEAL)
    with office.books.database.connection() as connection, connection.begin() as transaction:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER entry_refuses_update")
        connection.exec_driver_sql(f"UPDATE entry SET {column} = 'other'")
        found = verify_ledger(connection, office.books.account.account_id, decimals=2)
        changed = connection.exec_driver_sql("SELECT batch_no FROM entry").scalar_one()
        assert [(each.check, each.batch_no) for each in found.differences] == [("seal", changed)]
        transaction.rollback()


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_an_account_may_want_to_know_why(office: Office, reason: str | None) -> None:
    """What takes back, gives up or moves money says why, in one line; nothing else must."""
    keeper = demanding(office)
    for command in ("sales add", "payments add", "payments settle", "ledger close"):
        DAY[command](replace(keeper, reason=reason))
    before = entries(office)
    for command in ("payments return", "charges void"):
        with pytest.raises(UsageError, match=f"give {command} a --reason") as refused:
            DAY[command](replace(keeper, reason=reason))
        assert refused.value.exit_code == 2
        assert entries(office) == before
        DAY[command](replace(keeper, reason="NSF"))
        before = entries(office)
        assert before[-1][2] == "NSF"


def test_a_pending_payment_is_taken_back_for_a_reason(office: Office) -> None:
    """The reason stands beside the payment, too, where it always stood."""
    office.pay("P1", "S1", "5.00")
    with pytest.raises(UsageError, match="give payments void a --reason"):
        payments.take_back_payment(demanding(office), "P1")
    payments.take_back_payment(replace(demanding(office), reason=" typed twice "), "P1")
    assert entries(office)[-1][:3] == ("payments void", office.keeper.entered_by, "typed twice")
    assert "typed twice" in office.books.dump("payment_event")["payment_event"][0]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"reason": "R" * 256}, "--reason takes up to 255 printable characters"),
        ({"reason": "two\nlines"}, "--reason takes"),
        ({"reason": "NUL\0"}, "--reason takes"),
        ({"entered_by": "W" * 65}, "--who takes up to 64 printable characters"),
        ({"entered_by": "turned\u202e"}, "--who takes"),
        ({"entered_by": " "}, "--who is empty"),
    ],
)
def test_what_cannot_be_kept_is_refused(office: Office, said: dict[str, Any], says: str) -> None:
    """A name or reason that nobody could read is asked for again, and nothing is written."""
    with pytest.raises(UsageError, match=says):
        charges.add_sale(replace(office.keeper, **said), MEAL)
    with pytest.raises(UsageError, match="--source takes up to 64 printable characters"):
        charges.add_sale(office.keeper, replace(MEAL, source="S" * 65))
    assert entries(office) == []


def test_the_longest_author_is_kept(office: Office) -> None:
    """The limits are what they say."""
    keeper = replace(office.keeper, entered_by="W" * 64, reason="R" * 255)
    charges.add_sale(keeper, replace(MEAL, source="S" * 64))
    assert entries(office) == [("sales add", "W" * 64, "R" * 255, "S" * 64, None)]
