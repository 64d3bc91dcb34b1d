"""Moving a ledger to another database: copied whole, held to the original, and only then used.

At each instant at most one of the two is in force. A copy that is not finished says so, and is
made anew by the next attempt; once it is known to be whole the original says where it went, in the
transaction that kept all others from writing to it; then the copy is in force, and the folder
bound. Whatever ends in between, the same command goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.config.judging.values import parse_database_url
from ingestd.config.toml.mistakes import InvalidValueError
from ingestd.database import schema
from ingestd.database.copying import Columns
from ingestd.database.engine import Database, open_database, write_transaction
from ingestd.database.failures import without_password
from ingestd.database.identity import (
    StoredLedger,
    describe_place,
    find_ledger,
    read_ledger,
    stored_revision,
)
from ingestd.database.tables import (
    StoredTable,
    count_stored,
    has_rows,
    hold_still,
    list_tables,
    read_whole,
    write_whole,
)
from ingestd.ledger.audit.verify import Verification, verify_ledger
from ingestd.ledger.books.head import list_heads
from ingestd.service.evidence.outside import keys_of_folder
from ingestd.service.installation.bootstrap import Installation, lock_data_folder
from ingestd.service.installation.folder_ledger import FolderLedger
from ingestd.spool.nodes import list_nodes
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import (
    CopyRefusedError,
    DatabaseError,
    NotInForceError,
    NotPermittedError,
    UsageError,
)
from ingestd.values.identifiers import AccountId
from ingestd.values.money import decimals_of

log = get_logger("ingestd.service")

# What a migration makes, and what says whose ledger it is and who may use it.
_MADE_ANEW = frozenset({"alembic_version", "ledger", "schema_floor"})

_NAMED_MAX = 3

Tell = Callable[[str, int], None]
"""Is told of a table, and how many rows of it are copied by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where a ledger is now, and where the books of each account end there.

    `is_default`: it is the file that is used when no database is named.
    """

    place: str
    url: str
    is_default: bool
    is_on_server: bool
    heads: tuple[tuple[AccountId, int, str], ...]


def move_ledger(installation: Installation, url: str, tell: Tell) -> Moved:
    """Copy an installation's ledger to the database at `url`, which becomes its own from then on.

    Raises UsageError for a URL that names no database, StorageError where the daemon runs,
    CopyRefusedError where a node lives or the target holds something, NotInForceError for a ledger
    that was moved elsewhere, SchemaError for a role that may not do it, and DatabaseError, also
    for a copy that is not alike.
    """
    try:
        parsed = parse_database_url(url, base=Path.cwd())
    except InvalidValueError as error:
        raise UsageError(f"--to: {error.message} {error.remedy}") from error
    lock = lock_data_folder(installation.folders)
    try:
        with closing(open_database(parsed, temporary_folder=installation.folders.temporary)) as to:
            return _Move(installation, to, tell).run()
    except NotPermittedError as error:
        raise schema.not_the_owner(error, "ingestd db copy") from error
    finally:
        os.close(lock)


class _Move:
    def __init__(self, installation: Installation, target: Database, tell: Tell) -> None:
        self._installation = installation
        self._source = installation.database
        self._target = target
        self._tell = tell
        self._place = describe_place(target, installation.folders.data_dir)

    def run(self) -> Moved:
        folders = self._installation.folders
        self._installation.ledger.require()
        with self._source.reading() as connection:
            went_to = schema.moved_to(schema.find_oldest(connection))
            ledger = read_ledger(connection)
        if went_to is None:
            self._installation.ledger.use(as_daemon=True)
            self._require_elsewhere(ledger)
            self._copy(ledger)
        elif went_to != self._place:
            raise NotInForceError(f"This ledger was moved to {went_to}, not to {self._place}.")
        self._put_in_force(ledger)
        FolderLedger(folders=folders, database=self._target).bind_copy()
        log.info(Event.LEDGER_COPIED, ledger_id=ledger.ledger_id, place=self._place)
        with self._target.reading() as connection:
            heads = tuple(list_heads(connection))
        return Moved(
            place=self._place,
            url=without_password(self._target.engine.url),
            is_default=self._target.engine.url.database == str(folders.embedded_ledger),
            is_on_server=not self._target.is_embedded,
            heads=heads,
        )

    def _require_elsewhere(self, ledger: StoredLedger) -> None:
        """Refuse before anything is locked what would be refused, or waited for, then."""
        if self._place == describe_place(self._source, self._installation.folders.data_dir):
            raise CopyRefusedError(f"The ledger is in {self._place} already.")
        if schema.current_revision(self._source) != schema.HEAD_REVISION:
            raise CopyRefusedError("The ledger's schema is newer: copy it by the newer version.")
        if find_ledger(self._target) is not None:
            with self._target.reading() as target:
                self._require_free(ledger, target, list_tables(target))

    def _copy(self, ledger: StoredLedger) -> None:
        """Copy everything of one moment, and retire the original in the same transaction."""
        # Not by `writing`, at whose end a ledger must be in force: this one is not any more, then.
        with self._source.connection() as source, write_transaction(source):
            tables = list_tables(source)
            hold_still(source, tables, alone=False)
            schema.require_in_force(schema.find_oldest(source))
            self._refuse_beside_nodes(source)
            schema.begin_copy(self._target, ledger, partial(self._hold_if_free, ledger))
            with self._target.reading() as target:
                made = {table.name for table in list_tables(target)} - _MADE_ANEW
            copied = {
                table.name: self._copy_table(source, table)
                for table in tables
                if table.name in made
            }
            self._require_alike(source, copied)
            schema.retire(source, self._place)

    def _refuse_beside_nodes(self, source: Connection) -> None:
        living = [f"{node.node} on {node.host}" for node in list_nodes(source) if node.is_live]
        if living and not self._source.is_embedded:
            raise CopyRefusedError(
                f"Nodes work with this ledger: {', '.join(living)}. Stop them first; one that was "
                "killed counts for half a minute."
            )

    def _hold_if_free(self, ledger: StoredLedger, target: Connection) -> None:
        tables = list_tables(target)
        hold_still(target, tables, alone=True)
        self._require_free(ledger, target, tables)

    def _require_free(
        self, ledger: StoredLedger, target: Connection, tables: Sequence[StoredTable]
    ) -> None:
        """Raise CopyRefusedError where the target holds more than what an attempt left there."""
        theirs, oldest = read_ledger(target).ledger_id, schema.find_oldest(target)
        if oldest == schema.UNFINISHED and theirs == ledger.ledger_id:
            return
        held = [
            table.name
            for table in tables
            if table.name not in _MADE_ANEW and has_rows(target, table)
        ]
        why = ""
        if went_to := schema.moved_to(oldest):
            why = f"as it was when it was moved to {went_to}"
        elif held:
            more = f" and {len(held) - _NAMED_MAX} more tables" if len(held) > _NAMED_MAX else ""
            why = f"there is something in {', '.join(held[:_NAMED_MAX])}{more}"
        elif oldest == schema.UNFINISHED:
            why = "its copy was not finished"
        elif stored_revision(target) != schema.HEAD_REVISION:
            why = "its schema is of another version"
        if why:
            whose = "this ledger" if theirs == ledger.ledger_id else f"another ledger, {theirs}"
            raise CopyRefusedError(
                f"{self._place} holds {whose}: {why}. Nothing was changed. Name an empty database."
            )

    def _copy_table(self, source: Connection, table: StoredTable) -> int:
        rows = 0

        def chunks() -> Generator[Columns, None, None]:
            nonlocal rows
            for chunk in read_whole(source, table):
                yield chunk
                rows += len(chunk[0])
                self._tell(table.name, rows)

        write_whole(self._target, table, chunks())
        return rows

    def _require_alike(self, source: Connection, copied: Mapping[str, int]) -> None:
        """Raise DatabaseError unless all rows arrived, and the books say there what they say."""
        with self._target.reading_twice() as (target, beside):
            for table in list_tables(target):
                if table.name in copied and count_stored(target, table) != copied[table.name]:
                    raise DatabaseError(f"Not all rows of {table.name} arrived. Copy again.")
            heads = list_heads(target)
            if heads != list_heads(source):
                raise DatabaseError("The books do not end alike in the copy. Copy again.")
            for account, _, _ in heads:
                checked = self._verify(target, account, beside)
                # What is not right is not mended by going elsewhere, and must not be made worse.
                if not checked.holds and checked != self._verify(source, account, None):
                    raise DatabaseError(f"The books of {account} are others in the copy.")

    def _verify(
        self, connection: Connection, account: AccountId, beside: Connection | None
    ) -> Verification:
        found = self._installation.access.accounts.get(account)
        return verify_ledger(
            connection,
            account,
            decimals=2 if found is None else decimals_of(found.currency),
            keys_of=keys_of_folder(self._installation.folders.ledger_key),
            beside=beside,
        )

    def _put_in_force(self, ledger: StoredLedger) -> None:
        """Let programs work with the copy; nothing where they do already."""
        found = find_ledger(self._target)
        if found is None or found.ledger_id != ledger.ledger_id:
            raise NotInForceError(
                f"This ledger was moved to {self._place}, and is not there any more. Restore it."
            )
        oldest = schema.current_oldest(self._target)
        if oldest == schema.UNFINISHED:
            schema.end_copy(self._target)
        else:
            schema.require_in_force(oldest)
