"""What was saved of the two files by people at the console, so that it can be seen and undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.service.people.secrecy import Secrecy
from ingestd.values.clock import from_microseconds, to_microseconds

_SQL = Statements(__file__)

LAST = 2**62
"""Greater than every change's number."""

_PURPOSE = "config change"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChange:
    """One save of one file. `undoes` is the number of the change that it took back, if it did."""

    number: int
    file: str
    changed_at: datetime
    by: str
    undoes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTexts:
    """One save with the file's bytes before and after it."""

    change: KeptChange
    before: bytes
    after: bytes


def keep_change(
    connection: Connection,
    secrecy: Secrecy,
    *,
    file: str,
    before: bytes,
    after: bytes,
    by: str,
    at: datetime,
    undoes: int | None,
) -> int:
    """Keep what is saved of a file, inside the caller's transaction; return its number."""
    values = {
        "file": file,
        "changed_at": to_microseconds(at),
        "changed_by": by,
        "undoes": undoes,
        "before_text": secrecy.hide(before, purpose=_PURPOSE),
        "after_text": secrecy.hide(after, purpose=_PURPOSE),
    }
    _SQL.run(connection, "insert_change", values)
    return int(_SQL.run(connection, "last_change").scalar_one())


def list_changes(
    connection: Connection, file: str, *, limit: int, before: int = LAST
) -> list[KeptChange]:
    """Return what was saved of a file, the newest first, before one of them."""
    values = {"file": file, "before": before, "limit": limit}
    return [_change(row) for row in _SQL.run(connection, "list_changes", values)]


def find_change(
    connection: Connection, secrecy: Secrecy, file: str, number: int
) -> KeptTexts | None:
    """Return one change of a file, if there is one. Raises StorageError without its key."""
    values = {"file": file, "change_no": number}
    row = _SQL.run(connection, "find_change", values).one_or_none()
    if row is None:
        return None
    return KeptTexts(
        change=_change(row),
        before=secrecy.reveal(bytes(row.before_text), purpose=_PURPOSE),
        after=secrecy.reveal(bytes(row.after_text), purpose=_PURPOSE),
    )


def _change(row: Row[Any]) -> KeptChange:
    return KeptChange(
        number=row.change_no,
        file=row.file,
        changed_at=from_microseconds(row.changed_at),
        by=row.changed_by,
        undoes=row.undoes,
    )
