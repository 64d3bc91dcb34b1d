"""The catalog: what charges and payments refer to, as the district last sent it.

Reference data is no fact: a file updates by key what it has columns for, and leaves everything
else, and everything it does not name, as it was. All set-based.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, ordered, stage
from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind, CatalogRow
from ingestd.formats.rows.keys import RowName
from ingestd.ledger.books.chart import ANONYMOUS_STUDENT_ID
from ingestd.ledger.books.head import Head
from ingestd.ledger.catalog.lists import listed_in, lists_of, news_of_list, replace_list
from ingestd.ledger.catalog.tables import CATALOGS, Catalog, Table
from ingestd.ledger.paying.open_charges import remember_sorts, reorder_open_charges
from ingestd.ledger.taking.messages import KEY_REPEATED, KEY_RESERVED, STUDENT_DISAPPEARED
from ingestd.ledger.taking.stage import Stage
from ingestd.ledger.taking.verdicts import (
    Named,
    Posted,
    any_bad_row,
    count,
    counted,
    forget_rejected,
    reject,
    reject_everything,
)

# The columns that the file has: the others keep what they hold.
GIVEN = Temporary("stage_given", {"column_name": "text"}, key=("column_name",))
# Whom rejected rows are about: they are named, though nothing is taken from them.
REJECTED_KEYS = Temporary("stage_rejected_key", {"row_key": "text"})

LISTED_AT_A_TIME = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many rows of a file brought something new, changed something, or neither."""

    added: int
    changed: int
    unchanged: int


class CatalogStage(Stage[CatalogRow]):
    """One catalog file's rows on their way into the catalog, empty fields filled in."""

    def __init__(self, connection: Connection, kind: CatalogKind) -> None:
        catalog = CATALOGS[kind]
        super().__init__(connection, catalog.stage)
        names = CATALOG_FORMATS[kind].file.column_names
        self._lists = [(names.index(table.column), table.stage) for table in catalog.lists]
        apart = {position for position, _ in self._lists}
        self._defaults = [
            (position, catalog.defaults.get(name))
            for position, name in enumerate(names)
            if position not in apart
        ]
        self._given: frozenset[str] = frozenset()

    @property
    def tables(self) -> tuple[Temporary, ...]:
        """All temporary tables of this stage."""
        return (*super().tables, GIVEN, REJECTED_KEYS, *(table for _, table in self._lists))

    def add(
        self,
        *,
        rows: Iterable[CatalogRow],
        rejected: Iterable[tuple[int, int]],
        findings: Iterable[Finding],
        records: int,
        rejected_keys: Iterable[str] = (),
        rejected_names: Iterable[RowName] = (),
    ) -> None:
        """Append one batch of checked records, and the values of their lists."""
        rows = list(rows)
        super().add(
            rows=rows,
            rejected=rejected,
            findings=findings,
            records=records,
            rejected_keys=rejected_keys,
            rejected_names=rejected_names,
        )
        for position, table in self._lists:
            values = listed_in(rows, position)
            # A short text may be a long list.
            while some := list(islice(values, LISTED_AT_A_TIME)):
                stage(self._connection, table, some)

    def finish(self) -> None:
        """Say that all rows are there."""
        stage(self._connection, GIVEN, [(name,) for name in sorted(self._given)])
        super().finish()

    def _values(self, row: CatalogRow) -> tuple[object, ...]:
        self._given = row.given
        values = row.values
        filled = (
            default if values[position] is None else values[position]
            for position, default in self._defaults
        )
        return (row.row, row.line, *filled)

    def _add_rejected_keys(self, keys: Iterable[str]) -> None:
        stage(self._connection, REJECTED_KEYS, [(key,) for key in keys])


def judge_staged_catalog(
    connection: Connection, head: Head, kind: CatalogKind, *, all_or_nothing: bool
) -> None:
    """Sort the stage: rows whose key is reserved or stands in the file already are rejected.

    Afterwards exactly the rows that stay in the stage are to be applied; under
    `all_or_nothing` that is none as soon as one row is bad.
    """
    catalog = CATALOGS[kind]
    named = Named(stage=catalog.stage.name, key=f"s.{CATALOG_FORMATS[kind].subject.name}")
    if kind is CatalogKind.STUDENTS:
        reject(
            connection,
            head,
            stage=catalog.stage.name,
            where=f"s.student_id = '{ANONYMOUS_STUDENT_ID}'",
            code=Code.KEY_RESERVED,
            column="student_id",
            value="s.student_id",
            message=KEY_RESERVED,
        )
        forget_rejected(connection, head, named)
    _reject_repeated_keys(connection, kind)
    forget_rejected(connection, head, named)
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, catalog.stage.name)


def count_staged_news(connection: Connection, head: Head, kind: CatalogKind) -> Imported:
    """Return what the rows that stay in the stage will bring; call it before they are applied.

    A row counts as added or changed when any entry that it makes is.
    """
    catalog = CATALOGS[kind]
    given = _given(connection)
    news = [_news_of(catalog, table, given) for table in _filled(catalog, given)]
    for list_table in lists_of(catalog, given):
        news += news_of_list(catalog, list_table)
    row = connection.execute(
        ordered(
            connection,
            "SELECT COUNT(DISTINCT CASE WHEN n.is_new = 1 THEN n.row END) AS added,"
            f" COUNT(DISTINCT n.row) AS touched FROM ({' UNION ALL '.join(news)}) n",
        ),
        {"account": head.account},
    ).one()
    rows = count(connection, catalog.stage.name)
    return Imported(
        added=int(row.added), changed=int(row.touched - row.added), unchanged=rows - row.touched
    )


def post_staged_catalog(connection: Connection, head: Head, kind: CatalogKind) -> Posted:
    """Bring the rows that stay in the stage into force, each by its key; count every verdict.

    A row that says what is in force already counts as applied like any other.
    """
    catalog = CATALOGS[kind]
    given = _given(connection)
    if kind is CatalogKind.PRODUCTS:
        remember_sorts(connection, head)
    for table in _filled(catalog, given):
        _update(connection, head, catalog, table, given)
    if kind is CatalogKind.PRODUCTS:
        reorder_open_charges(connection, head)
    for list_table in lists_of(catalog, given):
        replace_list(connection, head, catalog, list_table)
    return counted(connection, applied=count(connection, catalog.stage.name), applied_amount=0)


def find_disappeared_students(connection: Connection, head: Head) -> None:
    """Warn of each enrolled student that the staged file does not name; the roster keeps them.

    A row that was rejected names its student as well, as far as it can be read.
    """
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, column_name, value, message)"
            " SELECT :code, :verdict, :column, g.student_id, :message FROM ("
            "SELECT student_id FROM student WHERE account = :account AND status = 'enrolled'"
            " EXCEPT SELECT student_id FROM stage_students"
            " EXCEPT SELECT row_key FROM stage_rejected_key) g"
        ),
        {
            "account": head.account,
            "code": Code.STUDENT_DISAPPEARED.value,
            "verdict": Verdict.WARNING.value,
            "column": "student_id",
            "message": STUDENT_DISAPPEARED,
        },
    )


def _reject_repeated_keys(connection: Connection, kind: CatalogKind) -> None:
    stage_name, key = CATALOGS[kind].stage.name, CATALOG_FORMATS[kind].key
    # Of rows that share a key the first counts; nobody but the district knows which is meant.
    repeated = (
        f"(SELECT row, line, {key[0]} AS row_key, MIN(row) OVER (PARTITION BY {', '.join(key)})"
        f" AS first_row FROM {stage_name}) s WHERE s.first_row < s.row"
    )
    connection.execute(
        sa.text(
            "INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)"
            " SELECT :code, :verdict, s.row, s.line, :column, s.row_key,"
            f" REPLACE(:message, '{{row}}', CAST(s.first_row AS TEXT)) FROM {repeated}"
        ),
        {
            "code": Code.KEY_REPEATED.value,
            "verdict": Verdict.ROW.value,
            "column": key[0],
            "message": KEY_REPEATED,
        },
    )
    connection.execute(
        sa.text(f"INSERT INTO stage_rejected (row, line) SELECT s.row, s.line FROM {repeated}")
    )


def _given(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(sa.text("SELECT column_name FROM stage_given")).scalars())


def _filled(catalog: Catalog, given: frozenset[str]) -> list[Table]:
    """Return the tables that a file with these columns has something to say to."""
    return [table for table in catalog.tables if table.needs is None or table.needs in given]


def _update(
    connection: Connection,
    head: Head,
    catalog: Catalog,
    table: Table,
    given: frozenset[str],
) -> None:
    names = ", ".join((*table.key, *table.columns))
    settable = [name for name in table.columns if name in given]
    updates = ", ".join(f"{name} = excluded.{name}" for name in settable)
    # What is in force already is not written again: a roster is sent every night.
    differs = _differs(table.name, "excluded", settable)
    on_conflict = f"DO UPDATE SET {updates} WHERE {differs}" if settable else "DO NOTHING"
    connection.execute(
        sa.text(
            f"INSERT INTO {table.name} (account, {names}) SELECT CAST(:account AS TEXT), {names}"
            f" FROM {catalog.stage.name} s WHERE {_entries(catalog, table)}"
            f" ON CONFLICT (account, {', '.join(table.key)}) {on_conflict}"
        ),
        {"account": head.account},
    )


def _news_of(catalog: Catalog, table: Table, given: frozenset[str]) -> str:
    """Return the query for the rows that add or change an entry of a table."""
    same_key = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    differs = _differs("t", "s", [name for name in table.columns if name in given])
    return (
        "SELECT s.row, CASE WHEN t.account IS NULL THEN 1 ELSE 0 END AS is_new"
        f" FROM {catalog.stage.name} s LEFT JOIN {table.name} t"
        f" ON t.account = :account AND {same_key}"
        f" WHERE {_entries(catalog, table)} AND (t.account IS NULL OR {differs})"
    )


def _entries(catalog: Catalog, table: Table) -> str:
    """Return the condition for the staged rows that make the entries of a table."""
    needed = "TRUE" if table.needs is None else f"s.{table.needs} IS NOT NULL"
    if not table.repeats:
        return needed
    # Each price of a product comes in a row that repeats the product.
    last = f"SELECT MAX(row) FROM {catalog.stage.name} GROUP BY {', '.join(table.key)}"
    return f"{needed} AND s.row IN ({last})"


def _differs(one: str, other: str, names: Iterable[str]) -> str:
    return " OR ".join(f"{one}.{name} IS DISTINCT FROM {other}.{name}" for name in names) or "FALSE"
