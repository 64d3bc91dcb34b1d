"""The stage of a charge file: its rows with what the ledger needs to know of each."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingestd.database.bulk import Temporary
from ingestd.database.copying import Columns
from ingestd.database.scratch import Scratch
from ingestd.formats.judging.texts import fold_key
from ingestd.formats.kinds.student_billing import ChargeRow
from ingestd.formats.rows.turned import columns_of
from ingestd.ledger.books.chart import CHARGED
from ingestd.ledger.books.days import QUARTER_HOUR, Days
from ingestd.ledger.taking.stage import Stager

CHARGES = Temporary(
    "stage_charge",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
        "content_hash": "octets",
        "receivable_account": "whole",
        "student_no": "whole",
        "product_no": "whole",
        "note": "text?",
        "amount": "whole?",
        "occurred_at": "whole",
        "effective_on": "whole",
        "folded_id": "text?",
    },
    key=("row",),
)
# The keys in their own order, so that the ledger's are looked up, and written, place by place.
KEYS = Temporary("stage_key", {"place": "whole", "row": "whole", "row_key": "text"}, key=("place",))
# The rows whose key the ledger holds, and the charge that it belongs to.
KNOWN = Temporary("stage_known", {"row": "whole", "charge_no": "whole"}, key=("row",))
# How-manieth each row is, where some between them are not applied.
PLACES = Temporary("stage_place", {"row": "whole", "place": "whole"}, key=("row",))
# Each student and product that the file names, so that the ledger is asked once for each, not
# for each row. One of them may stand here under several numbers.
STUDENTS = Temporary(
    "stage_student",
    {"student_no": "whole", "student_id": "text", "is_unknown": "whole", "party_no": "whole?"},
    key=("student_no",),
)
PRODUCTS = Temporary(
    "stage_product",
    {"product_no": "whole", "billing_code": "text", "is_unknown": "whole", "code_no": "whole?"},
    key=("product_no",),
)

REMEMBERED_MAX = 100_000
NUMBERS_OF_A_STRETCH = 1 << 32
_RECEIVABLES = {kind.value: int(moved.debit) for kind, moved in CHARGED.items()}


class ChargeStager(Stager[ChargeRow]):
    """Stages charge files.

    A charge that does not say when it occurred, occurred when its file was received:
    `received_at`, in microseconds since 1970. `is_copied` says that a large file's charges get
    into the books by COPY.
    """

    def __init__(self, *, zone: ZoneInfo, received_at: int, is_copied: bool) -> None:
        super().__init__(CHARGES)
        self._is_copied = is_copied
        self._received_at = received_at
        self._days = Days(zone)
        self._students = _Numbers()
        self._products = _Numbers()

    @property
    def tables(self) -> tuple[Temporary, ...]:
        """All temporary tables of this stage."""
        return (*super().tables, KEYS, KNOWN, PLACES, STUDENTS, PRODUCTS)

    def begin_stretch(self, number: int) -> None:
        """Say which stretch of the file comes: each numbers its names by itself."""
        self._students = _Numbers(above=number * NUMBERS_OF_A_STRETCH)
        self._products = _Numbers(above=number * NUMBERS_OF_A_STRETCH)

    def _staged(self, scratch: Scratch, rows: Sequence[ChargeRow]) -> Columns:
        """Return the columns of the rows; new students and products are staged on the way."""
        if not rows:
            return ()
        # Column by column: a million calls for one row each would take longer than the rest.
        (row, line, account_types, keys, students, products, notes, amounts, times, hashes) = (
            columns_of(rows)
        )
        occurred = [self._received_at if time is None else time for time in times]
        columns = (
            *(row, line, keys, hashes),
            list(map(_RECEIVABLES.__getitem__, account_types)),
            list(map(self._students.__getitem__, students)),
            list(map(self._products.__getitem__, products)),
            *(notes, amounts, occurred),
            list(map(self._days.__getitem__, [instant // QUARTER_HOUR for instant in occurred])),
            _folded(keys),
        )
        if scratch.folder is not None:
            # Loaded only now: a daemon at rest does without arrays.
            from ingestd.ledger.taking.charge_files.charge_columns import keep_charges  # noqa: PLC0415

            keep_charges(scratch.folder, columns, framed=self._is_copied)
        for names, table in ((self._students, STUDENTS), (self._products, PRODUCTS)):
            new = [(number, name, 0, None) for number, name in names.take_new()]
            scratch.append(table, list(zip(*new, strict=True)))
        return columns


class _Numbers(dict[str, int]):
    """A number for each name of a column, in bounded memory: what is forgotten gets a new one."""

    def __init__(self, *, above: int = 0) -> None:
        super().__init__()
        self._last = above
        self._new: list[tuple[int, str]] = []

    def __missing__(self, name: str) -> int:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        self._last += 1
        self[name] = self._last
        self._new.append((self._last, name))
        return self._last

    def take_new(self) -> list[tuple[int, str]]:
        """Return the numbers and names that came since the last time."""
        new, self._new = self._new, []
        return new


def _folded(keys: Sequence[str]) -> list[str | None]:
    """Return by what keys alike are found, or None where that is the key itself."""
    joined = "".join(keys)
    if joined.isascii() and joined == joined.lower():
        return [None] * len(keys)
    folded = (key.lower() if key.isascii() else fold_key(key) for key in keys)
    return [None if text == key else text for key, text in zip(keys, folded, strict=True)]
