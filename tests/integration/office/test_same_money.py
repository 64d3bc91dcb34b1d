"""One long history at both databases: the same money to the cent, and the same seals."""

from __future__ import annotations

import random
from collections.abc import Callable

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import Paid
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.service.office.charges import Sale, add_penalty
from ingestd.values.errors import IngestdError
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import Office, day

SEED, STEPS = 20_260_302, 90
DAYS = ("2026-01-05", "2026-02-10", "2026-03-09", "2026-03-20", "2026-11-22")
PARTIES = ("S1", "S2", "S3", "COLL001", "ANONYMOUS")
CODES = ("LOST_BOOK", "LATE_FEE", "PROM", "MEAL")
MONEY = (
    *("party", "charge", "refund", "payment", "payment_part", "payment_event", "allocation"),
    *("posting", "period_close", "charge_state", "credit_lot", "seal", "seal_head"),
    *("entry", "write_off", "transfer", "payout", "payout_event", "cash_deposit"),
    *("file_outcome", "row_outcome", "finding"),
)


def one_step(office: Office, dice: random.Random, number: int) -> Callable[[], object]:
    """Choose something to do at an office; the same dice choose the same."""
    on = dice.choice(DAYS)
    party, code = dice.choice(PARTIES), dice.choice(CODES)
    known = dice.randrange(1, number + 1)
    account_type = dice.choice(("LIABILITY", "WALLET"))
    amount = f"{dice.choice((1, 3, 5, 8, 20))}.{dice.choice(('00', '25'))}"
    student, charge, payment = dice.choice(PARTIES[:3]), f"C{known}", f"P{known}"
    sale = Sale(
        party=party,
        billing_code=code,
        amount=amount,
        paid=Paid.CASH if dice.random() < 0.5 else None,
        account_type=AccountType(account_type),
        tracking_id=f"T{number}",
    )
    method = dice.choice(("echeck", "cash"))
    named = dice.choice((None, charge))
    steps: tuple[Callable[[], object], ...] = (
        lambda: office.charge(
            f"{account_type},C{number},{student},{code},{amount},{on}",
            f"LIABILITY,C{known},{student},{code},,{on}",
        ),
        lambda: office.pay(
            f"P{number}", party, amount, on=on, method=method, to=account_type, for_charge=named
        ),
        lambda: office.settle(payment, on=on),
        lambda: office.settle(f"P{number - 1}"),
        lambda: office.bounce(payment, on=on, penalty=dice.choice((None, "NSF_FEE"))),
        lambda: office.take_back(payment, on=on),
        lambda: office.void(charge, on=on),
        lambda: office.refund(charge, f"C{number}"),
        lambda: office.sell(sale, on=on),
        lambda: add_penalty(office.keeper, party, "NSF_FEE", tracking_id=f"N{number}", on=day(on)),
    )
    if number == STEPS // 2:
        return lambda: office.close("2026-01")
    return dice.choice((*steps[:2], *steps))


def live(office: Office) -> list[object]:
    """Make the history; return all answers, and all that is stored and reported at the end."""
    dice = random.Random(SEED)
    answers: list[object] = []
    for number in range(1, STEPS + 1):
        step = one_step(office, dice, number)
        try:
            answers.append(step())
        except IngestdError as error:
            answers.append((error.code, error.message))
    audit(office.books).check()
    return [
        *answers,
        *office.books.dump(*MONEY).items(),
        office.books.report(report_items),
        office.books.report(report_balances),
    ]


def test_both_databases_come_to_the_same_money(both_offices: tuple[Office, Office]) -> None:
    """A district that moves to PostgreSQL finds every payment, posting and seal unchanged."""
    mine, theirs = (live(office) for office in both_offices)
    for one, other in zip(mine, theirs, strict=True):
        assert one == other
    refused = [answer for answer in mine if isinstance(answer, tuple) and answer[0] == "usage"]
    assert len(refused) < STEPS // 2, "most of the history happens"
