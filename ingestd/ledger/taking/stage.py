"""The stage: a file's judged rows in temporary tables, before the ledger decides about them.

They are judged and turned into its rows before any transaction begins; the one that decides about
them brings them in, and its end takes them away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.copying import Columns
from ingestd.database.scratch import Scratch
from ingestd.database.statements import Statements
from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.formats.rows.turned import columns_of
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)

T = TypeVar("T", bound=tuple[Any, ...])

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


STAGED_FILES = Temporary("stage_file", {"account": "text", "upload_id": "text", "records": "whole"})
"""Whose rows were staged: what is brought from outside says so itself."""


class Stager(Generic[T]):
    """Turns one file's judged rows into the rows of its stage's tables, and keeps none of them.

    `table` holds the good rows, with `row` and `line` among its columns; None where a file is
    closed without being read. It may travel to another process, one for each stretch of the file.
    """

    def __init__(self, table: Temporary | None = None) -> None:
        self._table = table

    @property
    def tables(self) -> tuple[Temporary, ...]:
        """All temporary tables of this stage."""
        common = (STAGED_FILES, REJECTED, REPEATS, NAMED, FINDINGS)
        return common if self._table is None else (self._table, *common)

    def begin_stretch(self, number: int) -> None:
        """Say which stretch of the file comes, counted from 0."""

    def add(self, scratch: Scratch, batch: RowBatch[T]) -> None:
        """Stage one batch of judged records."""
        if self._table is not None:
            scratch.append(self._table, self._staged(scratch, batch.rows))
        scratch.append(REJECTED, list(zip(*batch.rejected, strict=True)))
        names = [
            (name.row, storable(name.key), storable(name.party)) for name in batch.rejected_names
        ]
        scratch.append(NAMED, list(zip(*names, strict=True)))
        add_findings(scratch, batch.findings)

    def finish(self, scratch: Scratch, *, whose: Whose, records: int) -> None:
        """Say that all records of the file, or of a stretch of it, are there."""
        scratch.append(STAGED_FILES, [[whose.account], [whose.upload_id], [records]])

    def _staged(self, scratch: Scratch, rows: Sequence[T]) -> Columns:
        """Return the rows as the table's columns; what they need beside them is staged, too."""
        return columns_of(rows)


class Whose(NamedTuple):
    """The file that rows are of."""

    account: AccountId
    upload_id: UploadId


def add_findings(scratch: Scratch, findings: Iterable[Finding]) -> None:
    """Stage findings, of rows or of the file."""
    staged = [
        (
            *(found.code.value, found.verdict.value, found.row, found.line),
            *(storable(found.column), storable(found.value), storable(found.message)),
        )
        for found in findings
    ]
    scratch.append(FINDINGS, list(zip(*staged, strict=True)))


def list_findings(connection: Connection) -> list[Finding]:
    """Return what is staged of findings by now, in the order of the file."""
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
        for row in _SQL.run(connection, "list_findings")
    ]


def storable(text: str | None) -> str | None:
    """Return a text that was found as both databases hold it: PostgreSQL knows no NUL."""
    if text is None or ("\0" not in text and text.isascii()):
        return text
    return text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode()
