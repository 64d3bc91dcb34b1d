"""Quotes: what must be paid before a product can be bought."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.database.statements import Statements
from ingestd.ledger.books.parties import Party
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.paying.pools import stage_payer, stage_pools

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """What a family owes of one charge, or of a payout that is owed back, in minor units.

    `occurred_at` is in microseconds since 1970.
    """

    tracking_id: str
    billing_code: str
    occurred_at: int
    open_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What buying a product takes, in minor units.

    `past_due` is what the family owes in fees, `credit` what waits for them, `pending` what is on
    its way. `first` is what must be paid of the price to buy in installments, None where the
    product is paid at once. `pays_item` says whether a payment that names the sale pays it first.
    """

    price: int
    items: tuple[OpenItem, ...]
    credit: int
    pending: int
    first: int | None
    pays_item: bool
    counts_pending: bool = False

    @property
    def past_due(self) -> int:
        """What the family owes already."""
        return sum(item.open_amount for item in self.items)

    @property
    def to_pay_all(self) -> int:
        """What must be paid to owe nothing, once it is bought."""
        return max(0, self.past_due + self.price - self._counted)

    @property
    def to_pay(self) -> int:
        """What must be paid now: past debt comes first, unless installments are allowed."""
        if self.first is None:
            return self.to_pay_all
        return min(self.to_pay_all, max(0, self.first - max(0, self._counted - self.past_due)))

    @property
    def debt_comes_first(self) -> bool:
        """Whether what is owed is more than what waits, and keeps from buying."""
        return self.first is None and self.past_due > self._counted

    @property
    def _counted(self) -> int:
        return self.credit + (self.pending if self.counts_pending else 0)


def quote(
    entry: Entry, party: Party, billing_code: str, *, price: int, counts_pending: bool
) -> Quote:
    """Return what a party must pay to buy a product at a price, on the entry's day."""
    values = {"account": entry.head.account, "billing_code": billing_code}
    product = _SQL.run(entry.connection, "find_product", values).one_or_none()
    stage_payer(entry.connection, party.party_no)
    stage_pools(entry.connection, entry.head)
    items = _SQL.run(entry.connection, "find_open_items", values)
    sums = _SQL.run(entry.connection, "sum_credit", values).one()
    first = None
    if product is not None and product.installments:
        first = price if product.first_instalment is None else int(product.first_instalment)
    return Quote(
        price=price,
        items=tuple(
            OpenItem(
                tracking_id=item.tracking_id,
                billing_code=item.billing_code,
                occurred_at=item.occurred_at,
                open_amount=int(item.amount),
            )
            for item in items
        ),
        credit=int(sums.credit),
        pending=int(sums.pending),
        first=first,
        pays_item=product is not None and product.repayment == "direct",
        counts_pending=counts_pending,
    )
