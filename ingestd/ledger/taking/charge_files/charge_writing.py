"""Writing a large file's charges from its columns: hashed as they go, and copied where that pays.

What a charge and its posting hold is said in SQL for files of every size (`charges.sql`); the
columns here come to the same, and what was stored is added up and compared with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from psycopg import Copy
from sqlalchemy.engine import Connection

from ingestd.database.bulk import binary_copy
from ingestd.database.packing import pack_fixed
from ingestd.database.statements import Statements
from ingestd.ledger.books.added_up import Totals
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.evidence.written_chunks import WrittenRows
from ingestd.ledger.proof.column_pieces import Chosen, Numbers, Piece, Texts
from ingestd.ledger.taking.charge_files.charge_columns import ChargeColumns, read_charges

_SQL = Statements(__file__)
_DEFERRED_REVENUE = 2100


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """What makes charges of a file's rows, once it is known which of them are applied."""

    folders: Sequence[Path]
    charges_before: int
    open_from: int
    applied: Chosen
    students: tuple[Numbers, Numbers]
    products: tuple[Numbers, Numbers]
    prices: Mapping[int, tuple[Numbers, Numbers]]

    def charges(self) -> Iterator[dict[str, Piece]]:
        """Yield the new charges' columns, numbered in the order of the file."""
        number = self.charges_before
        for rows in read_charges(self.folders):
            chosen = rows.chosen(self.applied[rows.row])
            if not len(chosen):
                continue
            yield self._charge_columns(chosen, number)
            number += len(chosen)

    def _charge_columns(self, rows: ChargeColumns, number: int) -> dict[str, Piece]:
        columns: dict[str, Piece] = {
            "charge_no": np.arange(number + 1, number + 1 + len(rows), dtype=np.int64),
            "tracking_id": rows.tracking_id,
            "content_hash": rows.content_hash,
            "party_no": _looked_up(self.students, rows.student_no),
            "receivable_account": rows.receivable_account,
            "product_no": _looked_up(self.products, rows.product_no),
            "amount": self._amounts(rows),
            "note": rows.note,
            "occurred_at": rows.occurred_at,
            "effective_on": np.maximum(rows.effective_on, self.open_from),
            "row": rows.row,
        }
        if rows.framed is not None:
            columns["framed"] = rows.framed
        return columns

    def _amounts(self, rows: ChargeColumns) -> Numbers:
        """Return the amounts; one that is not given is the product's youngest price by then."""
        if rows.has_amount.all():
            return rows.amount
        amounts = rows.amount.copy()
        for product_no in np.unique(rows.product_no[~rows.has_amount]):
            meant = ~rows.has_amount & (rows.product_no == product_no)
            days, prices = self.prices[int(product_no)]
            places = np.searchsorted(days, rows.effective_on[meant], side="right") - 1
            amounts[meant] = prices[places]
        return amounts


def read_deciding(
    connection: Connection,
    head: Head,
    *,
    folders: Sequence[Path],
    charges_before: int,
    open_from: int,
    applied: int,
) -> Deciding:
    """Read what decides about the rows of the stage; `applied` of them are still in it."""
    values = {"account": head.account}
    extent = _SQL.run(connection, "find_extent").one()
    # Of the rows that are applied and those that are not, the fewer are read.
    rows = np.zeros(int(extent.last_row) + 1, dtype=np.bool_)
    if applied * 2 > int(extent.last_row):
        rows[:] = True
        left_out = _SQL.run(connection, "list_left_out").scalars()
        rows[np.fromiter(left_out, dtype=np.int64)] = False
    else:
        rows[np.fromiter(_SQL.run(connection, "list_applied").scalars(), dtype=np.int64)] = True
    prices: dict[int, list[tuple[int, int]]] = {}
    for dated in _SQL.run(connection, "list_prices", values):
        prices.setdefault(dated.product_no, []).append((dated.valid_from, dated.price))
    return Deciding(
        folders=folders,
        charges_before=charges_before,
        open_from=open_from,
        applied=rows,
        students=_columns(_SQL.run(connection, "list_parties").all()),
        products=_columns(_SQL.run(connection, "list_codes").all()),
        prices={product_no: _columns(pairs) for product_no, pairs in prices.items()},
    )


def _columns(rows: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
    pairs = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _looked_up(known: tuple[Numbers, Numbers], numbers: Numbers) -> Numbers:
    names, meant = known
    return meant[np.searchsorted(names, numbers)]


def write_charges(connection: Connection, batch: Batch, deciding: Deciding) -> WrittenRows:
    """Hash the new charges; on PostgreSQL they are written, too."""
    written = WrittenRows(batch, "charge", alike={"tax": 0})
    with _copying(connection, "charge", _PACKED_CHARGES) as copy:
        for columns in deciding.charges():
            framed = columns.pop("framed", None)
            written.add(columns)
            if copy is not None:
                copy.write(_packed_charges(batch, columns, cast("Texts", framed)))
    written.finish()
    return written


def write_postings(
    connection: Connection, head: Head, batch: Batch, deciding: Deciding
) -> tuple[WrittenRows, Totals]:
    """Hash the new charges' postings and add them up; on PostgreSQL they are written, too.

    A charge of nothing has none.
    """
    alike: dict[str, str | int | None] = {
        "event": "charge",
        "credit_account": _DEFERRED_REVENUE,
    }
    alike |= dict.fromkeys(("credit_party_no", "payment_no", "reverses_posting_no"))
    written = WrittenRows(batch, "posting", alike=alike)
    totals = Totals(credit_account=_DEFERRED_REVENUE)
    with _copying(connection, "posting", _PACKED_POSTINGS) as copy:
        for charges in deciding.charges():
            columns = _postings_of(charges, number=head.postings + written.rows)
            written.add(columns)
            totals.add(columns)
            if copy is not None and len(columns["amount"]):
                copy.write(_packed_postings(batch, columns))
    written.finish()
    return written, totals


def _postings_of(charges: Mapping[str, Piece], *, number: int) -> dict[str, Numbers]:
    numbers = _numbers_of(charges)
    moved = numbers["amount"] > 0
    return {
        "posting_no": np.arange(number + 1, number + 1 + int(moved.sum()), dtype=np.int64),
        "effective_on": numbers["effective_on"][moved],
        "debit_account": numbers["receivable_account"][moved],
        "amount": numbers["amount"][moved],
        "debit_party_no": numbers["party_no"][moved],
        "charge_no": numbers["charge_no"][moved],
        "product_no": numbers["product_no"][moved],
    }


_PACKED_CHARGES = (
    *("account", "charge_no", "content_hash", "party_no", "receivable_account", "product_no"),
    *("amount", "tax", "occurred_at", "effective_on", "batch_no", "row", "tracking_id", "note"),
)
_PACKED_POSTINGS = (
    *("account", "batch_no", "event", "posting_no", "effective_on", "debit_account"),
    *("credit_account", "amount", "debit_party_no", "charge_no", "product_no"),
)


def _copying(
    connection: Connection, table: str, columns: Sequence[str]
) -> AbstractContextManager[Copy | None]:
    """Lend a binary COPY; None on SQLite, where the rows are inserted from the stage."""
    if connection.dialect.name == "sqlite":
        return nullcontext()
    return binary_copy(connection, table, columns)


def _packed_charges(batch: Batch, columns: Mapping[str, Piece], framed: Texts) -> bytes:
    hashes = cast("Texts", columns["content_hash"])
    numbers = _numbers_of(columns)
    # A hash's mark and length go, which are its first five bytes when it is sealed.
    octets = np.frombuffer(hashes.written, dtype=np.uint8).reshape(len(hashes), -1)[:, 5:]
    rows = len(hashes)
    heads = pack_fixed(
        rows,
        len(_PACKED_CHARGES),
        [
            _alike(batch.account, rows),
            numbers["charge_no"],
            np.ascontiguousarray(octets).view(f"V{octets.shape[1]}")[:, 0],
            numbers["party_no"],
            numbers["receivable_account"],
            numbers["product_no"],
            numbers["amount"],
            np.zeros(rows, dtype=np.int64),
            numbers["occurred_at"],
            numbers["effective_on"],
            np.full(rows, batch.batch_no, dtype=np.int64),
            numbers["row"],
        ],
    )
    width = heads.dtype.itemsize
    written, ends = heads.tobytes(), framed.starts.tolist()
    pieces = [b""] * (2 * rows)
    pieces[0::2] = [written[at : at + width] for at in range(0, len(written), width)]
    pieces[1::2] = [framed.written[low:high] for low, high in pairwise(ends)]
    return b"".join(pieces)


def _packed_postings(batch: Batch, columns: Mapping[str, Numbers]) -> bytes:
    rows = len(columns["posting_no"])
    return pack_fixed(
        rows,
        len(_PACKED_POSTINGS),
        [
            _alike(batch.account, rows),
            np.full(rows, batch.batch_no, dtype=np.int64),
            _alike("charge", rows),
            columns["posting_no"],
            columns["effective_on"],
            columns["debit_account"],
            np.full(rows, _DEFERRED_REVENUE, dtype=np.int64),
            columns["amount"],
            columns["debit_party_no"],
            columns["charge_no"],
            columns["product_no"],
        ],
    ).tobytes()


def _numbers_of(columns: Mapping[str, Piece]) -> dict[str, Numbers]:
    return {name: column for name, column in columns.items() if isinstance(column, np.ndarray)}


def _alike(text: str, rows: int) -> np.ndarray[Any, Any]:
    octets = text.encode()
    return np.frombuffer(octets * rows, dtype=f"V{len(octets)}")
