"""Totals of a large file's charges: its postings are added up as they are written.

What they come to is the same as `totals.py` has the database add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, create_temporary, stage
from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import BALANCE
from ingestd.ledger.proof.column_pieces import Numbers

_SQL = Statements(__file__)

TOTALS = Temporary(
    "stage_total",
    {
        "product_no": "whole",
        "effective_on": "whole",
        "debit_account": "whole",
        "credit_account": "whole",
        "postings": "whole",
        "amount": "whole",
    },
)
BALANCES = Temporary(
    "stage_balance",
    {"party_no": "whole", "credit_account": "whole", "postings": "whole", "balance": "whole"},
)
_GATHERED_ROWS = 200_000
# What a debit on a receivable is taken from: a party's credit for fees, or in its wallet.
_CREDIT_OF = {int(accounts.receivable): int(accounts.credit) for accounts in BALANCE.values()}


class Totals:
    """What many postings of charges come to, added up as they are written.

    All have the same `credit_account`, which is nobody's.
    """

    def __init__(self, *, credit_account: int) -> None:
        self._credit_account = credit_account
        self._by_place: _Sums = _Sums(3)
        self._by_party: _Sums = _Sums(2)

    def add(self, postings: Mapping[str, Numbers]) -> None:
        """Add postings, given column by column."""
        debits, amounts = postings["debit_account"], postings["amount"]
        self._by_place.add([postings["product_no"], postings["effective_on"], debits], amounts)
        self._by_party.add([postings["debit_party_no"], debits], amounts)

    def store(self, connection: Connection, *, account: str, batch_no: int) -> int:
        """Store the batch's totals, and add to the balances of its parties; return the sum."""
        values = {"account": account, "batch_no": batch_no}
        create_temporary(connection, TOTALS, BALANCES)
        places, postings, amounts = self._by_place.sums()
        others = [self._credit_account] * len(postings)
        columns = (*places, others, postings, amounts)
        stage(connection, TOTALS, zip(*columns, strict=True))
        _SQL.run(connection, "add_staged_totals", values)
        (parties, debits), postings, debts = self._by_party.sums()
        owed = [-debt for debt in debts]
        pools = [_CREDIT_OF[debit] for debit in debits]
        stage(connection, BALANCES, zip(parties, pools, postings, owed, strict=True))
        _SQL.run(connection, "add_to_staged_balances", values)
        return sum(amounts)


class _Sums:
    """How many amounts there are for each key of several whole numbers, and what they add up to."""

    def __init__(self, width: int) -> None:
        self._keys = np.empty((width, 0), dtype=np.int64)
        self._counts = self._amounts = np.empty(0, dtype=np.int64)
        self._pending: list[tuple[Numbers, Numbers]] = []
        self._pending_rows = 0

    def add(self, keys: Sequence[Numbers], amounts: Numbers) -> None:
        self._pending.append((np.stack(keys), amounts))
        self._pending_rows += len(amounts)
        if self._pending_rows >= _GATHERED_ROWS:
            self._gather()

    def sums(self) -> tuple[list[list[int]], list[int], list[int]]:
        """Return the keys, column by column, in their order, and their counts and amounts."""
        self._gather()
        return self._keys.tolist(), self._counts.tolist(), self._amounts.tolist()

    def _gather(self) -> None:
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._pending)], axis=1)
        new = np.concatenate([amounts for _, amounts in self._pending] or [self._amounts[:0]])
        amounts = np.concatenate([self._amounts, new])
        counts = np.concatenate([self._counts, np.ones(len(new), dtype=np.int64)])
        self._pending, self._pending_rows = [], 0
        if not len(amounts):
            return
        order = np.lexsort(keys[::-1])
        keys = keys[:, order]
        is_first = np.concatenate([[True], (keys[:, 1:] != keys[:, :-1]).any(axis=0)])
        firsts = np.flatnonzero(is_first)
        self._keys = keys[:, firsts]
        self._counts = np.add.reduceat(counts[order], firsts)
        self._amounts = np.add.reduceat(amounts[order], firsts)
