"""Figures: the lines of the books that a sum in a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.extent import read_extent
from ingestd.reports.figures.report import Question
from ingestd.reports.known.products import read_products
from ingestd.reports.trails.drill import account_label
from ingestd.values.clock import to_microseconds
from ingestd.values.days import day_text
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

SqlRows = Sequence[SqlRow[Any]]

_ALL = frozenset(LedgerAccount)
_RECEIVABLE = frozenset({LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET})
_DEFERRED = frozenset({LedgerAccount.DEFERRED_REVENUE, LedgerAccount.DEFERRED_TAX})

LINE_COLUMNS = (
    *("effective_on", "event", "tracking_id", "payment_id", "billing_code", "debit"),
    *("debit_party", "credit", "credit_party", "amount", "batch_no", "upload_id", "row"),
)


class WriteOffs(IntEnum):
    """Whether what is written off counts: not, alone, or like all else."""

    OUT = 0
    ALONE = 1
    IN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A sum: of what moves value to `credits` from `debits`, less what moves it back."""

    about: str
    credits: frozenset[LedgerAccount] = _ALL
    debits: frozenset[LedgerAccount] = _ALL
    both_ways: bool = True
    write_offs: WriteOffs = WriteOffs.IN

    @property
    def is_of_charges(self) -> bool:
        """Whether each of its lines is a charge's own, and so of the place of its batch."""
        return not self.both_ways and self.credits <= _DEFERRED


def _of(number: LedgerAccount, about: str) -> Figure:
    return Figure(about=about, credits=frozenset({number}), debits=_ALL - {number})


FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "charged": Figure(
            about="What was charged",
            credits=_DEFERRED,
            debits=_RECEIVABLE,
            both_ways=False,
        ),
        "voided": Figure(
            about="What of it was taken back",
            credits=_RECEIVABLE,
            debits=_DEFERRED,
            both_ways=False,
            write_offs=WriteOffs.OUT,
        ),
        "net": Figure(
            about="What was charged, less what was taken back",
            credits=_DEFERRED,
            debits=_RECEIVABLE,
            write_offs=WriteOffs.OUT,
        ),
        "written_off": Figure(
            about="What nobody expects any more",
            credits=_RECEIVABLE,
            debits=_DEFERRED,
            both_ways=False,
            write_offs=WriteOffs.ALONE,
        ),
        "sales_tax": Figure(
            about="Tax in what was charged, less what was taken back",
            credits=frozenset({LedgerAccount.DEFERRED_TAX}),
            debits=_RECEIVABLE,
            write_offs=WriteOffs.OUT,
        ),
        "sold_nett": Figure(
            about="What was sold with tax, without it",
            credits=frozenset({LedgerAccount.DEFERRED_REVENUE}),
            debits=_RECEIVABLE,
            both_ways=False,
        ),
        "sold_tax": Figure(
            about="Tax in what was sold",
            credits=frozenset({LedgerAccount.DEFERRED_TAX}),
            debits=_RECEIVABLE,
            both_ways=False,
        ),
        "realised": _of(LedgerAccount.REALISED_REVENUE, "What is realised, because money paid it"),
        "revenue_tax": Figure(
            about="Tax that became due",
            credits=frozenset({LedgerAccount.TAX}),
            debits=frozenset({LedgerAccount.DEFERRED_TAX}),
        ),
        "discounts": Figure(
            about="What was given as discount",
            credits=_ALL - {LedgerAccount.DISCOUNTS},
            debits=frozenset({LedgerAccount.DISCOUNTS}),
        ),
        "bad_debts": Figure(
            about="What was paid out, is owed back and is written off",
            credits=_ALL - {LedgerAccount.BAD_DEBTS},
            debits=frozenset({LedgerAccount.BAD_DEBTS}),
        ),
        "deposited": Figure(
            about="Cash that was brought to the bank",
            credits=frozenset({LedgerAccount.CASH}),
            debits=frozenset({LedgerAccount.BANK}),
            both_ways=False,
        ),
        **{
            f"held_{number.value}": _of(number, f"What is held: {account_label(number)}")
            for number in (
                *(LedgerAccount.TAX, LedgerAccount.BUILDING_FUND, LedgerAccount.DEPOSITS),
                *(LedgerAccount.ADVANCES, LedgerAccount.OTHER_GL),
            )
        },
    }
)
"""What can be asked for: in the sales, revenue, tax, collections and held reports, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What a figure is of; None is any. `source` may be empty: what came from no place.

    `gl_account_of_product` is the products' account, `gl_account` that of a payment's part.
    """

    product: str | None = None
    vendor: str | None = None
    gl_account_of_product: str | None = None
    source: str | None = None
    party: str | None = None
    tax_code: str | None = None
    gl_account: str | None = None

    @property
    def goes_by_batch(self) -> bool:
        """Whether the totals of batches tell what it comes to: they know products and places."""
        return {self.party, self.tax_code, self.gl_account} == {None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Some of a figure's lines, what all come to and how many there are."""

    rows: tuple[dict[str, object], ...]
    last: int | None
    lines: int
    amount: str


def read_figure(
    connection: Connection,
    question: Question,
    name: str,
    narrowed: Narrowed,
    *,
    after: int = 0,
    rows: int,
) -> Lines:
    """Return the lines of a figure that come after one, and what all of them come to.

    `last` is the number of the last line where more follow. The days, `as_of` and `as_known` are
    the question's. Raises UsageError for a figure that there is not.
    """
    figure = FIGURES.get(name)
    if figure is None:
        raise UsageError(f"There is no figure {name}.")
    known_at = to_microseconds(question.as_known)
    extent = read_extent(connection, question.account, as_of=question.as_of, known_at=known_at)
    products = _products(connection, question, narrowed, known_batch=extent.batch_no)
    bound = {
        **extent.bound(),
        **question.days(),
        "credits": sorted(figure.credits),
        "debits": sorted(figure.debits),
        "both_ways": int(figure.both_ways),
        "write_offs": int(figure.write_offs),
        "all_products": int(products is None),
        "products": products or [],
        "all_sources": int(narrowed.source is None or figure.is_of_charges),
        "all_origins": int(narrowed.source is None or not figure.is_of_charges),
        "source": narrowed.source or "",
        "party": narrowed.party or "",
        "tax_code": narrowed.tax_code or "",
        "gl_account": narrowed.gl_account or "",
    }
    batches = _SQL.run(connection, "find_batches", bound).all()
    is_told = narrowed.goes_by_batch and (figure.is_of_charges or narrowed.source is None)
    sums = batches if is_told else _add_up(connection, bound, batches)
    found = _find(connection, bound, batches, after=after, rows=rows + 1)
    shown = found[:rows]
    return Lines(
        rows=tuple(
            {
                "effective_on": day_text(row.effective_on),
                "event": row.event,
                "tracking_id": row.tracking_id,
                "payment_id": row.payment_id,
                "billing_code": row.billing_code,
                "debit": account_label(row.debit_account),
                "debit_party": row.debit_party,
                "credit": account_label(row.credit_account),
                "credit_party": row.credit_party,
                "amount": question.amount(row.amount),
                "batch_no": row.batch_no,
                "upload_id": row.upload_id,
                "row": row.row,
            }
            for row in shown
        ),
        last=shown[-1].posting_no if len(found) > rows else None,
        # PostgreSQL sums whole numbers to decimals.
        lines=sum(int(one.lines) for one in sums),
        amount=question.amount(sum(int(one.amount) for one in sums)),
    )


def _add_up(connection: Connection, bound: Mapping[str, object], batches: SqlRows) -> SqlRows:
    return [
        _SQL.run(
            connection,
            "add_up_lines",
            {**bound, "first": each.first_posting, "end": each.end_posting},
        ).one()
        for each in batches
    ]


def _find(
    connection: Connection,
    bound: Mapping[str, object],
    batches: SqlRows,
    *,
    after: int,
    rows: int,
) -> SqlRows:
    """Return the first lines behind one: batch by batch, for a batch's stand together."""
    found: list[SqlRow[Any]] = []
    for each in batches:
        if each.end_posting <= after + 1:
            continue
        values = {
            **bound,
            "first": max(each.first_posting, after + 1),
            "end": each.end_posting,
            "rows": rows - len(found),
        }
        found.extend(_SQL.run(connection, "find_lines", values))
        if len(found) == rows:
            break
    return found


def _products(
    connection: Connection, question: Question, narrowed: Narrowed, *, known_batch: int
) -> list[int] | None:
    """Return the numbers of the billing codes that count; None for all."""
    product, vendor, gl_account = narrowed.product, narrowed.vendor, narrowed.gl_account_of_product
    if product is None and vendor is None and gl_account is None:
        return None
    known = read_products(connection, question.account, known_batch=known_batch)
    return [
        row.code_no
        for row in _SQL.run(connection, "find_codes", {"account": question.account})
        if product in (None, row.code)
        and vendor in (None, known[row.code].vendor)
        and gl_account in (None, known[row.code].gl_account)
    ]
