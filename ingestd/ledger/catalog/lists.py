"""Lists in catalog files: whoever a row is about has exactly the entries of its list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.formats.fields import LIST_SEPARATOR
from ingestd.formats.judging.pledges import read_pledge
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.rows.catalog import CatalogRow
from ingestd.ledger.books.head import Head

_SQL = Statements(__file__)

PLEDGES = Temporary(
    "stage_donor_pledge",
    {"row": "whole", "value": "text", "promised": "whole?"},
    key=("row", "value"),
)
APPEALS = Temporary("stage_donor_appeal", {"row": "whole", "value": "text"}, key=("row", "value"))


def _alone(value: str) -> tuple[str]:
    return (value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogList:
    """A column of lists: in `stage` lie the values, each with the number of its row.

    `read` takes what one value says apart; `forget` and `add` are the statements that bring the
    lists into force.
    """

    column: str
    stage: Temporary
    read: Callable[[str], tuple[object, ...]] = _alone
    forget: str
    add: str


LISTS: Mapping[CatalogKind, tuple[CatalogList, ...]] = MappingProxyType(
    {
        CatalogKind.DONORS: (
            CatalogList(
                column="pledges",
                stage=PLEDGES,
                read=read_pledge,
                forget="forget_pledges",
                add="add_pledges",
            ),
            CatalogList(
                column="appeals", stage=APPEALS, forget="forget_appeals", add="add_appeals"
            ),
        )
    }
)


def listed_in(
    rows: Iterable[CatalogRow], position: int, read: Callable[[str], tuple[object, ...]]
) -> Iterator[tuple[object, ...]]:
    """Yield what each value of each row's list says, behind the number of its row."""
    for row in rows:
        if text := row.values[position]:
            for value in str(text).split(LIST_SEPARATOR):
                yield (row.row, *read(value))


def replace_lists(
    connection: Connection, head: Head, kind: CatalogKind, given: frozenset[str]
) -> None:
    """Give everyone whom a staged row is about the entries of its lists, and no others."""
    account = {"account": head.account}
    for catalog_list in LISTS.get(kind, ()):
        if catalog_list.column in given:
            _SQL.run(connection, catalog_list.forget, account)
            _SQL.run(connection, catalog_list.add, account)
