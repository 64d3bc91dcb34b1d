"""Every command that changes the books, typed twice: the second time it is answered, no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.core import TyperGroup

from ingestd.cli.app import COMMANDS, load_command
from ingestd.database.engine import Database, open_database
from tests.integration.office.desk import YEAR, Desk, desk, on
from tests.integration.office.test_refusals import stored
from tests.integration.payments.conftest import fee_row

__all__ = ["desk"]

EARLIER = on("05-01")
MOVED = "transfers add --from-party K1 --from WALLET --to-party K2 --to WALLET"
# In the order of a day: what is typed twice, what contradicts it, and what that is told.
DAY = (
    (
        "sales add --party K1 --billing-code BAND --amount 20.00 --id T1",
        "sales add --party K1 --billing-code BAND --amount 21.00 --id T1",
        "other_content",
    ),
    (
        "sales add --party guest --name Gil --billing-code TRIP --id T2",
        "sales add --party guest --name Gus --billing-code TRIP --id T2",
        "other_content",
    ),
    (
        "sales add --party ANONYMOUS --billing-code MEAL --paid cash --id T3",
        "sales add --party ANONYMOUS --billing-code TRIP --paid cash --id T3",
        "other_content",
    ),
    (
        "charges penalty --party K1 --billing-code LATE_FEE --id N1",
        "charges penalty --party K2 --billing-code LATE_FEE --id N1",
        "other_content",
    ),
    (
        "payments add --payer KIM001 --amount 25.00 --method check --id P1",
        "payments add --payer KIM001 --amount 25.00 --method card --id P1",
        "other_content",
    ),
    (
        "payments add --payer K1 --amount 50.00 --method check --to WALLET --id P2",
        "payments add --payer K1 --amount 50.00 --method check --id P2",
        "other_content",
    ),
    (
        "payments add --payer L1 --amount 30.00 --method cash --id P3",
        "payments add --payer L1 --amount 30.01 --method cash --id P3",
        "other_content",
    ),
    (
        "payments add --payer K2 --amount 5.00 --method check --id P4",
        "payments add --payer K1 --amount 5.00 --method check --id P4",
        "other_content",
    ),
    (
        "payments settle --payment P1",
        f"payments settle --payment P1 {EARLIER}",
        "contradicts",
    ),
    ("payments settle --payment P2", "payments void --payment P2", "contradicts"),
    (
        "payments settle --merchant M1 --batch 7 --expect-total 10.00",
        "payments settle --merchant M1 --batch 7 --expect-total 11.00",
        "contradicts",
    ),
    ("payments void --payment P4", f"payments void --payment P4 {EARLIER}", "contradicts"),
    (
        "payments return --payment P1 --penalty NSF_FEE",
        "payments return --payment P1 --penalty LATE_FEE",
        "contradicts",
    ),
    (
        "charges refund --tracking-id T1 --amount 5.00 --id F1",
        "charges refund --tracking-id T1 --amount 6.00 --id F1",
        "other_content",
    ),
    ("charges void --tracking-id T2", f"charges void --tracking-id T2 {EARLIER}", "contradicts"),
    (
        "charges write-off --tracking-id T1 --amount 5.00 --id W1",
        "charges write-off --tracking-id T1 --id W1",
        "other_content",
    ),
    (
        f"{MOVED} --amount 5.00 --id X1",
        f"{MOVED} --amount 6.00 --id X1",
        "other_content",
    ),
    (
        "payouts add --party K1 --from WALLET --method check --amount 5.00 --id O1",
        "payouts add --party K1 --from WALLET --method ach --amount 5.00 --id O1",
        "other_content",
    ),
    (
        "payouts add --party K1 --from WALLET --method check --amount 6.00 --id O2",
        "payouts add --party K1 --from WALLET --method check --amount 7.00 --id O2",
        "other_content",
    ),
    ("payouts clear --payout O1", f"payouts clear --payout O1 {EARLIER}", "contradicts"),
    ("payouts void --payout O2", "payouts clear --payout O2", "contradicts"),
    (
        "cash deposit --amount 5.00 --id B1",
        "cash deposit --amount 5.00 --reference slip --id B1",
        "other_content",
    ),
    (f"ledger close --month {YEAR}-01", f"ledger close --month {YEAR + 9}-01", ""),
)
IMPORT = "catalog import"


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[Database]:
    """SQLite alone: that both databases answer a command twice is asked by the money machine."""
    with closing(open_database(f"sqlite:///{tmp_path / 'empty.db'}")) as database:
        yield database


def commands(option: str) -> set[str]:
    """Return the commands that have an option."""
    found = set()
    for name in COMMANDS:
        group = load_command(name)
        if isinstance(group, TyperGroup):
            for verb, command in group.commands.items():
                if any(option in parameter.opts for parameter in command.params):
                    found.add(f"{name} {verb}")
    return found


def name_of(typed: str) -> str:
    return " ".join(typed.split()[:2])


def test_every_command_twice_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    """A script whose connection broke types it all again, and reads what it missed."""
    row = fee_row("R1", parent="LEE001", fee="10.00", merchant="M1", at=f"{YEAR}-05-05 10:00:00")
    desk.send("fee_payments", row)
    for typed, other, code in DAY:
        answer = desk.ask(typed)
        before = stored(desk.office)
        assert desk.ask(typed) == answer, typed
        assert stored(desk.office) == before, typed
        refused = desk.refused(other)
        assert refused.get("code", "") == code, other
        if code:
            assert refused["status"] == "refused"
        assert stored(desk.office) == before, other

    (tmp_path / "products.csv").write_text("billing_code,name,price\nHAT,Hat,7.00\n")
    typed = f"{IMPORT} products {tmp_path / 'products.csv'}"
    assert desk.ask(typed)["added"] == 1
    before = stored(desk.office)
    assert desk.ask(typed)["unchanged"] == 1
    assert stored(desk.office) == before
    assert desk.ask("ledger verify")["holds"] is True


def test_no_command_is_forgotten() -> None:
    """Whatever learns to change the books is typed twice here, and has an id to be known by."""
    typed = {name_of(typed) for typed, _, _ in DAY}
    assert typed | {IMPORT} == commands("--who")
    by_what_they_name = {"settle", "return", "void", "clear", "close"}
    assert commands("--id") == {name for name in typed if name.split()[1] not in by_what_they_name}


def test_nothing_is_done_tomorrow(desk: Desk) -> None:
    """A mistyped year writes nothing, whatever the command."""
    desk.ask("payments add --payer K1 --amount 50.00 --method check --to WALLET --id P2")
    desk.ask("payments add --payer K1 --amount 5.00 --method check --id P5")
    desk.ask("payments add --payer L1 --amount 30.00 --method cash --id P3")
    desk.ask("payments settle --payment P2")
    desk.ask("sales add --party K1 --billing-code BAND --amount 20.00 --id T1")
    desk.ask("payouts add --party K1 --from WALLET --method check --amount 5.00 --id O1")
    lines = {
        "sales add --party K2 --billing-code BAND",
        "charges penalty --party K1 --billing-code LATE_FEE",
        "payments add --payer K1 --amount 1.00 --method cash",
        "payments settle --payment P5",
        "payments void --payment P5",
        "payments return --payment P2",
        "charges refund --tracking-id T1",
        "charges void --tracking-id T1",
        "charges write-off --tracking-id T1",
        f"{MOVED} --amount 1.00",
        "payouts add --party K1 --from WALLET --method check",
        "payouts clear --payout O1",
        "payouts void --payout O1",
        "cash deposit --amount 1.00",
    }
    assert {name_of(line) for line in lines} == commands("--on")
    before = stored(desk.office)
    for line in sorted(lines):
        assert "has not come yet" in desk.refused(f"{line} --on {YEAR + 9}-01-01")["says"]
        assert stored(desk.office) == before, line
