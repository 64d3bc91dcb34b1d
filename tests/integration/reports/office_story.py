"""A business office's spring and summer: the second worked example, by its own commands."""

from __future__ import annotations

from pathlib import Path

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.service.office import charges, payouts, refunds, transfers
from ingestd.service.office import payments as paying
from tests.integration.ledger.conftest import FakeClock, open_books
from tests.integration.office.conftest import TODAY, day
from tests.integration.payments.conftest import PaymentOffice, counts
from tests.integration.reports.history import History

_PRICES = {
    "BAND": 12000,
    "TRIP": 6000,
    "YEARBOOK": 4500,
    "MEAL": 350,
    "TUITION": 15000,
    "NSF_FEE": 2500,
    "LATE_FEE": 500,
    "KEPT_DEPOSIT": None,
}
_MERCHANT = "COUNTY"


class Spring(PaymentOffice):
    """The office, and short names for what happens in the example."""

    def send(self, kind: str, *rows: str) -> FileOutcome:
        """Send a payment file of which each row is applied."""
        outcome = super().send(kind, *rows)
        assert counts(outcome) == (len(rows), 0, 0, 0), self.codes(outcome)
        return outcome

    def payment_id(self, receipt: str) -> str:
        """Return the id of a payment that came in a file."""
        [[found]] = self.rows(
            f"SELECT payment_id FROM payment WHERE account = :account AND receipt_num = '{receipt}'"
        )
        return str(found)

    def move(self, origin: tuple[str, str], to: tuple[str, str], amount: str, *, on: str) -> None:
        transfer = transfers.Transfer(
            from_party=origin[0],
            source=CreditSource(origin[1]),
            to_party=to[0],
            target=CreditTarget(to[1]),
            amount=amount,
        )
        transfers.add_transfer(self.keeper, transfer, on=day(on))

    def pay_out(
        self, key: str, party: str, source: str, method: str, amount: str, *, on: str
    ) -> None:
        payout = payouts.Payout(
            party=party,
            source=CreditSource(source),
            method=PayoutMethod(method),
            amount=amount,
            key=key,
        )
        payouts.add_payout(self.keeper, payout, on=day(on))


def open_spring(database: Database, folder: Path) -> Spring:
    """Return the office before the first event."""
    office = Spring(open_books(database, folder, clock=FakeClock(TODAY)))
    books = office.books
    books.load(
        CatalogKind.PRODUCTS,
        [{"billing_code": code, "price": price} for code, price in _PRICES.items()],
    )
    books.load(CatalogKind.PRODUCTS, [{"billing_code": "YEARBOOK", "installments": 1}])
    books.load(
        CatalogKind.STUDENTS,
        [
            {"student_id": student, "name": student, "parent_code": parent}
            for student, parent in (("K1", "KIM001"), ("K2", "KIM001"), ("L1", "LEE001"))
        ],
    )
    office.refer("merchant", {"merchant_id": _MERCHANT, "description": "County bank"})
    office.refer(
        "gl_account",
        {"gl_account": "4-2100-01", "name": "Hall hire"},
        {"gl_account": "4-8000-01", "name": "Gifts"},
    )
    office.refer("tax_code", {"tax_code": "GST", "name": "Tax"}, {"tax_code": "FRE", "name": "No"})
    office.refer("donor", {"donor_number": "42", "name": "Dora"})
    office.refer("donor_pledge", {"donor_number": "42", "pledge_number": "1007"})
    return office


def tell_the_second_example(office: Spring) -> Spring:
    """Let everything happen, up to the end of June."""
    _until_the_first_return(office)
    _until_the_end_of_may(office)
    _june(office)
    return office


def _cash_meal(office: Spring, key: str, on: str) -> None:
    sale = charges.Sale(
        party="ANONYMOUS", billing_code="MEAL", paid=Paid.CASH, tracking_id=key, source="Cafeteria"
    )
    office.sell(sale, on=on)


def _until_the_first_return(office: Spring) -> None:
    office.charge(
        "LIABILITY,D1,K1,BAND,,2026-05-01",
        "LIABILITY,D2,K2,TRIP,,2026-05-02",
        "WALLET,D3,K1,MEAL,,2026-05-04",
    )
    _cash_meal(office, "A1", "2026-05-04")
    _cash_meal(office, "A2", "2026-05-04")
    office.send(
        "fee_payments",
        f"2026-05-05 10:00:00,171.00,{_MERCHANT},70,1,KIM001,180.00,0.00,0.00,9.00",
    )
    office.settle(office.payment_id("1"), on="2026-05-07")
    refunds.refund_charge(office.keeper, "D2", on=day("2026-05-08"))
    payment = paying.Payment(
        payer="KIM001",
        amount="40.00",
        method="card",
        to=AccountType.WALLET,
        for_party="K1",
        key="Q2",
    )
    paying.add_payment(office.keeper, payment, on=day("2026-05-09"))
    office.settle("Q2", on="2026-05-11")
    office.move(("K2", "WALLET"), ("K1", "WALLET"), "20.00", on="2026-05-12")
    office.charge("LIABILITY,D4,K2,YEARBOOK,,2026-05-13")
    office.move(("K2", "WALLET"), ("K2", "LIABILITY"), "31.00", on="2026-05-13")
    office.pay_out("O1", "K1", "WALLET", "check", "30.00", on="2026-05-14")
    payouts.clear(office.keeper, "O1", on=day("2026-05-18"))
    office.bounce(office.payment_id("1"), on="2026-05-19", penalty="NSF_FEE")


def _until_the_end_of_may(office: Spring) -> None:
    def row(receipt: str, batch: str, name: str, gl: str, nett: str, tax: str, last: str) -> str:
        total = f"{float(nett) + float(tax):.2f}"
        code = "GST" if tax != "0.00" else "FRE"
        return (
            f"2026-05-20,{total},{_MERCHANT},{batch},{receipt},{name},1 Elm St,null,,Springfield,"
            f"IL,62701,USA,{name},{gl},{nett},{tax},{code},{last}"
        )

    office.send(
        "sundry_payments",
        row("3", "77", "Hall Hirer", "4-2100-01", "100.00", "10.00", "null,null,null"),
        row("4", "77", "Dora Giver", "4-8000-01", "50.00", "0.00", "42,null,1007"),
    )
    office.send(
        "enrolment_payments",
        row("5", "78", "Lee", "4-2100-01", "300.00", "0.00", "D,LEE001,L1"),
        row("6", "78", "Lee", "4-2100-01", "200.00", "0.00", "A,LEE001,L1"),
    )
    office.settle(office.payment_id("5"), on="2026-05-21")
    office.settle_batch("77", "160.00", merchant=_MERCHANT, on="2026-05-22")
    office.settle_batch("78", "500.00", merchant=_MERCHANT, on="2026-05-22")
    refunds.refund_charge(
        office.keeper,
        office.payment_id("3"),
        amount="55.00",
        to=RefundTo("check"),
        key="O2",
        on=day("2026-05-25"),
    )
    office.charge("LIABILITY,D6,L1,TUITION,,2026-05-26")
    office.move(("L1", "ADVANCE"), ("L1", "LIABILITY"), "150.00", on="2026-05-26")
    office.bounce(office.payment_id("4"), on="2026-05-27")
    kept = charges.Sale(
        party="L1",
        billing_code="KEPT_DEPOSIT",
        amount="100.00",
        paid=Paid.DEPOSIT,
        tracking_id="D7",
    )
    office.sell(kept, on="2026-05-28")
    office.pay_out("O3", "L1", "DEPOSIT", "ach", "200.00", on="2026-05-28")
    _cash_meal(office, "D8", "2026-05-29")
    office.void("D8", on="2026-05-29")
    payouts.clear(office.keeper, "PAYOUT-O2", on=day("2026-05-29"))
    office.pay("Q7", "LEE001", "30.00", on="2026-05-29", method="cash")
    payouts.bring_cash(office.keeper, "37.00", key="B1", on=day("2026-05-30"))


def _june(office: Spring) -> None:
    payouts.clear(office.keeper, "O3", on=day("2026-06-01"))
    office.pay_out("O5", "LEE001", "LIABILITY", "check", "30.00", on="2026-06-02")
    refunds.write_off_charge(office.keeper, "D4", on=day("2026-06-02"))
    office.charge("LIABILITY,D9,L1,LATE_FEE,,2026-06-03")
    _move_to_kim(office)
    office.pay("Q8", "KIM001", "150.00", on="2026-06-08", method="echeck")
    office.settle("Q8", on="2026-06-10")
    payouts.void(office.keeper, "O5", on=day("2026-06-11"))


def _move_to_kim(office: Spring) -> None:
    """Let a roster move L1: its facts, and the roster as it is then."""
    [[student]] = office.rows(
        "SELECT party_no FROM party WHERE account = :account AND party_code = 'L1'"
    )
    tell = History(office.books)
    with tell.batch("catalog", "2026-06-04"):
        tell.insert(
            "family_change",
            party_no=student,
            old_parent_code="LEE001",
            new_parent_code="KIM001",
            effective_on="2026-06-04",
            open_amount=500,
            waiting_amount=0,
        )
        tell.run("UPDATE student SET parent_code = 'KIM001' WHERE student_id = 'L1'")
