"""Charge columns: a large charge file's rows beside its stage, as the seal and COPY want them.

Whoever judges a stretch of the file leaves them; the transaction reads them, batch by batch, once
it is decided which rows become charges and what they are numbered.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingestd.database.packing import frame_texts
from ingestd.ledger.proof.column_pieces import Chosen, Numbers, Texts, starts_of
from ingestd.ledger.proof.digest import ColumnKind

KEPT_NAME = "charges"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeColumns:
    """Some rows of a charge file, in its order; names are numbered as in the stage.

    `has_amount` says which have one; the product's price is 0 here. `framed` is each row's
    tracking id and note as COPY takes them in binary, or None where they go another way.
    """

    row: Numbers
    receivable_account: Numbers
    student_no: Numbers
    product_no: Numbers
    amount: Numbers
    has_amount: Chosen
    occurred_at: Numbers
    effective_on: Numbers
    content_hash: Texts
    tracking_id: Texts
    note: Texts
    framed: Texts | None

    def __len__(self) -> int:
        return len(self.row)

    def chosen(self, rows: Chosen) -> ChargeColumns:
        """Return some of the rows."""
        if rows.all():
            return self
        return ChargeColumns(
            row=self.row[rows],
            receivable_account=self.receivable_account[rows],
            student_no=self.student_no[rows],
            product_no=self.product_no[rows],
            amount=self.amount[rows],
            has_amount=self.has_amount[rows],
            occurred_at=self.occurred_at[rows],
            effective_on=self.effective_on[rows],
            content_hash=self.content_hash.chosen(rows),
            tracking_id=self.tracking_id.chosen(rows),
            note=self.note.chosen(rows),
            framed=None if self.framed is None else self.framed.chosen(rows),
        )


def keep_charges(folder: Path, columns: Sequence[Sequence[object]], *, framed: bool) -> None:
    """Leave rows of `stage_charge`, given column by column, in a folder for `read_charges`."""
    with (folder / KEPT_NAME).open("ab") as file:
        pickle.dump(_charge_columns(columns, framed=framed), file, pickle.HIGHEST_PROTOCOL)


def _charge_columns(columns: Sequence[Sequence[Any]], *, framed: bool) -> ChargeColumns:
    (row, _line, keys, hashes, receivables, students, products, notes, amounts, times, days, _) = (
        columns
    )
    return ChargeColumns(
        row=_numbers(row),
        receivable_account=_numbers(receivables),
        student_no=_numbers(students),
        product_no=_numbers(products),
        amount=_numbers([amount or 0 for amount in amounts]),
        has_amount=np.array([amount is not None for amount in amounts], dtype=np.bool_),
        occurred_at=_numbers(times),
        effective_on=_numbers(days),
        content_hash=Texts.of(hashes, ColumnKind.OCTETS),
        tracking_id=Texts.of(keys),
        note=Texts.of(notes),
        framed=_framed(keys, notes) if framed else None,
    )


def read_charges(folders: Sequence[Path]) -> Iterator[ChargeColumns]:
    """Yield what was left in folders, in the order of the file."""
    for folder in folders:
        path = folder / KEPT_NAME
        if not path.exists():
            continue
        with path.open("rb") as file:
            while file.peek(1):
                # Our own process wrote it, into a folder of ours.
                columns: ChargeColumns = pickle.load(file)  # noqa: S301
                yield columns


def _numbers(values: Sequence[Any]) -> Numbers:
    return np.asarray(values, dtype=np.int64)


def _framed(keys: Sequence[str | None], notes: Sequence[str | None]) -> Texts:
    rows = list(map("".join, zip(*frame_texts(keys), *frame_texts(notes), strict=True)))
    return Texts("".join(rows).encode("latin-1"), starts_of(list(map(len, rows))))
