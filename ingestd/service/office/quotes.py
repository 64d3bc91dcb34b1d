"""Quotes at the office's desk: what a family must pay to buy something."""

from __future__ import annotations

from ingestd.ledger.books.parties import Party, find_party
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.ledger.money.quotes import Quote, quote
from ingestd.ledger.money.sales import NewCharge, price_of
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.values.errors import LedgerRefusal, UsageError


def quote_product(
    keeper: Bookkeeper, party: str, billing_code: str, *, counts_pending: bool = False
) -> Answer:
    """Return what must be paid to buy a product today; nothing is written."""

    def work(entry: Entry) -> Answer:
        buyer = find_party(entry.connection, entry.head, entry.batch, party)
        price = price_of(entry, billing_code)
        if price is None:
            raise UsageError(f"{billing_code} has no price on {entry.day}.")
        quoted = quote(entry, buyer, billing_code, price=price, counts_pending=counts_pending)
        raise Unchanged(_told(keeper, buyer, billing_code, quoted))

    return keeper.write("quote", work, command=Command.LEDGER_QUOTE, on=None)


def refuse_debt_first(
    keeper: Bookkeeper, entry: Entry, party: Party, charge: NewCharge, *, counts_pending: bool
) -> None:
    """Raise LedgerRefusal where a family owes more than waits, and cannot buy before it pays."""
    price = charge.amount
    if price is None:
        price = price_of(entry, charge.billing_code) or 0
    quoted = quote(entry, party, charge.billing_code, price=price, counts_pending=counts_pending)
    if quoted.debt_comes_first:
        raise LedgerRefusal(
            f"{party.code}'s family owes {keeper.written(quoted.past_due)}, which comes first.",
            refusal="debt_first",
            told={"quote": _told(keeper, party, charge.billing_code, quoted)},
        )


def _told(keeper: Bookkeeper, party: Party, billing_code: str, quoted: Quote) -> Answer:
    return {
        "party": party.code,
        "billing_code": billing_code,
        "price": keeper.written(quoted.price),
        "past_due": keeper.written(quoted.past_due),
        "items": [
            {
                "tracking_id": item.tracking_id,
                "billing_code": item.billing_code,
                "occurred_on": str(keeper.day_of(item.occurred_at)),
                "open": keeper.written(item.open_amount),
            }
            for item in quoted.items
        ],
        "credit": keeper.written(quoted.credit),
        "pending": keeper.written(quoted.pending),
        "installments": quoted.first is not None,
        "to_pay": keeper.written(quoted.to_pay),
        "to_pay_all": keeper.written(quoted.to_pay_all),
        "pays_first": "item" if quoted.pays_item else "oldest",
    }
