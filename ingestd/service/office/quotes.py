"""Quotes at the office's desk: what a family must pay to buy something."""

from __future__ import annotations

from ingestd.ledger.books.parties import find_party
from ingestd.ledger.money.entry import Entry, Unchanged
from ingestd.ledger.money.quotes import quote
from ingestd.service.office.bookkeeper import Answer, Bookkeeper


def quote_product(keeper: Bookkeeper, party: str, billing_code: str) -> Answer:
    """Return what must be paid to buy a product today; nothing is written."""

    def work(entry: Entry) -> Answer:
        buyer = find_party(entry.connection, entry.head, entry.batch, party)
        quoted = quote(entry, buyer, billing_code)
        raise Unchanged(
            {
                "party": buyer.code,
                "billing_code": billing_code,
                "price": keeper.written(quoted.price),
                "past_due": keeper.written(quoted.past_due),
                "installments": quoted.allows_installments,
                "to_pay": keeper.written(quoted.to_pay),
            }
        )

    return keeper.write("quote", work, on=None)
