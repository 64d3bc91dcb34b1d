"""Searching for people: by a student's id, a parent's code, a guest's id, or a name."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


class Found(NamedTuple):
    """Somebody who was found. An empty name or no family where none is known."""

    kind: str
    code: str
    name: str
    family: str | None

    @property
    def place(self) -> str:
        """What the next page begins after."""
        return f"{self.code} {self.kind}"


def search_people(
    connection: Connection,
    account: AccountId,
    text: str,
    *,
    by_name: bool,
    after: str = "",
    rows: int,
) -> list[Found]:
    """Return people whose code, or with `by_name` whose name, has a text in it, in any case."""
    plain = text.lower()
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, f"\\{special}")
    values = {
        "account": account,
        "pattern": f"%{plain}%",
        "by_name": int(by_name),
        "after": after,
        "rows": rows,
    }
    return [
        Found(row.kind, row.code, row.name or "", row.family)
        for row in _SQL.run(connection, "find_people", values)
    ]
