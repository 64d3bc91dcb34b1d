"""The ledger of a data folder: a command or daemon uses that one, or none at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.database.identity import FoundLedger, describe_place, find_ledger
from ingestd.ledger.books.head import has_batches
from ingestd.service.installation.ledger_refusals import Judged, require_usable
from ingestd.service.installation.standing import Evidence, Standing, decide_standing
from ingestd.spool.files import make_folder, storage_errors
from ingestd.spool.folders import Folders
from ingestd.spool.known_ledger import (
    KnownLedger,
    archived_uploads,
    holds_uploads,
    read_known_ledger,
    write_known_ledger,
)
from ingestd.spool.queue import knows_any
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import SchemaError, StorageError

log = get_logger("ingestd.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLedger:
    """A data folder, and the database that the config names.

    Nothing here makes a folder, a file or a table, `make` and `upgrade` apart; and nothing
    changes a database before it is known to hold the folder's ledger.
    """

    folders: Folders
    database: Database

    def require(self) -> None:
        """Return if the database holds the folder's ledger, or may become it; change nothing.

        Raises OtherLedgerError for a database that holds another ledger, LedgerGoneError where
        there is no ledger, StorageError and DatabaseError.
        """
        require_usable(self._judge())

    def revision(self) -> str | None:
        """Return the revision of the ledger's schema, None where it is to be made; change nothing.

        Raises as `require` does otherwise.
        """
        judged = self._judge()
        if judged.standing is not Standing.UNMADE:
            require_usable(judged)
        if judged.found is None:
            return None
        schema.require_in_force(schema.current_oldest(self.database))
        return judged.found.revision

    def use(self, *, as_daemon: bool = False) -> None:
        """Bring the folder's ledger to this version's schema, as everybody does who uses it.

        A folder that knows no ledger, or another but has processed nothing, belongs to this one
        afterwards. `as_daemon`: the caller holds the daemon's lock. Raises as `require` does,
        and SchemaError for a schema that `ingestd db upgrade` is to change.
        """
        judged = self._judge(daemon_is_me=as_daemon)
        require_usable(judged)
        if judged.standing is Standing.OWN and not as_daemon:
            self._refuse_beside_older(judged.found)
            self._prepare()
            return
        with self._alone():
            # Another may have bound the folder since.
            judged = self._judge(daemon_is_me=as_daemon)
            require_usable(judged)
            if not as_daemon:
                self._refuse_beside_older(judged.found)
            self._prepare()
            is_needed = as_daemon or judged.standing is Standing.ANEW
            self._bind(judged.known, is_needed=is_needed)

    def make(self, *, adopt: bool = False) -> KnownLedger:
        """Make what is missing of folder and ledger, bind them, and return the ledger.

        With `adopt` the folder belongs to the database's ledger afterwards, whatever it knew;
        without it, raises as `require` does where `use` would refuse, but for a ledger that
        was never made.
        """
        make_folder(self.folders.data_dir)
        with self._alone():
            if adopt:
                known = self._known_or_damaged()
            else:
                judged = self._judge()
                known = judged.known
                if judged.standing is not Standing.UNMADE:
                    require_usable(judged)
            make_folder(self.folders.temporary)
            schema.upgrade(self.database)
            return self._bind(known, is_needed=True, is_adopted=adopt)

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the schema to this version; return the revisions before and after.

        On a server it makes the ledger where there is none yet. Raises as `require` does.
        """
        judged = self._judge()
        if judged.standing is not Standing.UNMADE or self.database.is_embedded:
            require_usable(judged)
        self._refuse_beside_older(judged.found)
        before, after = schema.upgrade(self.database)
        # Without a folder of its own, it was run for the database alone.
        if judged.known is not None or self.folders.node_id.exists():
            with self._alone():
                self._bind(judged.known, is_needed=False)
        return before, after

    def bind_copy(self) -> None:
        """Let the folder belong to its own ledger at another place, which it was copied to."""
        with self._alone():
            self._bind(read_known_ledger(self.folders), is_needed=True)

    def _refuse_beside_older(self, found: FoundLedger | None) -> None:
        """Raise SchemaError where a daemon works on an embedded ledger that is to be changed."""
        is_to_change = found is not None and found.revision < schema.HEAD_REVISION
        if is_to_change and self.database.is_embedded and _is_locked(self.folders.daemon_lock):
            raise SchemaError(
                f"A daemon of an earlier version works on {self.folders.data_dir}: stop it first. "
                "The new version brings the ledger up to date when it starts."
            )

    @property
    def _place(self) -> str:
        return describe_place(self.database, self.folders.data_dir)

    def _judge(self, *, daemon_is_me: bool = False) -> Judged:
        if self.folders.data_dir.is_file():
            make_folder(self.folders.data_dir)  # which says what is in the way
        known = read_known_ledger(self.folders)
        found = find_ledger(self.database)
        if known is not None and found is not None and found.ledger_id == known.ledger_id:
            # Every command comes here: nothing else is looked at.
            return self._judged(Standing.OWN, known, found)
        evidence = Evidence(
            known=known,
            found=found,
            place=self._place,
            is_default=self._is_default,
            is_initialised=self.folders.node_id.exists(),
            holds_uploads=holds_uploads(self.folders),
            knows_uploads=self._knows_uploads(found),
            own_has_batches=self._own_has_batches(known),
            daemon_runs=not daemon_is_me and _is_locked(self.folders.daemon_lock),
        )
        return self._judged(decide_standing(evidence), known, found)

    def _judged(
        self, standing: Standing, known: KnownLedger | None, found: FoundLedger | None
    ) -> Judged:
        return Judged(
            standing=standing,
            known=known,
            found=found,
            place=self._place,
            data_dir=self.folders.data_dir,
            is_initialised=self.folders.node_id.exists(),
            is_embedded=self.database.is_embedded,
        )

    def _known_or_damaged(self) -> KnownLedger | None:
        try:
            return read_known_ledger(self.folders)
        except StorageError:
            return None  # what it says is about to be replaced

    @property
    def _is_default(self) -> bool:
        path = Path(str(self.database.engine.url.database))
        return self.database.is_embedded and path == self.folders.embedded_ledger

    def _knows_uploads(self, found: FoundLedger | None) -> bool:
        uploads = archived_uploads(self.folders)
        if found is None or not uploads:
            return not uploads
        with self.database.reading() as connection:
            return knows_any(connection, uploads)

    def _own_has_batches(self, known: KnownLedger | None) -> bool:
        """Tell whether the folder's own file holds the ledger that it knows, and books."""
        if known is None or self._is_default:
            return False
        own = open_database(f"sqlite:///{self.folders.embedded_ledger}")
        try:
            found = find_ledger(own)
            return found is not None and found.ledger_id == known.ledger_id and _has_batches(own)
        finally:
            own.close()

    def _prepare(self) -> None:
        """Bring the embedded database to this version; raise SchemaError for another old one.

        From then on whoever writes is held to its being in force: it may be moved meanwhile.
        """
        self.database.require_of_writers(schema.require_still_in_force)
        make_folder(self.folders.temporary)
        if not self.database.is_embedded:
            schema.require_able(self.database)
            return
        before, after = schema.upgrade(self.database)
        if before != after:
            log.info(Event.SCHEMA_UPGRADED, before=before, after=after)

    def _bind(
        self, before: KnownLedger | None, *, is_needed: bool, is_adopted: bool = False
    ) -> KnownLedger:
        """Write down that the folder belongs to the ledger in the database, and where that is.

        Who may only read the folder goes on without, unless it is needed.
        """
        found = find_ledger(self.database)
        assert found is not None, "the schema was brought to this version"
        assert found.ledger_id is not None, "a migration has given it one"
        known = KnownLedger(ledger_id=found.ledger_id, place=self._place)
        if known == before or not (is_needed or _may_write(self.folders.data_dir)):
            return known
        write_known_ledger(self.folders, known)
        id_before = None if before is None else before.ledger_id
        if id_before != known.ledger_id:
            log.info(
                Event.LEDGER_BOUND,
                ledger_id=known.ledger_id,
                place=known.place,
                before=id_before,
                reason="adopted" if is_adopted else "first" if before is None else "nothing_done",
            )
        return known

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold off others who would bind the folder, for as long as the block runs."""
        with storage_errors(self.folders.data_dir):
            # The folder itself: who may only read it can hold it, too.
            descriptor = os.open(self.folders.data_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK, effective_ids=True)


def _has_batches(database: Database) -> bool:
    with database.reading() as connection:
        return has_batches(connection)


def _is_locked(path: Path) -> bool:
    """Tell whether a daemon holds its lock. It is taken for a moment, and shared, to find out."""
    with storage_errors(path):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False
