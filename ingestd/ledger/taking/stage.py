"""The stage: a file's checked rows in temporary tables, before the ledger decides about them.

Only this connection sees it, and filling it takes no lock that another writer waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, create_temporary, drop_temporary, stage
from ingestd.database.statements import Statements
from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.formats.rows.keys import RowName

_SQL = Statements(__file__)

T = TypeVar("T", bound=tuple[Any, ...])
AnyStage = TypeVar("AnyStage", bound="Stage[Any]")

REJECTED = Temporary("stage_rejected", {"row": "whole", "line": "whole"}, key=("row",))
# Rows that are neither rejected nor to be applied: what they repeat or contradict.
REPEATS = Temporary(
    "stage_repeat",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
        "outcome": "text",
        "first_row": "whole?",
        "earlier_no": "whole?",
        "earlier_batch_no": "whole?",
    },
    key=("row",),
)
# What people find a row by that is not applied: its key, and whom it is about.
NAMED = Temporary(
    "stage_named", {"row": "whole", "row_key": "text?", "party_code": "text?"}, key=("row",)
)
FINDINGS = Temporary(
    "stage_finding",
    {
        "code": "text",
        "verdict": "text",
        "row": "whole?",
        "line": "whole?",
        "column_name": "text?",
        "value": "text?",
        "message": "text",
    },
)


class Stage(Generic[T]):
    """One file's rows on their way into the ledger: good ones, rejected ones, and findings.

    `table` holds the good rows, with `row` and `line` among its columns; None where a file
    is closed without being read.
    """

    def __init__(self, connection: Connection, table: Temporary | None = None) -> None:
        self._connection = connection
        self._table = table
        self.records = 0

    @property
    def tables(self) -> tuple[Temporary, ...]:
        """All temporary tables of this stage."""
        common = (REJECTED, REPEATS, NAMED, FINDINGS)
        return common if self._table is None else (self._table, *common)

    def add(
        self,
        *,
        rows: Sequence[T],
        rejected: Iterable[tuple[int, int]],
        findings: Iterable[Finding],
        records: int,
        rejected_keys: Iterable[str] = (),
        rejected_names: Iterable[RowName] = (),
    ) -> None:
        """Append one batch of checked records; `rejected` holds the (row, line) of bad ones.

        `rejected_keys`, whom bad rows are about, is kept by the stages that need it;
        `rejected_names` is what the receipt calls bad rows by.
        """
        if self._table is not None:
            stage(self._connection, self._table, self._staged(rows))
        stage(self._connection, REJECTED, list(rejected))
        stage(
            self._connection,
            NAMED,
            [(name.row, _storable(name.key), _storable(name.party)) for name in rejected_names],
        )
        self._add_rejected_keys(rejected_keys)
        self.add_findings(findings)
        self.records += records

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Append findings that came without rows."""
        stage(
            self._connection,
            FINDINGS,
            [
                (
                    *(f.code.value, f.verdict.value, f.row, f.line),
                    *(_storable(f.column), _storable(f.value), _storable(f.message)),
                )
                for f in findings
            ],
        )

    def empty(self) -> None:
        """Forget every row and finding: the file was refused after some of it had been read."""
        create_temporary(self._connection, *self.tables)
        self.records = 0

    def finish(self) -> None:
        """Say that all rows are there."""
        analyse(self._connection, *self.tables)

    def findings(self) -> list[Finding]:
        """Return what was found until now, in the order of the file."""
        found = _SQL.run(self._connection, "list_findings")
        return [
            Finding(
                code=Code(row.code),
                verdict=Verdict(row.verdict),
                message=row.message,
                row=row.row,
                line=row.line,
                column=row.column_name,
                value=row.value,
            )
            for row in found
        ]

    def _add_rejected_keys(self, keys: Iterable[str]) -> None:
        """Keep the keys of rejected rows; most formats have no use for them."""

    def _staged(self, rows: Sequence[T]) -> Iterable[Sequence[object]]:
        """Return the values of each row in the order of the table's columns."""
        return [self._values(row) for row in rows]

    def _values(self, row: T) -> Sequence[object]:
        """Return a row's values in the order of the table's columns."""
        return row


@contextmanager
def lent_stage(stage_of_file: AnyStage, connection: Connection) -> Iterator[AnyStage]:
    """Lend an empty stage on a connection that is in no transaction; it is removed afterwards."""
    tables = stage_of_file.tables
    with connection.begin():
        create_temporary(connection, *tables)
    try:
        yield stage_of_file
    finally:
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            with connection.begin():
                drop_temporary(connection, *tables)


def _storable(text: str | None) -> str | None:
    """Return a finding's text as both databases hold it: PostgreSQL knows no NUL."""
    if text is None or ("\0" not in text and text.isascii()):
        return text
    return text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode()
