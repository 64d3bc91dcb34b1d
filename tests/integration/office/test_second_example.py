"""The second worked example of the ledger's documentation, typed at the command line."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.audit.verify import verify_ledger
from tests.integration.office.bookkeeping import Audit, audit
from tests.integration.office.desk import (
    GIFTS,
    HALL,
    PARENTS,
    YEAR,
    Desk,
    desk,
    empty_database,
    on,
)

__all__ = ["desk", "empty_database"]

ADDRESS = "null,null,null,null,null,null,null"


def test_a_month_of_an_office_can_be_typed(desk: Desk) -> None:
    """Whoever reads the example and then the books finds the same figures in both."""
    _families_pay_and_bounce(desk)
    g1, g2 = _batches_and_held_money(desk)
    assert (desk.standing(g1), desk.standing(g2)) == (0, -5000)
    _end_of_may(desk, g2)
    _june(desk)
    books = desk.office.books
    with books.database.reading() as connection:
        assert verify_ledger(connection, books.account.account_id, decimals=2).differences == ()


def _families_pay_and_bounce(desk: Desk) -> None:
    ask = desk.ask
    desk.office.charge(
        f"LIABILITY,D1,K1,BAND,,{YEAR}-05-01",
        f"LIABILITY,D2,K2,TRIP,,{YEAR}-05-02",
        f"WALLET,D3,K1,MEAL,,{YEAR}-05-04",
    )
    for number in "12":
        ask(
            f"sales add --party ANONYMOUS --billing-code MEAL --paid cash --id A{number} "
            + on("05-04")
        )
    assert desk.owed() == 18350
    desk.check(CASH="7.00", REALISED_REVENUE="7.00")

    q1 = _fees_with_a_discount(desk)
    _wallets(desk)
    _quotes(desk)
    _payout_that_reopens(desk, q1)


def _fees_with_a_discount(desk: Desk) -> str:
    ask = desk.ask
    [q1] = desk.send(
        "fee_payments",
        f"{YEAR}-05-05 10:00:00,171.00,M1,70,R1,KIM001,180.00,0.00,0.00,9.00",
    )
    ask(f"payments settle --payment {q1} {on('05-07')}")
    assert (desk.status("D1"), desk.status("D2")) == (("paid", 0), ("paid", 0))
    desk.check(REALISED_REVENUE="187.00", DISCOUNTS="9.00", UNAPPLIED_DISCOUNTS="0.00")
    assert _paid_of(desk, "D2") == {2010: 5100, 2015: 900}

    answer = ask(f"charges refund --tracking-id D2 {on('05-08')}")
    assert answer == {
        "tracking_id": "D2",
        "status": "void",
        "refunded": "60.00",
        "tax": "0.00",
        "to_wallet": "51.00",
        "discount_reversed": "9.00",
        "payout_id": None,
    }
    assert desk.standing("K2", "WALLET") == 5100
    desk.check(DISCOUNTS="0.00", REALISED_REVENUE="127.00")

    return q1


def _wallets(desk: Desk) -> None:
    ask = desk.ask
    add = "payments add --payer KIM001 --amount 40.00 --method card --to WALLET --for-party K1"
    assert ask(f"{add} --id Q2 {on('05-09')}")["for_party"] == "K1"
    ask(f"payments settle --payment Q2 {on('05-11')}")
    assert desk.status("D3") == ("paid", 0)
    assert desk.standing("K1", "WALLET") == 3650
    desk.check(BANK="211.00")

    move = "transfers add --from-party K2 --from WALLET"
    answer = ask(f"{move} --to-party K1 --to WALLET --amount 20.00 --id X1 {on('05-12')}")
    assert answer == {"transfer_id": "X1", "amount": "20.00", "paid": []}
    assert (desk.standing("K2", "WALLET"), desk.standing("K1", "WALLET")) == (3100, 5650)

    ask(f"sales add --party K2 --billing-code YEARBOOK --id D4 {on('05-13')}")
    answer = ask(f"{move} --to-party K2 --to LIABILITY --amount 31.00 --id X2 {on('05-13')}")
    assert answer["paid"] == [{"tracking_id": "D4", "amount": "31.00"}]
    assert desk.status("D4") == ("partial", 1400)
    desk.check(REALISED_REVENUE="161.50")


def _quotes(desk: Desk) -> None:
    ask = desk.ask
    band = ask("ledger quote --party K1 --billing-code BAND")
    assert (band["to_pay"], band["to_pay_all"]) == ("134.00", "134.00")
    yearbook = ask("ledger quote --party K1 --billing-code YEARBOOK")
    assert (yearbook["to_pay"], yearbook["to_pay_all"]) == ("15.00", "59.00")
    answer = desk.refused(f"sales add --party K1 --billing-code BAND --enforce {on('05-13')}")
    assert (answer["status"], answer["code"]) == ("refused", "debt_first")
    assert answer["quote"]["to_pay"] == "134.00"


def _payout_that_reopens(desk: Desk, q1: str) -> None:
    ask = desk.ask
    pay_out = "payouts add --party K1 --from WALLET --method check --amount 30.00"
    answer = ask(f"{pay_out} --id O1 {on('05-14')}")
    assert answer == {"payout_id": "O1", "status": "pending", "amount": "30.00"}
    assert ask(f"payouts clear --payout O1 {on('05-18')}")["status"] == "cleared"
    assert _paid_of(desk, "O1", by_payment=True) == {q1: 2000, "Q2": 1000}
    assert desk.standing("K1", "WALLET") == 2650
    desk.check(BANK="181.00")

    answer = ask(f"payments return --payment {q1} --penalty NSF_FEE {on('05-19')}")
    assert answer["penalty_tracking_id"] == f"PENALTY-{q1}"
    assert (desk.status("D1"), desk.status("D4")) == (("unpaid", 12000), ("unpaid", 4500))
    assert _paid_of(desk, "O1", by_payment=True) == {"Q2": 3000}
    assert desk.standing("K1", "WALLET") == 650
    assert desk.owed() == 19000
    desk.check(BANK="10.00", REALISED_REVENUE="10.50", PAID_OUT_WALLET="0.00")


def _batches_and_held_money(desk: Desk) -> tuple[str, str]:
    ask = desk.ask
    first = f"{YEAR}-05-20,{{amount}},M1,{{batch}},{{receipt}},{{name}},{ADDRESS}"
    hall = first.format(amount="110.00", batch="77", receipt="R3", name="Gil")
    gift = first.format(amount="50.00", batch="77", receipt="R4", name="Dora")
    q3, q4 = desk.send(
        "sundry_payments",
        f"{hall},Hall hire,{HALL},100.00,10.00,GST,null,null,null",
        f"{gift},Gift,{GIFTS},50.00,0.00,FRE,42,null,1007",
    )
    deposit = first.format(amount="300.00", batch="78", receipt="R5", name="Lee")
    advance = first.format(amount="200.00", batch="78", receipt="R6", name="Lee")
    q5, _ = desk.send(
        "enrolment_payments",
        f"{deposit},Deposit,{HALL},300.00,0.00,FRE,D,LEE001,L1",
        f"{advance},Advance,{HALL},200.00,0.00,FRE,A,LEE001,L1",
    )
    g1, g2 = desk.payer(q3), desk.payer(q4)
    assert desk.standing(g1) == -11000
    desk.check(DEFERRED_REVENUE="340.00", DEFERRED_TAX="10.00", CLEARING="660.00")

    ask(f"payments settle --payment {q5} {on('05-21')}")
    desk.check(DEPOSITS="300.00")

    settle = f"payments settle --merchant M1 {on('05-22')}"
    answer = ask(f"{settle} --batch 77 --expect-total 160.00")
    assert (answer["payments"], answer["settled_now"], answer["status"]) == (2, "160.00", "settled")
    answer = ask(f"{settle} --batch 78 --expect-total 500.00")
    assert (answer["amount"], answer["settled_now"], answer["settled_before"]) == (
        *("500.00", "200.00", "300.00"),
    )
    desk.check(TAX="10.00", REALISED_REVENUE="160.50", BANK="670.00", ADVANCES="200.00")

    _tax_and_what_is_given_back(desk, q3, q4)
    assert desk.standing(g1, "WALLET") == 0
    assert desk.standing(g2) == -5000
    return g1, g2


def _tax_and_what_is_given_back(desk: Desk, q3: str, q4: str) -> None:
    ask = desk.ask
    answer = ask(
        f"charges refund --tracking-id {q3} --amount 55.00 --to check --id O2 {on('05-25')}"
    )
    assert (answer["refunded"], answer["tax"], answer["to_wallet"]) == ("55.00", "5.00", "0.00")
    assert answer["payout_id"] == "PAYOUT-O2"
    desk.check(TAX="5.00", REALISED_REVENUE="110.50", PAYOUTS_UNDER_WAY="55.00")

    ask(f"sales add --party L1 --billing-code TUITION --id D6 {on('05-26')}")
    answer = ask(
        "transfers add --from-party L1 --from ADVANCE --to-party L1 --to LIABILITY"
        f" --amount 150.00 {on('05-26')}"
    )
    assert answer["paid"] == [{"tracking_id": "D6", "amount": "150.00"}]
    assert desk.status("D6") == ("paid", 0)
    desk.check(ADVANCES="50.00", REALISED_REVENUE="260.50")

    ask(f"payments return --payment {q4} {on('05-27')}")
    desk.check(BANK="620.00", REALISED_REVENUE="210.50")


def _end_of_may(desk: Desk, g2: str) -> None:
    ask = desk.ask
    ask(
        "sales add --party L1 --billing-code KEPT_DEPOSIT --amount 100.00 --paid deposit --id D7 "
        + on("05-28")
    )
    pay_out = "payouts add --party L1 --from DEPOSIT --method ach --amount 200.00 --id O3"
    assert ask(f"{pay_out} {on('05-28')}")["status"] == "pending"
    assert desk.status("D7") == ("paid", 0)
    desk.check(DEPOSITS="0.00", REALISED_REVENUE="310.50", PAYOUTS_UNDER_WAY="255.00")

    ask(f"sales add --party ANONYMOUS --billing-code MEAL --paid cash --id D8 {on('05-29')}")
    answer = ask(f"charges void --tracking-id D8 {on('05-29')}")
    assert (answer["status"], answer["payout_id"]) == ("void", "PAYOUT-D8")
    assert ask(f"payouts clear --payout PAYOUT-O2 {on('05-29')}")["status"] == "cleared"
    ask(f"payments add --payer LEE001 --amount 30.00 --method cash --id Q7 {on('05-29')}")
    assert desk.standing("ANONYMOUS", "WALLET") == 0
    assert desk.standing("LEE001") == 3000
    desk.check(CASH="37.00", BANK="565.00")
    assert ask("ledger quote --party L1 --billing-code TUITION")["to_pay"] == "120.00"

    answer = ask(f"cash deposit --amount 37.00 --id B1 {on('05-30')}")
    assert answer == {"deposit_id": "B1", "amount": "37.00"}
    desk.check(BANK="602.00", CASH="0.00", UNAPPLIED_FEES="30.00", WALLET_CREDIT="6.50")
    assert desk.owed() == 24000
    assert desk.standing(g2) == -5000
    assert desk.net_realised() == 31050


def _june(desk: Desk) -> None:
    ask = desk.ask
    ask(f"payouts clear --payout O3 {on('06-01')}")
    pay_out = "payouts add --party LEE001 --from LIABILITY --method check --amount 30.00 --id O5"
    ask(f"{pay_out} {on('06-02')}")
    answer = ask(f"charges write-off --tracking-id D4 {on('06-02')}")
    assert answer == {"tracking_id": "D4", "status": "written_off", "written_off": "45.00"}
    assert desk.standing("LEE001") == 0
    assert desk.owed() == 19500
    desk.check(BANK="402.00", REALISED_REVENUE="310.50")

    ask(f"sales add --party L1 --billing-code LATE_FEE --id D9 {on('06-03')}")
    desk.office.books.load(CatalogKind.STUDENTS, [{"student_id": "L1", "parent_code": "KIM001"}])
    assert ask("ledger quote --party K1 --billing-code BAND")["past_due"] == "150.00"

    ask(f"payments add --payer KIM001 --amount 150.00 --method echeck --id Q8 {on('06-08')}")
    ask(f"payments settle --payment Q8 {on('06-10')}")
    assert (desk.status("D1"), desk.status("D9")) == (("paid", 0), ("paid", 0))
    desk.check(REALISED_REVENUE="460.50", BANK="552.00")

    ask(f"payouts void --payout O5 {on('06-11')}")
    assert desk.standing("LEE001") == 3000
    desk.check(
        BANK="552.00",
        REALISED_REVENUE="460.50",
        UNAPPLIED_FEES="30.00",
        WALLET_CREDIT="6.50",
        ADVANCES="50.00",
        TAX="5.00",
        PAYOUTS_UNDER_WAY="0.00",
    )
    _check_may(desk)


def _check_may(desk: Desk) -> None:
    """The figures for May below the table, as reports tell them and as postings do."""
    office = desk.office
    end = f"{YEAR}-05-31"
    seen = audit(office.books)
    charged, voided = _sold(seen, end, is_back=False), _sold(seen, end, is_back=True)
    assert (charged.total(), voided.total()) == (67400, 11850)
    charged.subtract(voided)
    assert charged == {
        HALL: 5500,
        GIFTS: 5000,
        "BAND": 12000,
        "KEPT_DEPOSIT": 10000,
        "MEAL": 1050,
        "NSF_FEE": 2500,
        "TRIP": 0,
        "TUITION": 15000,
        "YEARBOOK": 4500,
    }
    revenue = desk.ask(f"report revenue --from {YEAR}-05-01 --to {end}")
    realised = {row["billing_code"]: row["realised"] for row in revenue["rows"]}
    assert {code: amount for code, amount in realised.items() if amount != "0.00"} == {
        HALL: "50.00",
        "KEPT_DEPOSIT": "100.00",
        "MEAL": "10.50",
        "TUITION": "150.00",
    }
    assert desk.net_realised(as_of=end) == 31050
    totals = office.totals(as_of=end)
    assert totals["RECEIVABLE_FEES"] == 24000
    assert totals["BANK"] == 60200
    assert totals["PAYOUTS_UNDER_WAY"] == -20000
    assert totals["WALLET_CREDIT"] + totals["UNAPPLIED_FEES"] == -3650
    assert (totals["TAX"], totals["ADVANCES"]) == (-500, -5000)
    aging = desk.ask(f"report aging --as-of {end}")
    buckets = {row["bucket"]: row["open"] for row in aging["rows"]}
    assert (buckets["0-30"], aging["totals"]["open"]) == ("240.00", "240.00")
    closing = seen.by_party(end)
    family = sum(left for (party, _), left in closing.items() if party in ("KIM001", "K1", "K2"))
    assert family == -18350
    now = seen.by_party()
    family = sum(left for (party, _), left in now.items() if party in ("KIM001", *PARENTS))
    assert family == 650 + 5000


def _paid_of(desk: Desk, tracking_id: str, *, by_payment: bool = False) -> dict[Any, int]:
    """Return what pays an item, by credit account or by payment."""
    what = "p.payment_id" if by_payment else "a.credit_account"
    found = desk.office.rows(
        f"SELECT {what}, SUM(a.amount) FROM live_allocation a"
        " JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no"
        " JOIN payment p ON p.account = a.account AND p.payment_no = a.payment_no"
        f" WHERE a.account = :account AND c.tracking_id = '{tracking_id}' GROUP BY {what}"
    )
    return {key: int(amount) for key, amount in found}


def _sold(seen: Audit, end: str, *, is_back: bool) -> Counter[str]:
    """Return what each product was charged for up to a day, tax included, or taken back."""
    sums: Counter[str] = Counter()
    receivable, deferred = {1100, 1110}, {2100, 2110}
    for posting in seen.until(end):
        sides = (posting.credit, posting.debit) if is_back else (posting.debit, posting.credit)
        if sides[0] in receivable and sides[1] in deferred:
            sums[posting.billing_code] += posting.amount
    return sums
