"""Discounts, tax, refunds, write-offs, transfers, payouts and cash: followed and exported."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod
from ingestd.reports.exports.programs import ExportFormat
from ingestd.service.office import payouts, refunds
from ingestd.service.office.transfers import Transfer, add_transfer
from tests.integration.export.district import (
    Balances,
    District,
    beancount_balances,
    party_balances,
    read_with_beancount,
    read_with_hledger,
)

# The hall with tax, a deposit of S2's, an advance of S1's.
HIRE = (
    "2026-03-04,110.00,ABCDE371,7,R1,Gil Guest,,,,,,,,Hall,GIFTS,100.00,10.00,GST,null,null,null\n"
)
ENROLMENT = (
    "2026-03-04,300.00,ABCDE371,8,R2,Ann,,,,,,,,Deposit,GIFTS,300.00,0.00,GST,D,COLL001,S2\n"
    "2026-03-04,50.00,ABCDE371,8,R3,Ann,,,,,,,,Advance,GIFTS,50.00,0.00,GST,A,COLL001,S1\n"
)
HALL, DEPOSIT, ADVANCE = (
    "sundry_payments:ABCDE371:R1",
    *(f"enrolment_payments:ABCDE371:{receipt}" for receipt in ("R2", "R3")),
)
PAYMENTS = ("P1", "P2", HALL, DEPOSIT, ADVANCE)


@pytest.fixture
def spring(district: District) -> District:
    """A district in which money came, moved, left and came back in every way there is."""
    day, load = district.today, district.books.load
    day("2026-03-02")
    load(CatalogKind.MERCHANTS, [{"merchant_id": "ABCDE371"}])
    load(CatalogKind.GL_ACCOUNTS, [{"gl_account": "GIFTS"}])
    load(CatalogKind.TAX_CODES, [{"tax_code": "GST"}])
    district.books.post("LIABILITY,C1,S1,LOST_BOOK,,18.50", "LIABILITY,C2,S2,LATE_FEE,,5.00")
    day("2026-03-04")
    district.books.post_bytes(HIRE.encode(), "sundry_payments.csv")
    district.books.post_bytes(ENROLMENT.encode(), "enrolment_payments.csv")
    district.pay_in_parts("P1", "COLL001", fee=9500, discount=500)
    district.pay("P2", "S1", "60.00", to="WALLET")
    day("2026-03-09")
    for key in PAYMENTS:
        district.settle(key)
    day("2026-03-10")
    refunds.refund_charge(district.keeper, "C1", amount="8.50", key="RF1")
    refunds.refund_charge(district.keeper, HALL, amount="55.00", key="RF2")
    move(district, "S1", CreditSource.WALLET, "S2", CreditTarget.WALLET, "20.00")
    move(district, "S1", CreditSource.ADVANCE, "S1", CreditTarget.LIABILITY, "50.00")
    pay_out(district, "O1", "S2", CreditSource.WALLET, PayoutMethod.CHECK, "15.00")
    pay_out(district, "O2", "S2", CreditSource.DEPOSIT, PayoutMethod.ACH, "100.00")
    pay_out(district, "O3", "S2", CreditSource.DEPOSIT, PayoutMethod.CHECK, "30.00")
    day("2026-03-12")
    payouts.clear(district.keeper, "O2")
    payouts.void(replace(district.keeper, reason="lost in the mail"), "O3")
    district.sell("ANONYMOUS", "MEAL", "3.50", key="M1", paid=Paid.CASH)
    payouts.bring_cash(district.keeper, "3.50", key="CD1")
    district.bounce("P2")
    district.books.post("LIABILITY,C3,S2,CHROMEBOOK,,250.00")
    refunds.write_off_charge(replace(district.keeper, reason="moved away"), "C3", amount="10.00")
    return district


def move(
    district: District,
    from_party: str,
    source: CreditSource,
    to_party: str,
    target: CreditTarget,
    amount: str,
) -> None:
    transfer = Transfer(
        from_party=from_party, source=source, to_party=to_party, target=target, amount=amount
    )
    add_transfer(district.keeper, transfer)


def pay_out(
    district: District,
    key: str,
    party: str,
    source: CreditSource,
    method: PayoutMethod,
    amount: str,
) -> None:
    payout = payouts.Payout(party=party, source=source, method=method, amount=amount, key=key)
    payouts.add_payout(district.keeper, payout)


def stands(district: District) -> dict[str, tuple[int, int]]:
    """Return what of each charge is open and written off, as the books keep it."""
    with district.books.database.reading() as connection:
        rows = connection.execute(
            sa.text("SELECT tracking_id, open_amount, written_off FROM charge_standing")
        )
        return {row.tracking_id: (row.open_amount, row.written_off) for row in rows}


def cents(text: object) -> int:
    return int(Decimal(str(text)) * 100)


def test_each_payment_is_explained_to_the_cent(spring: District) -> None:
    """Whoever paid is told where the money is, whatever was done to it since."""
    told: dict[str, dict[str, Any]] = {key: spring.explain(key) for key in PAYMENTS}
    for key, answer in told.items():
        assert answer["reconciles"], (key, answer["totals"])
    deposit = told[DEPOSIT]
    assert [(moved["amount"], moved["undone_by"]) for moved in deposit["transfers"]] == [
        ("100.00", None),
        ("30.00", "payout_voided"),
    ]
    assert (deposit["totals"]["paid_out"], deposit["totals"]["held"]) == ("100.00", "200.00")
    wallet = told["P2"]
    assert [moved["to_party"] for moved in wallet["transfers"]] == ["S2"]
    assert (wallet["totals"]["returned"], wallet["totals"]["paid_out"]) == ("60.00", "0.00")
    assert told[HALL]["held"] == []  # its tax is due, and part of what paid the hall
    # Cash of its payment moved on: the discount went back whole.
    assert told["P1"]["totals"]["discount"] == "0.00"


def test_each_charge_is_traced_to_where_it_stands(spring: District) -> None:
    """What a trace says is open is what the books will take money for."""
    for tracking_id, (left_open, written_off) in stands(spring).items():
        charge = spring.trace(tracking_id)["charge"]
        found = (cents(charge["open"]), cents(charge["written_off"]))
        assert found == (left_open, written_off), tracking_id
        taken = sum(cents(charge[name]) for name in ("paid", "voided", "written_off", "open"))
        assert cents(charge["amount"]) == taken


def test_a_trace_tells_every_refund_write_off_and_payout(spring: District) -> None:
    """Money that left is followed like money that came, with who let it go and why."""
    hall = spring.trace(HALL)
    assert (hall["charge"]["tax"], hall["charge"]["tax_code"]) == ("10.00", "GST")
    [refund] = hall["refunds"]
    assert (refund["amount"], refund["tax"], refund["to"]) == ("55.00", "5.00", "wallet")
    assert hall["refund"] == refund
    [written_off] = spring.trace("C3")["write_offs"]
    assert (written_off["amount"], written_off["reason"]) == ("10.00", "moved away")
    sent, gone = spring.trace("O2"), spring.trace("O3")
    assert (sent["payout"]["method"], sent["payout"]["cleared_on"]) == ("ach", "2026-03-12")
    assert (gone["payout"]["voided_on"], gone["charge"]["status"]) == ("2026-03-12", "void")
    assert spring.trace("C1")["payout"] is None
    commands = [entry["command"] for entry in gone["entries"]]
    assert commands == ["payouts add", "payouts void"]
    # The wallet's payment bounced: what was paid out of it is owed back.
    assert spring.trace("O1")["charge"]["account_type"] == "WALLET"


@pytest.mark.parametrize("export_format", ExportFormat)
def test_both_programs_come_to_the_same_balances(
    spring: District, export_format: ExportFormat, tmp_path: Path
) -> None:
    """An accountant finds our figures in a program that knows nothing of ours."""
    text = spring.export(export_format)
    balances: Balances
    if export_format is ExportFormat.BEANCOUNT:
        balances = beancount_balances(read_with_beancount(text))
    else:
        balances = read_with_hledger(tmp_path / "book.journal", text)
    with spring.books.database.reading() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT y.party_code, b.credit_account, b.balance FROM party_balance b"
                " JOIN party y ON y.account = b.account AND y.party_no = b.party_no"
                " WHERE b.balance <> 0"
            )
        ).all()
    types = {2010: "LIABILITY", 2000: "WALLET"}
    ours = {
        (party, types[account]): Decimal(balance) / 100
        for party, account, balance in rows
        if account in types
    }
    assert party_balances(balances) == ours
    held = {
        (party, account): Decimal(balance) / 100
        for party, account, balance in rows
        if account not in types
    }
    assert held == {("S2", 2310): -balances["Liabilities:Deposits:Student:S2"]}
    assert "Liabilities:Transfers" not in balances
    assert balances.get("Assets:Cash", Decimal()) == 0


@pytest.mark.parametrize("export_format", ExportFormat)
def test_every_event_is_told_in_words(spring: District, export_format: ExportFormat) -> None:
    """A reader of the journal meets sentences, not the names of events."""
    text = spring.export(export_format)
    for words in (
        *("Credit moved", "Paid out", "Payout left the bank", "Payout taken back"),
        *("Written off", "Cash brought to the bank", "Charge taken back"),
    ):
        assert words in text
