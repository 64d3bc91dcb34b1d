"""The power fails at every statement of a command, and the end is the same as without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingestd.ledger.money.choices import (
    CreditSource,
    CreditTarget,
    Paid,
    PayoutMethod,
    RefundTo,
)
from ingestd.service.office import payouts, refunds, transfers
from ingestd.service.office.charges import Sale
from ingestd.values.errors import DatabaseError
from tests.integration.database.conftest import MakeDatabase
from tests.integration.ledger.conftest import PowerCutError, statements_counted
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import TODAY, Office, open_office
from tests.integration.office.test_same_money import MONEY

CRASHES_MAX = 120
Command = Callable[[Office], object]
COMMANDS: dict[str, Command] = {
    "add": lambda office: office.pay("P9", "COLL001", "5.00", on="2026-03-20"),
    "add cash": lambda office: office.pay("P9", "S1", "5.00", method="cash", for_charge="C2"),
    "settle": lambda office: office.settle("P2"),
    "return": lambda office: office.bounce("P1", penalty="NSF_FEE"),
    "void a payment": lambda office: office.take_back("P2"),
    "void a charge": lambda office: office.void("C1"),
    "sale": lambda office: office.sell(
        Sale(party="ANONYMOUS", billing_code="MEAL", paid=Paid.CASH, tracking_id="T1")
    ),
    "close": lambda office: office.close("2026-03"),
    "refund by check": lambda office: refunds.refund_charge(
        office.keeper, "W1", to=RefundTo.CHECK, key="R1"
    ),
    "write off": lambda office: refunds.write_off_charge(office.keeper, "C2", key="G1"),
    "transfer": lambda office: transfers.add_transfer(
        office.keeper,
        transfers.Transfer(
            from_party="S1",
            source=CreditSource.WALLET,
            to_party="S2",
            target=CreditTarget.LIABILITY,
            amount="7.00",
            key="M1",
        ),
    ),
    "payout": lambda office: payouts.add_payout(
        office.keeper,
        payouts.Payout(
            party="S1",
            source=CreditSource.WALLET,
            method=PayoutMethod.CASH,
            amount="7.00",
            key="O2",
        ),
    ),
    "clear": lambda office: payouts.clear(office.keeper, "O1"),
    "void a payout": lambda office: payouts.void(office.keeper, "O1"),
    "bring cash": lambda office: payouts.bring_cash(office.keeper, "9.00", key="D1"),
}


@pytest.fixture
def twins(make_database: MakeDatabase, tmp_path: Path) -> tuple[Office, Office]:
    """Two equal offices: one crashes, the other shows what should come of it."""
    pair = (
        open_office(make_database("sqlite"), tmp_path / "crashing"),
        open_office(make_database("sqlite"), tmp_path / "whole"),
    )
    for office in pair:
        office.charge(
            "LIABILITY,C1,S1,LATE_FEE,,2026-02-01",
            "LIABILITY,C2,S2,PROM,,2026-02-02",
            "WALLET,W1,S1,MEAL,,2026-02-03",
        )
        office.pay("P1", "COLL001", "10.00", on="2026-03-05")
        office.pay("P2", "S2", "80.00", on="2026-03-05", for_charge="C2")
        office.settle("P1", on="2026-03-09")
        office.pay("P3", "S1", "40.00", on="2026-03-09", method="cash", to="WALLET")
        payouts.add_payout(
            office.keeper,
            payouts.Payout(
                party="S1",
                source=CreditSource.WALLET,
                method=PayoutMethod.CHECK,
                amount="5.00",
                key="O1",
            ),
        )
    return pair


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_crash_at_any_statement_of_a_command_leaves_nothing_half_done(
    twins: tuple[Office, Office], command: Command
) -> None:
    """Whoever repeats the command after a power cut has what one run would have made."""
    crashing, whole = twins
    before = crashing.books.dump(*MONEY)
    for crash_at in range(1, CRASHES_MAX):
        crashing.books.clock.instant = TODAY
        try:
            with statements_counted(crashing.books.database, fail_at=crash_at):
                command(crashing)
        except (PowerCutError, DatabaseError):
            assert crashing.books.dump(*MONEY) == before
        else:
            break
    assert crash_at > 5
    whole.books.clock.instant = TODAY
    command(whole)
    assert crashing.books.dump(*MONEY) == whole.books.dump(*MONEY)
    audit(crashing.books).check()
