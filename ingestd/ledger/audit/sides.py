"""Sides: what is stored twice, added up on both sides while each table is read once.

Charges and their postings, keys, open charges, totals, balances, allocations: each row is put to
the side that it stands on, whatever its order. Where both sides come to the same, `agreement.py`
and `projections.py` have nothing to find; where they do not, or where something could not be
added, their statements are asked what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingestd.ledger.audit.columns import Column, Flags, Int64s, Numbers, Texts
from ingestd.ledger.audit.sums import (
    CannotAddError,
    TwoSides,
    Words,
    pair,
    select,
    word,
    words_of_texts,
)
from ingestd.ledger.books.chart import LedgerAccount

SORTS_MAX = 1 << 24
"""Products with a number beyond this are not looked up: the statements are asked."""

_PAID_OUT = (LedgerAccount.PAID_OUT_FEES, LedgerAccount.PAID_OUT_WALLET)
_RECEIVABLES = (
    *(LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET),
    *_PAID_OUT,
)
_CREDITS = (
    *(LedgerAccount.WALLET_CREDIT, LedgerAccount.UNAPPLIED_FEES),
    LedgerAccount.UNAPPLIED_DISCOUNTS,
)
_HELD = (LedgerAccount.DEPOSITS, LedgerAccount.ADVANCES)
_OF_WALLETS = (LedgerAccount.RECEIVABLE_WALLET, LedgerAccount.PAID_OUT_WALLET)
_WALLETS = (*_OF_WALLETS, LedgerAccount.WALLET_CREDIT)
# What a charge stands against, and a payout; cash that is gone counts as what is on its way.
_CHARGED = (LedgerAccount.DEFERRED_REVENUE, LedgerAccount.DEFERRED_TAX)
_SENT = (LedgerAccount.PAYOUTS_UNDER_WAY, LedgerAccount.CASH)

_Columns = Mapping[str, Numbers]
_TWO_SIDES = (
    *("charge_postings", "charge_keys", "open_charges", "paid", "realised", "taxes", "totals"),
    "balances",
)


@dataclass(slots=True)
class Sides:
    """Both sides of all that is stored twice in one account's books.

    `sorts` is each product's place among debts of one day, by its number; what it does not have is
    in place 0. `payouts` are the charges of which nothing is realised. Facts are put in by `feed`,
    chunk by chunk; `kept_sides.py` puts in the rest.
    """

    sorts: Int64s
    payouts: Int64s
    charge_postings: TwoSides = field(default_factory=TwoSides)
    charge_keys: TwoSides = field(default_factory=TwoSides)
    open_charges: TwoSides = field(default_factory=TwoSides)
    paid: TwoSides = field(default_factory=TwoSides)
    realised: TwoSides = field(default_factory=TwoSides)
    taxes: TwoSides = field(default_factory=TwoSides)
    totals: TwoSides = field(default_factory=lambda: TwoSides(weights=2))
    balances: TwoSides = field(default_factory=lambda: TwoSides(weights=2))
    reversals: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def apart(self) -> Sides:
        """Return empty sides that can be merged into these: another thread fills them."""
        return Sides(
            sorts=self.sorts,
            payouts=self.payouts,
            **{name: getattr(self, name).apart() for name in _TWO_SIDES},
        )

    def merge(self, other: Sides) -> None:
        """Add what was put to sides that were apart."""
        for name in _TWO_SIDES:
            getattr(self, name).merge(getattr(other, name))
        self.reversals += other.reversals
        self.unsure |= other.unsure
        for table, rows in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows

    def feed(self, batch_no: int, table: str, rows: int, columns: Mapping[str, Column]) -> None:
        """Put a chunk of a batch's rows to the sides that they stand on."""
        self.rows[table] = self.rows.get(table, 0) + rows
        put = _FEEDS.get(table)
        if put is None:
            return
        try:
            put(self, batch_no, columns)
        except (CannotAddError, KeyError):
            # A value beyond what is hashed, or a layout without one of the columns.
            self.unsure.add(table)

    def proven(self, sealed_rows: Mapping[str, int]) -> frozenset[str]:
        """Return the checks, by their statements, that would find nothing.

        `sealed_rows` is how many rows there are of the sealed tables: all of them have to have
        been put in.
        """
        doubtful = self.unsure | {
            table for table, rows in sealed_rows.items() if rows != self.rows.get(table, 0)
        }
        return frozenset(
            name
            for tables, agrees, names in _PROOFS
            if not doubtful.intersection(tables) and agrees(self)
            for name in names
        )


def _put_charges(sides: Sides, batch_no: int, columns: Mapping[str, Column]) -> None:
    keys = columns["tracking_id"]
    assert isinstance(keys, Texts)
    put_keys(sides.charge_keys.add, keys, numbers(columns, "charge_no"))
    charges = some(columns, numbers(columns, "amount").values > 0, *OF_CHARGES, "tax")
    amounts, taxes = charges["amount"].values, charges["tax"].values
    paid_out = np.isin(charges["receivable_account"].values, _PAID_OUT)
    deferred = np.where(paid_out, LedgerAccount.PAYOUTS_UNDER_WAY, LedgerAccount.DEFERRED_REVENUE)
    _put_charged(sides, batch_no, charges, amounts - taxes, deferred)
    if taxes.any():
        _put_charged(
            sides, batch_no, charges, taxes, np.full_like(taxes, LedgerAccount.DEFERRED_TAX)
        )
    sides.open_charges.add(open_words(sides, charges, charges["amount"]))


def _put_charged(
    sides: Sides, batch_no: int, charges: _Columns, amounts: Int64s, accounts: Int64s
) -> None:
    """Put in what charges stand against on an account, where that is anything."""
    rows = amounts > 0
    some_of = charges
    if not rows.all():
        some_of = {name: select(column, rows) for name, column in charges.items()}
        amounts, accounts = amounts[rows], accounts[rows]
    sides.charge_postings.add(
        [
            pair(some_of["charge_no"], some_of["party_no"]),
            pair(some_of["product_no"], some_of["effective_on"]),
            pair(some_of["receivable_account"], batch_no),
            pair(Numbers(accounts), 0),
            word(Numbers(amounts)),
        ]
    )


def open_words(sides: Sides, charges: _Columns, amounts: Numbers) -> Sequence[Words]:
    """Return what `open_charge` says of charges of which that much is open."""
    products = charges["product_no"].values
    if len(products) and (products.min() < 0 or products.max() >= SORTS_MAX):
        raise CannotAddError("a product's number is too large")
    known = products < len(sides.sorts)
    sorts = np.where(known, sides.sorts[np.where(known, products, 0)], 0)
    wallets = np.isin(charges["receivable_account"].values, _OF_WALLETS)
    credit = np.where(wallets, LedgerAccount.WALLET_CREDIT, LedgerAccount.UNAPPLIED_FEES)
    return [
        pair(charges["charge_no"], charges["party_no"]),
        pair(Numbers(credit), Numbers(sorts)),
        word(charges["occurred_at"]),
        word(amounts),
    ]


def _put_postings(sides: Sides, batch_no: int, columns: Mapping[str, Column]) -> None:
    postings = some(columns, None, *_OF_POSTINGS)
    debit, credit = postings["debit_account"].values, postings["credit_account"].values
    amounts = postings["amount"].values
    if (present := postings["reverses_posting_no"].present) is not None:
        sides.reversals += int(present.sum())
    else:
        sides.reversals += len(amounts)
    words = [
        pair(batch_no, postings["effective_on"]),
        pair(postings["debit_account"], postings["credit_account"]),
        # What is of no product is kept under 0.
        pair(Numbers(postings["product_no"].values), 0),
    ]
    sides.totals.add(words, amounts, np.ones_like(amounts))
    from_receivable = np.isin(debit, _RECEIVABLES)
    is_charge = from_receivable & np.isin(credit, (*_CHARGED, *_SENT))
    charges = some(columns, is_charge, *_OF_POSTINGS)
    against = charges["credit_account"].values
    against = np.where(against == LedgerAccount.CASH, LedgerAccount.PAYOUTS_UNDER_WAY, against)
    sides.charge_postings.subtract(
        [
            pair(charges["charge_no"], charges["debit_party_no"]),
            pair(charges["product_no"], charges["effective_on"]),
            pair(charges["debit_account"], batch_no),
            pair(Numbers(against), 0),
            word(charges["amount"]),
        ]
    )
    _put_moves(sides, postings, "credit", 1)
    _put_moves(sides, postings, "debit", -1)
    _put_paid(sides, batch_no, columns, debit, credit)


def _put_moves(sides: Sides, postings: _Columns, side: str, sign: int) -> None:
    """Put in what postings do to balances on one of their sides."""
    present = postings[f"{side}_party_no"].present
    moves = np.isin(postings[f"{side}_account"].values, (*_RECEIVABLES, *_CREDITS, *_HELD))
    if present is not None:
        moves &= present
    if not moves.any():
        return
    moved = {name: select(column, moves) for name, column in postings.items()}
    accounts = moved[f"{side}_account"].values
    wallet = np.isin(accounts, _WALLETS)
    credit = np.where(wallet, LedgerAccount.WALLET_CREDIT, LedgerAccount.UNAPPLIED_FEES)
    credit = np.where(np.isin(accounts, _HELD), accounts, credit)
    amounts = sign * moved["amount"].values
    words = [pair(moved[f"{side}_party_no"], Numbers(credit))]
    sides.balances.subtract(words, amounts, np.ones_like(amounts))


def _put_paid(
    sides: Sides, batch_no: int, columns: Mapping[str, Column], debit: Int64s, credit: Int64s
) -> None:
    """Put in what was posted as paid and as realised, and what took it back."""
    paid = np.isin(debit, _CREDITS) & np.isin(credit, _RECEIVABLES)
    unpaid = np.isin(credit, _CREDITS) & np.isin(debit, _RECEIVABLES)
    for rows, side, put in (
        (paid, "debit", sides.paid.subtract),
        (unpaid, "credit", sides.paid.add),
    ):
        if rows.any():
            moved = some(columns, rows, *_OF_POSTINGS, "posting_no")
            put(
                [
                    *_of_payment(batch_no, moved),
                    pair(moved[f"{side}_account"], moved[f"{side}_party_no"]),
                    word(moved["posting_no"]),
                ],
                moved["amount"].values,
            )
    deferred, realised = LedgerAccount.DEFERRED_REVENUE, LedgerAccount.REALISED_REVENUE
    deferred_tax, tax = LedgerAccount.DEFERRED_TAX, LedgerAccount.TAX
    for rows, put in (
        ((debit == deferred) & (credit == realised), sides.realised.subtract),
        ((debit == realised) & (credit == deferred), sides.realised.add),
        ((debit == deferred_tax) & (credit == tax), sides.taxes.subtract),
        ((debit == tax) & (credit == deferred_tax), sides.taxes.add),
    ):
        if rows.any():
            moved = some(columns, rows, *_OF_POSTINGS)
            put(_of_payment(batch_no, moved), moved["amount"].values)


def _put_allocations(sides: Sides, batch_no: int, columns: Mapping[str, Column]) -> None:
    allocations = some(columns, None, *_OF_ALLOCATIONS)
    undoes = allocations["reverses_allocation_no"].present
    amounts = allocations["amount"].values
    signed = -amounts if undoes is None else np.where(undoes, -amounts, amounts)
    words = _of_payment(batch_no, allocations)
    taxes = allocations["tax"].values
    signed_taxes = -taxes if undoes is None else np.where(undoes, -taxes, taxes)
    realised = np.where(
        np.isin(allocations["charge_no"].values, sides.payouts), 0, signed - signed_taxes
    )
    sides.realised.add(words, realised)
    sides.taxes.add(words, signed_taxes)
    sides.paid.add(
        [
            *words,
            pair(allocations["credit_account"], allocations["party_no"]),
            word(allocations["posting_no"]),
        ],
        signed,
    )


def put_keys(put: Callable[[Sequence[Words]], None], keys: Texts, charges: Numbers) -> None:
    """Put keys to a side, each with the charge that holds it.

    Raises CannotAddError where two that follow each other are the same: both sides would agree on
    it, and a key is one charge's.
    """
    for rows, length, words in words_of_texts(keys):
        if np.logical_and.reduce([each[1:] == each[:-1] for each in words]).any():
            raise CannotAddError("a key is there twice")
        put([*words, pair(select(charges, rows), length)])


def some(columns: Mapping[str, Column], rows: Flags | None, *names: str) -> dict[str, Numbers]:
    """Return some columns of numbers, and of these all rows or some."""
    found = {name: numbers(columns, name) for name in names}
    if rows is None or rows.all():
        return found
    return {name: select(column, rows) for name, column in found.items()}


def numbers(columns: Mapping[str, Column], name: str) -> Numbers:
    """Return a column of numbers."""
    column = columns[name]
    assert isinstance(column, Numbers), f"{name} is a column of texts"
    return column


def _of_payment(batch_no: int, moved: _Columns) -> list[Words]:
    return [
        pair(batch_no, moved["effective_on"]),
        pair(moved["payment_no"], moved["charge_no"]),
    ]


OF_CHARGES = (
    *("charge_no", "party_no", "receivable_account", "product_no", "amount"),
    *("occurred_at", "effective_on"),
)
_OF_POSTINGS = (
    *("effective_on", "debit_account", "credit_account", "amount", "debit_party_no"),
    *("credit_party_no", "charge_no", "payment_no", "product_no", "reverses_posting_no"),
)
_OF_ALLOCATIONS = (
    *("payment_no", "credit_account", "party_no", "charge_no", "amount", "effective_on", "tax"),
    *("posting_no", "reverses_allocation_no"),
)
_FEEDS: Mapping[str, Callable[[Sides, int, Mapping[str, Column]], None]] = {
    "charge": _put_charges,
    "posting": _put_postings,
    "allocation": _put_allocations,
}
# Where none of these is a fact, nothing was posted of one: what is sealed says its batch's event.
_MOVING = ("refund", "write_off", "transfer", "cash_deposit", "payout_event")
# What has to be put in, when both sides are the same, and which checks then find nothing.
_PROOFS: Sequence[tuple[tuple[str, ...], Callable[[Sides], bool], tuple[str, ...]]] = (
    (
        ("charge", "posting"),
        lambda sides: sides.charge_postings.agree,
        (
            "find_charges_without_posting",
            "find_postings_without_charge",
            "find_charges_posted_twice",
        ),
    ),
    (("allocation", "posting"), lambda sides: sides.paid.agree, ("find_paid_otherwise",)),
    (
        ("allocation", "posting", "payout"),
        lambda sides: sides.realised.agree and sides.taxes.agree,
        ("find_realised_otherwise",),
    ),
    (
        ("posting", *_MOVING),
        lambda sides: not any(sides.rows.get(table) for table in _MOVING),
        ("find_moved_otherwise",),
    ),
    (
        ("posting",),
        lambda sides: sides.reversals == 0,
        ("find_wrong_reversals", "find_reversed_twice"),
    ),
    (
        ("charge", "charge_key"),
        lambda sides: sides.charge_keys.agree,
        ("find_charges_without_key", "find_stray_keys"),
    ),
    (
        ("charge", "charge_state", "open_charge"),
        lambda sides: sides.open_charges.agree,
        ("find_wrong_open_charges",),
    ),
    (("posting", "batch_total"), lambda sides: sides.totals.agree, ("find_wrong_totals",)),
    (("posting", "party_balance"), lambda sides: sides.balances.agree, ("find_wrong_balances",)),
)
