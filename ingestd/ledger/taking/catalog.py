"""The catalog: what charges and payments refer to, as the district last sent it.

A file updates by key what it has columns for, and leaves everything else, and everything it does
not name, as it was. What it changes is a fact of its batch, row by row. All set-based.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy
from ingestd.database.bulk import Temporary, count_rows
from ingestd.database.copying import Columns
from ingestd.database.scratch import Scratch
from ingestd.database.statements import Statements
from ingestd.formats.checking import RowBatch
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.rows.catalog import CatalogRow
from ingestd.formats.rows.checking import Value
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import ANONYMOUS_STUDENT_ID
from ingestd.ledger.books.head import Head
from ingestd.ledger.catalog.facts import write_catalog_facts
from ingestd.ledger.catalog.lists import LISTS, listed_in, replace_lists
from ingestd.ledger.catalog.tables import (
    CATALOG,
    CATALOGS,
    DAYS,
    count_news,
    keep_the_rest,
    update_tables,
)
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.outgoing.payouts import PAYOUT_CODE
from ingestd.ledger.paying.open_charges import remember_sorts, reorder_open_charges
from ingestd.ledger.taking.families import pay_for_moved, write_family_changes
from ingestd.ledger.taking.messages import KEY_REPEATED, KEY_RESERVED, STUDENT_DISAPPEARED
from ingestd.ledger.taking.stage import Stager, Whose
from ingestd.ledger.taking.taking import Taking, Weight
from ingestd.ledger.taking.verdicts import (
    Posted,
    any_bad_row,
    counted,
    reject_everything,
    reject_found,
)
from ingestd.values.days import Day

_SQL = Statements(__file__)

# The columns that the file has: the others keep what they hold.
GIVEN = Temporary("stage_given", {"column_name": "text"})
# Whom rejected rows are about: they are named, though nothing is taken from them.
REJECTED_KEYS = Temporary("stage_rejected_key", {"row_key": "text"})

LISTED_AT_A_TIME = 10_000

# Who is nobody in particular is no student, and what is paid out is no product.
_RESERVED = MappingProxyType(
    {CatalogKind.STUDENTS: ANONYMOUS_STUDENT_ID, CatalogKind.PRODUCTS: PAYOUT_CODE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many rows of a file brought something new, changed something, or neither."""

    added: int
    changed: int
    unchanged: int


class CatalogStager(Stager[CatalogRow]):
    """Stages catalog files, empty fields filled in."""

    def __init__(self, kind: CatalogKind) -> None:
        super().__init__(CATALOG)
        names = CATALOG_FORMATS[kind].file.column_names
        lists = LISTS.get(kind, ())
        self._lists = [(names.index(each.column), each) for each in lists]
        # The first column of every format is the key, and called so in the stage.
        places = {"row_key": 0} | {name: place for place, name in enumerate(names) if place}
        defaults = CATALOGS[kind].defaults
        self._filled = [
            (places.get(column), defaults.get(column), column in DAYS)
            for column in list(CATALOG.columns)[2:]
        ]
        self._given: frozenset[str] = frozenset()

    @property
    def tables(self) -> tuple[Temporary, ...]:
        """All temporary tables of this stage."""
        return (*super().tables, GIVEN, REJECTED_KEYS, *(each.stage for _, each in self._lists))

    def add(self, scratch: Scratch, batch: RowBatch[CatalogRow]) -> None:
        """Stage one batch of judged records, and the values of their lists."""
        super().add(scratch, batch)
        scratch.append(REJECTED_KEYS, [batch.rejected_keys] if batch.rejected_keys else ())
        for position, each in self._lists:
            values = listed_in(batch.rows, position, each.read)
            # A short text may be a long list.
            while some := list(islice(values, LISTED_AT_A_TIME)):
                scratch.append(each.stage, list(zip(*some, strict=True)))

    def finish(self, scratch: Scratch, *, whose: Whose, records: int) -> None:
        """Say that all records are there, and which columns they have."""
        scratch.append(GIVEN, [sorted(self._given)] if self._given else ())
        super().finish(scratch, whose=whose, records=records)

    def _staged(self, scratch: Scratch, rows: Sequence[CatalogRow]) -> Columns:
        if rows:
            self._given = rows[-1].given
        return list(zip(*map(self._values, rows), strict=True))

    def _values(self, row: CatalogRow) -> tuple[object, ...]:
        filled = (
            default if place is None else _filled(row.values[place], default, is_day=is_day)
            for place, default, is_day in self._filled
        )
        return (row.row, row.line, *filled)


def _filled(value: Value, default: Value, *, is_day: bool) -> Value:
    """Return a field as it is stored, and what an empty one stands for."""
    if value is None:
        return default
    return Day.from_text(str(value)) if is_day else value


def judge_staged_catalog(
    connection: Connection, head: Head, kind: CatalogKind, *, all_or_nothing: bool
) -> None:
    """Sort the stage: rows whose key is reserved or stands in the file already are rejected.

    Afterwards exactly the rows that stay in the stage are to be applied; under
    `all_or_nothing` that is none as soon as one row is bad. What the file has no columns for is
    in them as it is in force.
    """
    key = CATALOG_FORMATS[kind].file.column_names[0]
    if (reserved := _RESERVED.get(kind)) is not None:
        told = {"column": key, "reserved": reserved, "message": KEY_RESERVED}
        _reject(connection, "find_reserved_keys", told)
    _reject(connection, "find_repeated_keys", {"message": KEY_REPEATED, "column": key})
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, CATALOG)
    keep_the_rest(connection, head, kind, _given(connection))


def count_staged_news(connection: Connection, head: Head, kind: CatalogKind) -> Imported:
    """Return what the rows that stay in the stage will bring; call it before they are applied.

    A row counts as added or changed when any entry that it makes is.
    """
    added, touched = count_news(connection, head, kind, _given(connection))
    rows = count_rows(connection, CATALOG)
    return Imported(added=added, changed=touched - added, unchanged=rows - touched)


def post_staged_catalog(
    connection: Connection, head: Head, batch: Batch, kind: CatalogKind, *, day: Day
) -> Posted:
    """Bring the rows that stay in the stage into force, each by its key; count every verdict.

    A row that says what is in force already counts as applied like any other. What changes is
    written as facts of the batch. Students who come to another family take along what they owe,
    and on `day` the new one's credit pays it.
    """
    moved = 0
    match kind:
        case CatalogKind.PRODUCTS:
            remember_sorts(connection, head)
        case CatalogKind.STUDENTS:
            moved = write_family_changes(connection, head, batch, day=day)
        case _:
            pass
    update_tables(connection, head, kind)
    if kind is CatalogKind.PRODUCTS:
        reorder_open_charges(connection, head)
    replace_lists(connection, head, kind, _given(connection))
    write_catalog_facts(connection, batch, kind)
    if moved:
        pay_for_moved(connection, head, batch, day=day)
    return counted(connection, applied=count_rows(connection, CATALOG), applied_amount=0)


def find_disappeared_students(connection: Connection, head: Head) -> int:
    """Warn of each enrolled student that the staged file does not name; return how many.

    The roster keeps them. A row that was rejected names its student as well, as far as it can be
    read.
    """
    values = {"account": head.account, "message": STUDENT_DISAPPEARED}
    return _SQL.run(connection, "warn_of_disappeared_students", values).rowcount


def _reject(connection: Connection, rule: str, values: Mapping[str, object]) -> None:
    """Reject the rows that a rule finds, and take them out of the stage."""
    if _SQL.run(connection, rule, values).rowcount:
        reject_found(connection)
    _SQL.run(connection, "name_rows")
    _SQL.run(connection, "forget_rejected")


def _given(connection: Connection) -> frozenset[str]:
    return frozenset(_SQL.run(connection, "find_given_columns").scalars())


def catalog_taking(kind: CatalogKind) -> Taking:
    """Return how catalog files of a kind are taken."""

    def stager(*_: object) -> CatalogStager:
        return CatalogStager(kind)

    def judge(connection: Connection, head: Head, account: Account) -> bool:
        all_or_nothing = account.policy.file is FilePolicy.ALL_OR_NOTHING
        judge_staged_catalog(connection, head, kind, all_or_nothing=all_or_nothing)
        # A file of which nothing applies is no roster: it says nothing of who left.
        if kind is CatalogKind.STUDENTS and count_rows(connection, CATALOG):
            find_disappeared_students(connection, head)
        return True

    def weigh(connection: Connection, _head: Head) -> Weight:
        return Weight(rows=count_rows(connection, CATALOG), amount=0)

    def post(entry: Entry, _folders: Sequence[Path]) -> Posted:
        return post_staged_catalog(entry.connection, entry.head, entry.batch, kind, day=entry.day)

    return Taking(stager=stager, judge=judge, weigh=weigh, post=post)
