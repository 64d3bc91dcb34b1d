"""Credit that is taken out of its lots by command: a party's own, the oldest settled first."""

from __future__ import annotations

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry

_SQL = Statements(__file__)

TAKEN = Temporary(
    "stage_taken",
    {
        "place": "whole",
        "payment_no": "whole",
        "credit_account": "whole",
        "party_no": "whole",
        "amount": "whole",
        "available_on": "whole",
    },
    key=("place", "payment_no", "credit_account", "party_no"),
)
"""What is taken from which lots, and from when on it is there; `place` is what it is taken for."""

_GIVEN_BACK = Temporary(
    "stage_given_back",
    {"payment_no": "whole", "party_no": "whole", "amount": "whole", "available_on": "whole"},
    key=("payment_no", "party_no"),
)


def waiting_credit(entry: Entry, party_no: int, account: LedgerAccount) -> int:
    """Return what waits of a party's own on an account on the entry's day, in minor units."""
    found = _SQL.run(entry.connection, "sum_waiting", _bound(entry, party_no, account))
    return int(found.scalar_one())


def choose_credit(entry: Entry, party_no: int, account: LedgerAccount, amount: int) -> None:
    """Fill `stage_taken` with a party's own lots, the oldest settled first, up to an amount.

    So much must wait.
    """
    values = {**_bound(entry, party_no, account), "amount": amount}
    _SQL.fill(entry.connection, TAKEN, "choose_credit", values)


def move_credit(
    entry: Entry, *, to_party_no: int, to_account: LedgerAccount, event: str = "transfer"
) -> None:
    """Move what is in `stage_taken` to another party or account; each lot keeps its payment.

    Afterwards `stage_taken` holds what was moved, where it lies now. Discounts of the payments
    go back.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    values = {
        "account": head.account,
        "day": entry.day,
        "event": event,
        "to_party_no": to_party_no,
        "to_account": int(to_account),
    }
    post(connection, head, batch, _SQL, "post_moved", values)
    _SQL.run(connection, "take_from_lots", values)
    _SQL.run(connection, "add_to_lots", values)
    give_back_discounts(entry, event=event)
    _SQL.run(connection, "follow_moved", values)


def give_back_discounts(entry: Entry, *, event: str) -> None:
    """Give back what waits of the discounts of the payments whose cash is in `stage_taken`.

    A discount never leaves as money: it goes back to 4900.
    """
    values = {"account": entry.head.account, "day": entry.day, "event": event}
    if not _SQL.fill(entry.connection, _GIVEN_BACK, "stage_given_back", values):
        return
    post(entry.connection, entry.head, entry.batch, _SQL, "post_given_back", values)
    _SQL.run(entry.connection, "empty_discounts", values)


def _bound(entry: Entry, party_no: int, account: LedgerAccount) -> dict[str, object]:
    return {
        "account": entry.head.account,
        "party_no": party_no,
        "credit_account": int(account),
        "day": entry.day,
    }
