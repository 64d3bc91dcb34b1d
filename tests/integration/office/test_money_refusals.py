"""What cannot be taken back, moved or paid out: one line, its code, and nothing is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingestd.access.accounts import ReasonPolicy
from ingestd.database.engine import open_database
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.service.office import charges, payments, payouts, refunds, transfers
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.values.errors import LedgerRefusal, UsageError
from tests.integration.office.conftest import Office, day
from tests.integration.office.test_refusals import stored
from tests.integration.payments.conftest import ENROLMENT, PaymentOffice, enrolment_row
from tests.integration.payments.conftest import open_payment_office as open_office

Attempt = Callable[[Bookkeeper], object]


def move(**changes: object) -> Attempt:
    """Return a transfer of 1.00 from S1's wallet to S2's, but for what is said."""
    on = changes.pop("on", None)
    usual = {
        "from_party": "S1",
        "source": CreditSource.WALLET,
        "to_party": "S2",
        "target": CreditTarget.WALLET,
        "amount": "1.00",
        "key": "X",
    }
    transfer = transfers.Transfer(**(usual | changes))  # type: ignore[arg-type]
    return lambda keeper: transfers.add_transfer(keeper, transfer, on=day(on))  # type: ignore[arg-type]


def pay_out(**changes: object) -> Attempt:
    """Return a payout of 1.00 from S1's wallet by check, but for what is said."""
    on = changes.pop("on", None)
    usual = {
        "party": "S1",
        "source": CreditSource.WALLET,
        "method": PayoutMethod.CHECK,
        "amount": "1.00",
        "key": "O",
    }
    payout = payouts.Payout(**(usual | changes))  # type: ignore[arg-type]
    return lambda keeper: payouts.add_payout(keeper, payout, on=day(on))  # type: ignore[arg-type]


def refund(
    tracking_id: str = "C1",
    amount: str | None = "1.00",
    *,
    key: str | None = "F",
    to: RefundTo | None = None,
    on: str | None = None,
) -> Attempt:
    return lambda keeper: refunds.refund_charge(
        keeper, tracking_id, amount=amount, key=key, to=to, on=day(on)
    )


def write_off(
    tracking_id: str = "C2",
    amount: str | None = "1.00",
    *,
    key: str | None = "F",
    on: str | None = None,
) -> Attempt:
    return lambda keeper: refunds.write_off_charge(
        keeper, tracking_id, amount=amount, key=key, on=day(on)
    )


def bring(
    amount: str = "1.00",
    *,
    key: str | None = "B",
    reference: str | None = None,
    on: str | None = None,
) -> Attempt:
    return lambda keeper: payouts.bring_cash(
        keeper, amount, key=key, reference=reference, on=day(on)
    )


def sell(**changes: object) -> Attempt:
    sale = charges.Sale(
        **({"party": "S3", "billing_code": "LATE_FEE", "tracking_id": "T"} | changes)  # type: ignore[arg-type]
    )
    return lambda keeper: charges.add_sale(keeper, sale)


def clear(payout_id: str, on: str | None = None) -> Attempt:
    return lambda keeper: payouts.clear(keeper, payout_id, on=day(on))


def void(payout_id: str, on: str | None = None) -> Attempt:
    return lambda keeper: payouts.void(keeper, payout_id, on=day(on))


def take_back(payment_id: str, on: str | None = None) -> Attempt:
    return lambda keeper: payments.take_back_payment(keeper, payment_id, on=day(on))


def bounce(payment_id: str, penalty: str | None = None) -> Attempt:
    return lambda keeper: payments.return_payment(keeper, payment_id, penalty=penalty)


def report(**changes: object) -> Attempt:
    usual = {"payer": "S1", "amount": "1.00", "method": "check", "key": "P"}
    payment = payments.Payment(**(usual | changes))  # type: ignore[arg-type]
    return lambda keeper: payments.add_payment(keeper, payment)


@pytest.fixture(scope="module")
def desk(sqlite_pattern: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office at which 18.00 waits in S1's wallet and 40.00 of S3's deposit, with 1.00 in cash.

    C1 is paid, C2 open; O1 is under way, O2 cleared, O3 void, O4 was cash.
    """
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(sqlite_pattern, folder / "ledger.db")
    with closing(open_database(f"sqlite:///{folder / 'ledger.db'}")) as database:
        office = open_office(database, folder)
        fill(office)
        yield office


def fill(office: PaymentOffice) -> None:
    keeper = office.keeper
    office.charge(
        "LIABILITY,C1,S1,LATE_FEE,10.00,2026-03-01",
        "WALLET,W1,S2,MEAL,3.00,2026-03-01",
        "LIABILITY,C3,S3,LATE_FEE,5.00,2026-03-01",
    )
    office.pay("P1", "S1", "11.00", method="cash", on="2026-03-05")
    office.pay("W", "S1", "20.00", to="WALLET", on="2026-03-05")
    office.settle("W", on="2026-03-09")
    office.pay("PENDING", "S1", "30.00", to="WALLET", on="2026-03-05")
    office.pay("VOIDED", "S1", "5.00", on="2026-03-05")
    office.take_back("VOIDED", on="2026-03-12")
    office.pay("BOUNCED", "S2", "5.00", on="2026-03-05")
    office.settle("BOUNCED", on="2026-03-09")
    office.send(ENROLMENT, enrolment_row("R1", student="S3", parent="COTT001", merchant="NOW"))
    sell(paid=Paid.DEPOSIT, amount="60.00", tracking_id="T1")(keeper)
    for number in (1, 2, 3):
        pay_out(key=f"O{number}", amount=f"{number}.00", on="2026-03-12")(keeper)
    clear("O2", "2026-03-13")(keeper)
    void("O3", "2026-03-14")(keeper)
    pay_out(key="O4", source=CreditSource.LIABILITY, method=PayoutMethod.CASH, on="2026-03-12")(
        keeper
    )
    move(key="X1", amount="3.00", on="2026-03-14")(keeper)
    office.bounce("BOUNCED", penalty="NSF_FEE", on="2026-03-12")
    office.charge(
        "LIABILITY,C2,S1,LATE_FEE,5.00,2026-03-10",
        "LIABILITY,VOID,S1,LATE_FEE,5.00,2026-03-10",
        "LIABILITY,GONE,S1,LATE_FEE,5.00,2026-03-10",
    )
    refund("VOID", None, key=None, on="2026-03-15")(keeper)
    write_off("GONE", None, key="F1")(keeper)
    refund("C1", "4.00", key="F1")(keeper)
    bring("9.00", key="B1")(keeper)


NO_AMOUNTS = ("", "0", "0.00", "-1.00", "1.005", "1e2", "99999999999")
LONG, UNSEEN = "K" * 65, "K\x1b[1mK"

MISTAKES: dict[str, tuple[str, Attempt]] = {
    "a transfer from nobody": ("Nobody is called S7", move(from_party="S7")),
    "a transfer to nobody": ("Nobody is called S7", move(to_party="S7")),
    "a transfer to where it is": ("there already", move(to_party="S1")),
    "a transfer from anybody": ("pays its own sales", move(from_party="ANONYMOUS")),
    "a transfer to anybody": ("pays its own sales", move(to_party="ANONYMOUS")),
    "a transfer for no charge": ("There is no charge NONE", move(for_charge="NONE")),
    "a transfer for a payout": (
        "O1 is a payout",
        move(for_charge="O1", to_party="S1", target=CreditTarget.LIABILITY),
    ),
    "a transfer for another one's charge": (
        "C3 is not a charge of S1's family",
        move(for_charge="C3", to_party="S1", target=CreditTarget.LIABILITY),
    ),
    "a transfer for a charge of another account": (
        "charged to LIABILITY",
        move(for_charge="C2"),
    ),
    "a transfer under a long key": ("--id takes 1 to 64", move(key=LONG)),
    "a transfer under an unseen key": ("--id takes 1 to 64", move(key=UNSEEN)),
    "a transfer under no key": ("--id takes 1 to 64", move(key=" ")),
    "a payout to nobody": ("Nobody is called S7", pay_out(party="S7")),
    "a payout to anybody": ("Nothing waits of ANONYMOUS", pay_out(party="ANONYMOUS")),
    "a payout to a long payee": ("--payee takes 1 to 64", pay_out(payee=LONG)),
    "a payout to an unseen payee": ("--payee takes 1 to 64", pay_out(payee=UNSEEN)),
    "a payout with a long reference": ("--reference takes 1 to 64", pay_out(reference=LONG)),
    "a payout with an unseen reference": ("--reference takes", pay_out(reference=UNSEEN)),
    "a payout under a long key": ("64 characters", pay_out(key=LONG)),
    "a payout under an unseen key": ("cannot be seen", pay_out(key=UNSEEN)),
    "no payout clears": ("There is no payout NONE", clear("NONE")),
    "a charge clears": ("There is no payout C1", clear("C1")),
    "no payout is void": ("There is no payout NONE", void("NONE")),
    "a refund of nothing known": ("There is no charge NONE", refund("NONE")),
    "a refund of a payout": ("ingestd payouts void --payout O1", refund("O1")),
    "a refund of a part without a key": ("needs --id", refund(key=None)),
    "a refund under a long key": ("--id takes 1 to 64", refund(key=LONG)),
    "a refund under an unseen key": ("--id takes 1 to 64", refund(key=UNSEEN)),
    "a write-off of nothing known": ("There is no charge NONE", write_off("NONE")),
    "a write-off under a long key": ("--id takes 1 to 64", write_off(key=LONG)),
    "a write-off under an unseen key": ("--id takes 1 to 64", write_off(key=UNSEEN)),
    "cash with a long reference": ("--reference takes 1 to 64", bring(reference=LONG)),
    "cash under a long key": ("64 characters", bring(key=LONG)),
    "cash under an unseen key": ("cannot be seen", bring(key=UNSEEN)),
    "tax without a code": ("Tax has a code", sell(tax="1.00")),
    "tax under no code": ("No tax code is called NONE", sell(tax="1.00", tax_code="NONE")),
    "more tax than amount": ("part of the amount", sell(tax="5.01", tax_code="GST")),
    "tax below zero": ("never negative", sell(tax="-1.00", tax_code="GST")),
    "a deposit for the wallet": (
        "A deposit or an advance pays fees",
        sell(paid=Paid.DEPOSIT, account_type=AccountType.WALLET),
    ),
    "a wallet of another family": (
        "S3 is not of S1's family",
        report(to=AccountType.WALLET, for_party="S3"),
    ),
    "fees for one party": ("--for-party is for --to WALLET", report(for_party="S2")),
}  # fmt: skip

REFUSALS: dict[str, tuple[str, Attempt]] = {
    "more is moved than waits": ("credit_short", move(amount="18.01")),
    "what is pending is moved": ("credit_short", move(amount="30.00")),
    "it is moved before it waited": ("credit_short", move(on="2026-03-08")),
    "a parent's is moved for a child": ("credit_short", move(from_party="COLL001")),
    "it is moved to another family": ("other_family", move(to_party="S3")),
    "another amount is moved under a key": ("other_content", move(key="X1", amount="3.01")),
    "it is moved elsewhere under a key": (
        "other_content",
        move(key="X1", amount="3.00", to_party="COLL001"),
    ),
    "more is paid out than waits": ("credit_short", pay_out(amount="18.01")),
    "it is paid out before it waited": ("credit_short", pay_out(on="2026-03-08")),
    "a deposit that was applied is paid out": (
        "credit_short",
        pay_out(party="S3", source=CreditSource.DEPOSIT, amount="40.01"),
    ),
    "nothing is paid out": ("credit_short", pay_out(source=CreditSource.ADVANCE, amount=None)),
    "more is paid out than is in the till": (
        "cash_short",
        pay_out(amount="1.01", method=PayoutMethod.CASH),
    ),
    "another amount is paid out under a key": ("other_content", pay_out(key="O1", amount="1.01")),
    "it is paid out otherwise under a key": (
        "other_content",
        pay_out(key="O1", method=PayoutMethod.ACH),
    ),
    "it is paid to another under a key": ("other_content", pay_out(key="O1", payee="Ann")),
    "a payout is called as a charge": ("other_content", pay_out(key="C1")),
    "a void payout clears": ("contradicts", clear("O3")),
    "a payout clears again on another day": ("contradicts", clear("O2", "2026-03-14")),
    "a payout is void again on another day": ("contradicts", void("O3", "2026-03-15")),
    "cash is void": ("cash_is_gone", void("O4")),
    "a payout clears before it went": ("", clear("O1", "2026-03-11")),
    "a payout is void before it went": ("", void("O1", "2026-03-11")),
    "more is refunded than is left": ("refund_too_large", refund(amount="6.01")),
    "more is refunded than was charged": ("refund_too_large", refund(amount="10.01")),
    "a refund is more than the till has": (
        "cash_short",
        refund(amount="6.00", to=RefundTo.CASH),
    ),
    "another amount is refunded under a key": ("other_content", refund(amount="4.01", key="F1")),
    "another charge is refunded under a key": ("other_content", refund("C2", "4.00", key="F1")),
    "a void charge is void on another day": (
        "contradicts",
        lambda keeper: refunds.void_charge(keeper, "VOID", on=day("2026-03-16")),
    ),
    "a void charge goes elsewhere": (
        "contradicts",
        refund("VOID", None, key=None, to=RefundTo.CHECK),
    ),
    "it is refunded before it was charged": ("", refund(on="2026-02-28")),
    "more is written off than is open": ("refund_too_large", write_off(amount="5.01")),
    "what is paid is written off": ("refund_too_large", write_off("C1", None)),
    "it is written off twice": ("already_written_off", write_off("GONE", None, key=None)),
    "another charge is written off by a key": ("other_content", write_off(amount=None, key="F1")),
    "it is written off before it was charged": ("", write_off(on="2026-03-09")),
    "more is brought to the bank than there is": ("cash_short", bring("1.01")),
    "another amount is brought under a key": ("other_content", bring("9.01", key="B1")),
    "it is brought otherwise under a key": (
        "other_content",
        bring("9.00", key="B1", reference="slip"),
    ),
    "it is taken back on another day": ("contradicts", take_back("VOIDED", "2026-03-13")),
    "it bounced with another penalty": ("contradicts", bounce("BOUNCED", "LATE_FEE")),
    "it bounced without a penalty": ("contradicts", bounce("BOUNCED")),
    "another payment under a key": ("other_content", report(key="W")),
    "a sale is called as a payout": ("other_content", sell(tracking_id="O1")),
    "a deposit is too small for a sale": ("credit_short", sell(paid=Paid.DEPOSIT, amount="40.01")),
    **{
        f"{name} tomorrow": ("", attempt)
        for name, attempt in {
            "it is moved": move(on="2026-11-23"),
            "it is paid out": pay_out(on="2026-11-23"),
            "it is refunded": refund(on="2026-11-23"),
            "it is written off": write_off(on="2026-11-23"),
            "it is brought": bring(on="2026-11-23"),
            "it clears": clear("O1", "2026-11-23"),
            "it is void": void("O1", "2026-11-23"),
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize(("says", "attempt"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_exits_2_and_writes_nothing(desk: Office, says: str, attempt: Attempt) -> None:
    """Whoever mistypes is told what to write, and has nothing to clean up."""
    before = stored(desk)
    with pytest.raises(UsageError, match=says) as refused:
        attempt(desk.keeper)
    assert refused.value.exit_code == 2
    assert refused.value.message.isprintable()
    assert stored(desk) == before


@pytest.mark.parametrize(("code", "attempt"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_books_refuse_exits_1_with_its_code(
    desk: Office, code: str, attempt: Attempt
) -> None:
    """A script reads why, and the books are as they were."""
    before = stored(desk)
    with pytest.raises(LedgerRefusal) as refused:
        attempt(desk.keeper)
    assert (refused.value.exit_code, refused.value.refusal) == (1, code), refused.value.message
    assert refused.value.message.isprintable()
    assert stored(desk) == before


@pytest.mark.parametrize("amount", NO_AMOUNTS)
@pytest.mark.parametrize(
    "attempt",
    [
        lambda amount: move(amount=amount),
        lambda amount: pay_out(amount=amount),
        lambda amount: refund(amount=amount),
        lambda amount: write_off(amount=amount),
        bring,
        lambda amount: report(amount=amount),
    ],
    ids=["transfer", "payout", "refund", "write-off", "cash deposit", "payment"],
)
def test_what_is_no_amount_of_money_moves_none(
    desk: Office, attempt: Callable[[str], Attempt], amount: str
) -> None:
    """Nothing, less than nothing and parts of a cent are never meant."""
    before = stored(desk)
    with pytest.raises(UsageError, match="mount"):
        attempt(amount)(desk.keeper)
    assert stored(desk) == before


@pytest.mark.parametrize(
    ("command", "attempt"),
    [
        ("transfers add", move()),
        ("payouts add", pay_out()),
        ("payouts void", void("O1")),
        ("charges refund", refund()),
        ("charges write-off", write_off()),
        ("payments return", bounce("W")),
        ("payments void", take_back("PENDING")),
        ("charges void", lambda keeper: refunds.void_charge(keeper, "C1")),
    ],
)
def test_money_does_not_go_without_a_reason_where_one_is_wanted(
    desk: Office, command: str, attempt: Attempt
) -> None:
    """An auditor finds why beside each refund, write-off, transfer and payout."""
    account = desk.keeper.account
    policy = replace(account.policy, reasons=ReasonPolicy.REQUIRED)
    keeper = replace(desk.keeper, account=replace(account, policy=policy))
    before = stored(desk)
    with pytest.raises(UsageError, match=f"give {command} a --reason"):
        attempt(keeper)
    assert stored(desk) == before
