"""Lines: what moved a family's balance, put together as a family would tell it, oldest first.

What one event did is one line: a refund that undoes, voids and moves money to a wallet is what it
leaves. What stays within the family is no line of its statement, but one of a student's alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.reports.families.passbook import Effect, Passbook
from ingestd.reports.known.families import Member, Move

MOVED: Final = "moved"
TRANSFER: Final = "transfer"
REFUND: Final = "refund"
ALLOCATION: Final = "allocation"
_Subject = tuple[object, ...]
# What is about a payment, whichever charges it touched.
_OF_PAYMENTS = frozenset({"settled", "returned", "voided"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event, and what it did to the balance in minor units: more in credit, or less.

    `account_type` is None where it touched both. `move` is set for a student that came or went.
    """

    day: int
    batch_no: int
    posting_no: int
    event: str
    account_type: AccountType | None
    party_no: int | None
    charge_no: int | None
    payment_no: int | None
    amount: int
    move: Move | None = None

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Where it stands among the others: by day, then in the order of the books."""
        return self.day, self.batch_no, self.posting_no, self.charge_no or 0


def lines_of(
    passbook: Passbook,
    members: Sequence[Member],
    *,
    family: str | None,
    as_of: int,
    known_batch: int,
) -> list[Line]:
    """Return the lines of a family up to a day as known by a batch; of one party without `family`.

    A member's events belong to the family that the member was in by then. Who comes brings what
    he has in credit less what he owes, and who goes takes it along.
    """
    by_number = {member.party_no: member for member in members}
    known = [
        effect
        for effect in passbook.effects()
        if effect.effective_on <= as_of and effect.batch_no <= known_batch
    ]

    def belongs(effect: Effect) -> bool:
        moves = by_number[effect.party_no].moves
        return family is None or moves.family_at(effect.effective_on, effect.batch_no) == family

    found = list(_grouped(filter(belongs, known), splits_transfers=family is None))
    if family is not None:
        for member in members:
            own = [effect for effect in known if effect.party_no == member.party_no]
            found.extend(_moves_of(member, own, family=family, as_of=as_of))
    return sorted(found, key=lambda line: line.place)


def _grouped(effects: Iterable[Effect], *, splits_transfers: bool) -> Iterator[Line]:
    found = list(effects)
    refunded = {(each.batch_no, each.charge_no) for each in found if each.event == REFUND}
    groups: defaultdict[_Subject, list[Effect]] = defaultdict(list)
    for effect in found:
        # An allocation that a refund cuts is undone and made anew: that is one event.
        is_cut = effect.event == ALLOCATION and (effect.batch_no, effect.charge_no) in refunded
        event = REFUND if is_cut else effect.event
        groups[_subject(effect, event, splits_transfers=splits_transfers)].append(effect)
    for subject, group in groups.items():
        amount = sum(effect.amount for effect in group)
        if amount:
            yield _line(group, str(subject[2]), amount)


def _subject(effect: Effect, event: str, *, splits_transfers: bool) -> _Subject:
    """Return what an effect is about; those that are about the same are one line."""
    about: tuple[object, ...]
    if event in _OF_PAYMENTS or effect.charge_no is None:
        about = ("payment", effect.payment_no)
    elif event == ALLOCATION:
        about = ("paid", effect.charge_no, effect.payment_no)
    else:
        about = ("charge", effect.charge_no)
    if event == TRANSFER:
        # To one student a transfer from the wallet to fees is worth telling.
        about = ("transfer", effect.account_type if splits_transfers else None)
    return effect.effective_on, effect.batch_no, event, *about


def _line(group: Sequence[Effect], event: str, amount: int) -> Line:
    moved: defaultdict[AccountType, int] = defaultdict(int)
    for effect in group:
        moved[effect.account_type] += effect.amount
    types = [account_type for account_type, sum_ in moved.items() if sum_]
    parties = {effect.party_no for effect in group}
    first = min(group, key=lambda effect: effect.posting_no)
    is_of_payment = event in _OF_PAYMENTS or first.charge_no is None
    names_payment = event != TRANSFER and (is_of_payment or event == ALLOCATION)
    return Line(
        day=first.effective_on,
        batch_no=first.batch_no,
        posting_no=first.posting_no,
        event=event,
        account_type=types[0] if len(types) == 1 else None,
        party_no=parties.pop() if len(parties) == 1 else None,
        charge_no=None if is_of_payment else first.charge_no,
        payment_no=first.payment_no if names_payment else None,
        amount=amount,
    )


def _moves_of(member: Member, own: Sequence[Effect], *, family: str, as_of: int) -> Iterator[Line]:
    for move in member.moves.known:
        if family not in (move.old, move.new) or move.old == move.new or move.effective_on > as_of:
            continue
        moved: defaultdict[AccountType, int] = defaultdict(int)
        for effect in own:
            if (effect.effective_on, effect.batch_no) < move.moment:
                moved[effect.account_type] += effect.amount
        types = [account_type for account_type, amount in moved.items() if amount]
        amount = sum(moved.values())
        yield Line(
            day=move.effective_on,
            batch_no=move.batch_no,
            posting_no=0,
            event=MOVED,
            account_type=types[0] if len(types) == 1 else None,
            party_no=member.party_no,
            charge_no=None,
            payment_no=None,
            amount=amount if move.new == family else -amount,
            move=move,
        )
