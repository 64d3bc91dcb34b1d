"""The sides of what is kept for speed: keys, states, open charges, totals and balances, in pages.

A page is some thousand rows behind the last ones in the order of their key, each column put
together to one text by the database; `columns.py` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.audit.beside import Beside
from ingestd.ledger.audit.columns import Column, Int64s, Numbers, Texts, parse_numbers
from ingestd.ledger.audit.sides import (
    OF_CHARGES,
    SORTS_MAX,
    Sides,
    numbers,
    open_words,
    put_keys,
    some,
)
from ingestd.ledger.audit.sums import CannotAddError, pair, word
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

_Read = Callable[[Connection, AccountId], Iterator[Mapping[str, Column]]]
_Put = Callable[[Sides, Mapping[str, Column]], None]

_PAGE_ROWS = 8_192
_LARGEST = "charge_key"
_BEFORE_ALL = -1  # numbers start at 1


def read_sides(connection: Connection, account: AccountId) -> Sides:
    """Return the sides of an account's books, with nothing on them yet."""
    found = _SQL.run(connection, "find_sorts", {"account": account, "codes": SORTS_MAX}).all()
    sorts: Int64s = np.zeros(1 + max((int(row.code_no) for row in found), default=0), np.int64)
    for row in found:
        sorts[row.code_no] = row.sort
    payouts = _SQL.run(connection, "find_payouts", {"account": account}).scalars().all()
    return Sides(sorts=sorts, payouts=np.array(payouts, np.int64))


def put_kept(connection: Connection, account: AccountId, sides: Sides, *, beside: Beside) -> None:
    """Put all that is kept beside an account's facts to the sides that it stands on.

    Keys are read here, and everything else `beside`.
    """

    def put_others(connection: Connection, sides: Sides) -> None:
        for table in _KEPT:
            if table != _LARGEST:
                _put_table(connection, account, sides, table)

    others = beside.run(put_others)
    _put_table(connection, account, sides, _LARGEST)
    if _SQL.run(connection, "count_at_start", {"account": account}).scalar_one():
        sides.unsure.update(_KEPT)
    others()


def _put_table(connection: Connection, account: AccountId, sides: Sides, table: str) -> None:
    read, put = _KEPT[table]
    try:
        for columns in read(connection, account):
            put(sides, columns)
    except CannotAddError:
        sides.unsure.add(table)


def _pages(
    connection: Connection, account: AccountId, name: str, key: Sequence[str]
) -> Iterator[Mapping[str, Column]]:
    """Yield a table's rows, a page at a time, as columns of numbers."""
    after = dict.fromkeys(key, _BEFORE_ALL)
    while True:
        values = {"account": account, "rows": _PAGE_ROWS, **after}
        page = _SQL.run(connection, name, values).mappings().one()
        if not page["rows"]:
            return
        columns = {
            column: Numbers(_parsed(content, rows=page["rows"]))
            for column, content in page.items()
            if column != "rows"
        }
        yield columns
        after = {column: int(columns[column].values[-1]) for column in after}


def _pages_of_keys(connection: Connection, account: AccountId) -> Iterator[Mapping[str, Column]]:
    last = ""
    while True:
        values = {"account": account, "rows": _PAGE_ROWS, "tracking_id": last}
        page = _SQL.run(connection, "page_of_keys", values).one()
        if not page.rows:
            return
        octets = np.frombuffer(page.tracking_id.encode(), np.uint8)
        lengths = _parsed(page.lengths, rows=page.rows)
        if int(lengths.sum()) != len(octets):
            raise CannotAddError("texts are not as long as they are said to be")
        yield {
            "tracking_id": Texts(lengths, octets),
            "charge_no": Numbers(_parsed(page.charge_no, rows=page.rows)),
        }
        last = page.last_key


def _parsed(content: object, *, rows: int) -> Int64s:
    try:
        found = parse_numbers(content)
    except ValueError as error:
        raise CannotAddError("what should be numbers is none") from error
    if len(found) != rows:
        raise CannotAddError("numbers are missing")
    return found


def _put_keys(sides: Sides, columns: Mapping[str, Column]) -> None:
    keys = columns["tracking_id"]
    assert isinstance(keys, Texts)
    put_keys(sides.charge_keys.subtract, keys, numbers(columns, "charge_no"))


def _put_states(sides: Sides, columns: Mapping[str, Column]) -> None:
    """Put in what states make of charges, which were put in as if nothing was paid of them."""
    ended = ("allocated", "voided", "written_off")
    names = (*OF_CHARGES, *ended)
    whole = some(columns, numbers(columns, "amount").values > 0, *names)
    sides.open_charges.subtract(open_words(sides, whole, whole["amount"]))
    charges = some(columns, None, *names)
    left = charges["amount"].values - sum(charges[name].values for name in ended)
    charges = some(columns, left > 0, *names)
    sides.open_charges.add(open_words(sides, charges, Numbers(left[left > 0])))


def _put_open_charges(sides: Sides, columns: Mapping[str, Column]) -> None:
    charges = some(columns, None, *columns)
    sides.open_charges.subtract(
        [
            pair(charges["charge_no"], charges["party_no"]),
            pair(charges["credit_account"], charges["sort"]),
            word(charges["occurred_at"]),
            word(charges["amount"]),
        ]
    )


def _put_totals(sides: Sides, columns: Mapping[str, Column]) -> None:
    totals = some(columns, None, *columns)
    words = [
        pair(totals["batch_no"], totals["effective_on"]),
        pair(totals["debit_account"], totals["credit_account"]),
        pair(totals["product_no"], 0),
    ]
    sides.totals.subtract(words, totals["amount"].values, totals["postings"].values)


def _put_balances(sides: Sides, columns: Mapping[str, Column]) -> None:
    balances = some(columns, None, *columns)
    words = [pair(balances["party_no"], balances["credit_account"])]
    sides.balances.add(words, balances["balance"].values, balances["postings"].values)


def _read_by(name: str, *key: str) -> _Read:
    """Return how a table is read whose pages go by some columns."""
    return lambda connection, account: _pages(connection, account, name, key)


_KEPT: Mapping[str, tuple[_Read, _Put]] = {
    "charge_key": (_pages_of_keys, _put_keys),
    "charge_state": (_read_by("page_of_states", "charge_no"), _put_states),
    "open_charge": (
        _read_by(
            "page_of_open_charges",
            *("party_no", "credit_account", "occurred_at", "sort", "charge_no"),
        ),
        _put_open_charges,
    ),
    "batch_total": (
        _read_by(
            "page_of_totals",
            *("batch_no", "effective_on", "debit_account", "credit_account", "product_no"),
        ),
        _put_totals,
    ),
    "party_balance": (
        _read_by("page_of_balances", "party_no", "credit_account"),
        _put_balances,
    ),
}
