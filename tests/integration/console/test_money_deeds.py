"""Deeds: what a page says will happen, happens once, and is what the command would have written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import CreditSource, CreditTarget, PayoutMethod, RefundTo
from ingestd.service.office import charges, months, payments, payouts, refunds, transfers
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.service.people.roles import Role, RoleKind
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, Console
from tests.integration.console.office import (
    OFFICE,
    READER,
    do,
    facts_of,
    foretell,
    furnish_spring,
    tables_of,
)
from tests.integration.database.conftest import MakeDatabase
from tests.integration.office.bookkeeping import audit
from tests.integration.reports.office_story import Spring, open_spring, tell_the_second_example

ON = date(2026, 11, 1)
FEES, WALLET = AccountType.LIABILITY, AccountType.WALLET
CARD = {"payer": "KIM001", "amount": "1", "method": "card", "to": FEES}
Act = Callable[[Bookkeeper], object]


def batches(office: Spring) -> list[tuple[object, ...]]:
    """Return what each entry moves, by accounts, and who made it by which command, and why."""
    return [
        tuple(row)
        for row in office.rows(
            "SELECT n.batch_no, n.command, n.entered_by, n.reason, p.debit_account,"
            " p.credit_account, SUM(p.amount), COUNT(*) FROM entry n LEFT JOIN posting p"
            " ON p.account = n.account AND p.batch_no = n.batch_no WHERE n.account = :account"
            " GROUP BY n.batch_no, n.command, n.entered_by, n.reason, p.debit_account,"
            " p.credit_account ORDER BY n.batch_no, p.debit_account, p.credit_account"
        )
    ]


def count(office: Spring, table: str) -> int:
    return len(office.rows(f"SELECT 1 AS found FROM {table} WHERE account = :account"))


def pay(key: str, payer: str, amount: str, how: str) -> Act:
    payment = payments.Payment(payer=payer, amount=amount, method=how, key=key)
    return lambda keeper: payments.add_payment(keeper, payment, on=ON)


SALE = charges.Sale(party="K1", billing_code="BAND", tracking_id="W2")
TO_K2 = payments.Payment(
    payer="KIM001", amount="90.00", method="check", to=WALLET, for_party="K2", key="W5"
)
MOVE = transfers.Transfer(
    from_party="K2",
    source=CreditSource.WALLET,
    to_party="K1",
    target=CreditTarget.WALLET,
    amount="30.00",
    key="W6",
)
OUT = payouts.Payout(
    party="K2",
    source=CreditSource.WALLET,
    method=PayoutMethod.CHECK,
    amount="25.00",
    payee="Kim",
    reference="7",
    key="W7",
)
# Each deed as somebody fills it in, and the function that its command calls.
STORY: tuple[tuple[str, dict[str, str], Act], ...] = (
    (
        "take-payment",
        {"payer": "KIM001", "amount": "40.00", "method": "card", "to": FEES, "id": "W1"},
        pay("W1", "KIM001", "40.00", "card"),
    ),
    ("settle-payment", {"payment": "W1"}, lambda k: payments.settle_payment(k, "W1", on=ON)),
    (
        "sell",
        {"party": "K1", "billing_code": "BAND", "id": "W2"},
        lambda k: charges.add_sale(k, SALE, on=ON),
    ),
    (
        "refund-charge",
        {"tracking_id": "W2", "amount": "20.00", "to": "wallet", "id": "W3"},
        lambda k: refunds.refund_charge(
            k, "W2", amount="20.00", to=RefundTo.WALLET, key="W3", on=ON
        ),
    ),
    (
        "write-off",
        {"tracking_id": "W2", "amount": "10.00", "id": "W4"},
        lambda k: refunds.write_off_charge(k, "W2", amount="10.00", key="W4", on=ON),
    ),
    (
        "take-payment",
        {
            "payer": "KIM001",
            "amount": "90.00",
            "method": "check",
            "id": "W5",
            "to": WALLET,
            "for_party": "K2",
        },
        lambda k: payments.add_payment(k, TO_K2, on=ON),
    ),
    ("settle-payment", {"payment": "W5"}, lambda k: payments.settle_payment(k, "W5", on=ON)),
    (
        "transfer",
        {
            "from_party": "K2",
            "from": "WALLET",
            "to_party": "K1",
            "to": "WALLET",
            "amount": "30.00",
            "id": "W6",
        },
        lambda k: transfers.add_transfer(k, MOVE, on=ON),
    ),
    (
        "pay-out",
        {
            "party": "K2",
            "from": "WALLET",
            "method": "check",
            "amount": "25.00",
            "payee": "Kim",
            "reference": "7",
            "id": "W7",
        },
        lambda k: payouts.add_payout(k, OUT, on=ON),
    ),
    ("clear-payout", {"payout": "W7"}, lambda k: payouts.clear(k, "W7", on=ON)),
    ("void-payout", {"payout": "W7"}, lambda k: payouts.void(k, "W7", on=ON)),
    (
        "charge-penalty",
        {"party": "K1", "billing_code": "LATE_FEE", "id": "W8"},
        lambda k: charges.add_penalty(k, "K1", "LATE_FEE", tracking_id="W8", on=ON),
    ),
    ("void-charge", {"tracking_id": "W8"}, lambda k: refunds.void_charge(k, "W8", on=ON)),
    (
        "return-payment",
        {"payment": "W1", "penalty": "NSF_FEE"},
        lambda k: payments.return_payment(k, "W1", penalty="NSF_FEE", on=ON),
    ),
    (
        "take-payment",
        {"payer": "LEE001", "amount": "5.00", "method": "cash", "to": FEES, "id": "W9"},
        pay("W9", "LEE001", "5.00", "cash"),
    ),
    (
        "deposit-cash",
        {"amount": "5.00", "reference": "slip", "id": "W10"},
        lambda k: payouts.bring_cash(k, "5.00", reference="slip", key="W10", on=ON),
    ),
    (
        "take-payment",
        {"payer": "LEE001", "amount": "6.00", "method": "echeck", "to": FEES, "id": "W11"},
        pay("W11", "LEE001", "6.00", "echeck"),
    ),
    ("void-payment", {"payment": "W11"}, lambda k: payments.take_back_payment(k, "W11", on=ON)),
    ("close-month", {"month": "2026-06"}, lambda k: months.close_month(k, "2026-06")),
)


async def test_every_deed_is_told_before_it_is_done_and_is_the_commands(
    either: Console, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """What the page that asks says is what the books hold then: by whom, why, to the cent.

    And it is what the office's function writes into other books with the same past.
    """
    office = furnish_spring(either, tmp_path)
    twin = open_spring(make_database("sqlite"), tmp_path / "twin")
    tell_the_second_example(twin)
    visitor = await either.let_in("ada", OFFICE)
    for deed, fields, act in STORY:
        before = count(office, "seal")
        page, form = await foretell(visitor, deed, **{"on": str(ON), "reason": "Because", **fields})
        assert page.status == 200, (deed, page.text)
        told = tables_of(page.text).get("What the books will move", [])
        assert count(office, "seal") == before, "nothing is kept of what is tried"
        done = await visitor.post(f"/deeds/{deed}/do", form)
        assert done.status == 303, (deed, done.text)
        behind = await visitor.get(done.way)
        assert f"entry {before + 1}</a>" in behind.text, (deed, done.way)
        entry = await visitor.get(f"/ledger/batches/{before + 1}")
        moved = tables_of(entry.text).get("What it moves", [])
        names = ("debit", "credit", "lines", "amount")
        assert sorted(tuple(row[name] for name in names) for row in moved) == sorted(
            tuple(row[name] for name in names) for row in told
        )
        facts = facts_of(entry.text)
        assert (facts["by"], facts["reason"]) == ("ada", "Because")
        act(replace(twin.keeper, entered_by="ada", reason="Because"))
    assert batches(office) == batches(twin)
    audit(office.books).check()


async def test_a_batch_is_settled_with_the_banks_total_or_not_at_all(
    either: Console, tmp_path: Path
) -> None:
    """A wrong total is told with both figures, and changes nothing; a repetition writes nothing."""
    office = furnish_spring(either, tmp_path)
    office.send(
        "fee_payments",
        *(
            f"2026-10-0{day} 10:00:00,50.00,COUNTY,90,9{day},KIM001,50.00,0.00,0.00,0.00"
            for day in (1, 2)
        ),
    )
    visitor = await either.let_in("ada", OFFICE)
    waiting = tables_of((await visitor.get("/batches")).text)["Batches"]
    assert [(row["batch_num"], row["amount"], row["pending"]) for row in waiting] == [
        ("90", "100.00", "100.00")
    ]
    fields = {"merchant": "COUNTY", "batch": "90", "on": str(ON)}
    before = count(office, "seal")
    wrong, _ = await foretell(visitor, "settle-batch", **fields, expected="99.00")
    assert wrong.status == 409
    assert "100.00, not to 99.00" in wrong.text
    missing, _ = await foretell(visitor, "settle-batch", **fields)
    assert missing.status == 422
    assert count(office, "seal") == before
    behind = await do(visitor, "settle-batch", **fields, expected="100.00")
    assert facts_of(behind.text)["pending"] == "0.00"
    again, _ = await foretell(visitor, "settle-batch", **fields, expected="100.00")
    assert "It is so already" in again.text
    assert count(office, "seal") == before + 1


async def test_all_that_match_settle_as_one_entry(either: Console, tmp_path: Path) -> None:
    """The server finds them; what came meanwhile makes another total, and is not settled."""
    office = furnish_spring(either, tmp_path)
    visitor = await either.let_in("ada", OFFICE)
    for number in range(3):
        office.pay(f"M{number}", "KIM001", "10.00", method="card", on=str(ON))
    office.pay("CHECK", "KIM001", "10.00", method="check", on=str(ON))
    fields = {"kind": "card", "payer": "KIM001", "on": str(ON), "expected": "30.00"}
    page, form = await foretell(visitor, "settle-matching", **fields)
    assert facts_of(page.text)["payments"] == "3"
    office.pay("M3", "KIM001", "10.00", method="card", on=str(ON))
    late = await visitor.post("/deeds/settle-matching/do", form)
    assert (late.status, "40.00, not to 30.00" in late.text) == (409, True)
    before = count(office, "seal")
    page, form = await foretell(visitor, "settle-matching", **(fields | {"expected": "40.00"}))
    twice = await asyncio.gather(
        *(visitor.post("/deeds/settle-matching/do", form) for _ in range(2))
    )
    assert [answer.status for answer in twice] == [303, 303]
    assert count(office, "seal") == before + 1
    pending = tables_of((await visitor.get("/payments?status=pending")).text)["Payments"]
    assert [row["payment_id"] for row in pending] == ["CHECK"]


async def test_a_double_click_acts_once(either: Console, tmp_path: Path) -> None:
    """So does a form that is sent again tomorrow, when nobody remembers the first time."""
    office = furnish_spring(either, tmp_path)
    visitor = await either.let_in("ada", OFFICE)
    fields = {"payer": "KIM001", "amount": "40.00", "method": "card", "to": FEES, "on": str(ON)}
    _, form = await foretell(visitor, "take-payment", **fields)
    before = count(office, "payment")
    answers = await asyncio.gather(
        *(visitor.post("/deeds/take-payment/do", form) for _ in range(4))
    )
    assert {answer.status for answer in answers} == {303}
    later = await visitor.post("/deeds/take-payment/do", form | {"form": "another"})
    assert (later.status, "again=" in later.way) == (303, True)
    other = await visitor.post("/deeds/take-payment/do", form | {"form": "x", "amount": "41.00"})
    assert (other.status, "other_content" in other.text) == (409, True)
    assert count(office, "payment") == before + 1


async def test_two_people_at_one_payment(either: Console, tmp_path: Path) -> None:
    """One is first; the other is told how it stands, and no money moves twice."""
    office = furnish_spring(either, tmp_path)
    office.pay("M1", "KIM001", "10.00", method="card", on=str(ON))
    ada, bob = [await either.let_in(name, OFFICE) for name in ("ada", "bob")]
    forms = [
        (await foretell(visitor, "settle-payment", payment="M1", on=str(ON)))[1]
        for visitor in (ada, bob)
    ]
    answers = await asyncio.gather(
        *(
            visitor.post("/deeds/settle-payment/do", form)
            for visitor, form in zip((ada, bob), forms, strict=True)
        )
    )
    assert [answer.status for answer in answers] == [303, 303]
    assert sorted("again=" in answer.way for answer in answers) == [False, True]
    # A refund that was looked at is not done when the charge is another by then.
    _, looked = await foretell(ada, "refund-charge", tracking_id="D1", on=str(ON))
    fields = {"tracking_id": "D1", "amount": "20.00", "id": "R1", "on": str(ON)}
    await do(bob, "refund-charge", **fields)
    changed = await ada.post("/deeds/refund-charge/do", looked)
    assert (changed.status, "have changed since you looked" in changed.text) == (409, True)
    assert facts_of(changed.text)["refunded"] == "100.00"


async def test_what_the_books_refuse_is_told_in_their_words(
    console: Console, tmp_path: Path
) -> None:
    """With its code, in a form that is still filled in."""
    furnish_spring(console, tmp_path)
    visitor = await console.let_in("ada", OFFICE)
    for deed, fields, status, words in (
        (
            "pay-out",
            {"party": "K2", "from": "WALLET", "method": "check", "amount": "900.00"},
            409,
            "credit_short",
        ),
        ("return-payment", {"payment": "Q2", "on": "2027-01-01"}, 409, "has not come yet"),
        ("settle-payment", {"payment": "nobody"}, 422, "There is no payment nobody."),
        (
            "take-payment",
            {"payer": "KIM001", "amount": "-1", "method": "card", "to": FEES},
            422,
            "negative",
        ),
        ("sell", {"party": "K1", "billing_code": "NOTHING"}, 422, "NOTHING"),
        ("void-payout", {"payout": "O1", "on": "x"}, 422, "x is no day"),
        (
            "take-payment",
            {"payer": "KIM001", "amount": "1", "method": "gold", "to": FEES},
            422,
            "no choice",
        ),
        ("close-month", {"month": "2026-11"}, 409, "is not over yet"),
    ):
        page, form = await foretell(visitor, deed, **fields)
        assert (page.status, words in page.text) == (status, True), (deed, page.text)
        assert "--" not in page.text.partition('role="alert">')[2].partition("</p>")[0]
        for name, value in fields.items():
            assert form.get(name, value) == value


async def test_no_deed_is_done_that_was_not_told(console: Console, tmp_path: Path) -> None:
    """Whoever posts without having looked is shown what would happen, and nothing happens."""
    office = furnish_spring(console, tmp_path)
    visitor = await console.let_in("ada", OFFICE)
    before = count(office, "seal")
    fields = {"tracking_id": "D6", "id": "R1", "on": str(ON), "form": "1"}
    for foretold in ({}, {"foretold": "0" * 32}):
        page = await visitor.post("/deeds/refund-charge/do", fields | foretold)
        assert (page.status, "What will happen" in page.text) == (409, True)
    assert count(office, "seal") == before


async def test_who_only_reads_does_nothing(console: Console, tmp_path: Path) -> None:
    """No page offers a deed, and none that is asked for all the same is done."""
    office = furnish_spring(console, tmp_path)
    reader = await console.let_in("rita", READER)
    before = count(office, "seal")
    for path in ("/payments", "/payments/Q2", "/parties/KIM001", "/trace/D6", "/batches/COUNTY/77"):
        page = await reader.get(path)
        assert page.status == 200
        assert "/deeds/" not in page.text, path
    for deed, fields, _ in STORY:
        for path in (f"/deeds/{deed}", f"/deeds/{deed}/do"):
            assert (await reader.post(path, fields)).status == 403
    assert count(office, "seal") == before


async def test_another_accounts_ids_are_nothing_here(console: Console, tmp_path: Path) -> None:
    """Who works for two districts cannot take the one's payment for the other's."""
    office = furnish_spring(console, tmp_path)
    both = frozenset(Role(RoleKind.OFFICE, account) for account in (SPRINGFIELD, SHELBYVILLE))
    visitor = await console.let_in("ada", both)
    for path in ("payments/Q2", "parties/KIM001", "trace/D6", "batches/COUNTY/77"):
        assert (await visitor.get(f"/{path}?account=SPRINGFIELD")).status == 200, path
        assert (await visitor.get(f"/{path}?account=SHELBYVILLE")).status == 404, path
    before = count(office, "seal")
    page = await visitor.post(
        "/deeds/void-charge?account=SHELBYVILLE", {"tracking_id": "D6", "on": str(ON)}
    )
    assert (page.status, "There is no charge D6." in page.text) == (422, True)
    assert count(office, "seal") == before


@pytest.mark.parametrize("path", ["/payments/x", "/parties/x", "/trace/x", "/batches/x/y"])
async def test_what_there_is_not_is_told_as_such(
    console: Console, tmp_path: Path, path: str
) -> None:
    """Whatever characters somebody types into an address."""
    furnish_spring(console, tmp_path, told=False)
    visitor = await console.let_in("ada", OFFICE)
    for ending in ("", "%00", "%ED%B3%A9", "%2F..%2F", "'--", "%F0%9F%92%A9"):
        assert (await visitor.get(path + ending)).status == 404, ending
