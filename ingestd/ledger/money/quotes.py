"""Quotes: what must be paid before a product can be bought."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.database.statements import Statements
from ingestd.ledger.books.parties import Party
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.money.sales import price_of
from ingestd.ledger.paying.pools import stage_payer, stage_pools
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What buying a product takes, in minor units.

    `past_due` is what the family owes in fees. It comes first: the price is due with it, unless
    the product may be bought in installments.
    """

    price: int
    past_due: int
    allows_installments: bool

    @property
    def to_pay(self) -> int:
        """What must be paid now."""
        return self.past_due if self.allows_installments else self.past_due + self.price


def quote(entry: Entry, party: Party, billing_code: str) -> Quote:
    """Return what a party must pay to buy a product today. Raises UsageError without a price."""
    price = price_of(entry, billing_code)
    if price is None:
        raise UsageError(f"{billing_code} has no price on {entry.day}.")
    values = {"account": entry.head.account, "billing_code": billing_code}
    allows = _SQL.run(entry.connection, "find_installments", values).scalar_one()
    stage_payer(entry.connection, party.party_no)
    stage_pools(entry.connection, entry.head)
    past_due = _SQL.run(entry.connection, "sum_past_due", values).scalar_one()
    return Quote(price=price, past_due=int(past_due), allows_installments=bool(allows))
