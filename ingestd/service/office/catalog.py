"""Importing a catalog file by hand: the same steps as an upload's, as a batch of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.database.bulk import count_rows
from ingestd.database.engine import trial
from ingestd.formats.findings.codes import Finding
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.rules import LastRow
from ingestd.intake.handling import catalog_handling
from ingestd.intake.reading.progress import QUIET
from ingestd.intake.reading.reading import Reading, read_file, task_of
from ingestd.ledger.books.clock_check import require_clock
from ingestd.ledger.books.head import Head, look_at_head
from ingestd.ledger.catalog.tables import CATALOG
from ingestd.ledger.entries.author import Author, judged_author
from ingestd.ledger.entries.entry import Entry, Unchanged, write_entry
from ingestd.ledger.taking.catalog import (
    Imported,
    count_staged_news,
    judge_staged_catalog,
    post_staged_catalog,
)
from ingestd.ledger.taking.stage import Whose, list_findings
from ingestd.ledger.taking.verdicts import counted
from ingestd.service.installation.bootstrap import Installation
from ingestd.spool.files import storage_errors
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import new_upload_id

EVENT = "catalog"

_NOTHING = Imported(added=0, changed=0, unchanged=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogResult:
    """What a catalog file came to. `is_refused`: nothing of it was taken."""

    findings: tuple[Finding, ...]
    records: int = 0
    rejected: int = 0
    imported: Imported = _NOTHING
    is_refused: bool = False


def import_file(
    installation: Installation,
    account: Account,
    kind: CatalogKind,
    path: Path,
    *,
    author: Author,
    only_tries: bool = False,
) -> CatalogResult:
    """Take the good rows of a catalog file; safe to repeat.

    What is tried only is not kept, waits for nobody, and nobody waits for it. Good rows are taken
    whatever the account's policy for files: the operator reads at once what became of the others.
    What they change is one sealed batch; where they change nothing, none is written. Raises
    UsageError when that is no file, and for an author who cannot be kept, StorageError,
    ClockBehindError, LedgerRolledBackError and DatabaseError.
    """
    judged_author(account, author)  # before anything is read
    with storage_errors(path):
        if not path.exists():
            raise UsageError(f"There is no file {path}.")
        if path.is_dir():
            raise UsageError(f"{path} is a folder. Name a file in it.")
    database = installation.database
    received_at = to_microseconds(installation.clock.now())
    task = task_of(
        catalog_handling(kind),
        account,
        Whose(account.account_id, new_upload_id()),
        received_at=received_at,
        database=database,
    )
    # A file on the operator's own disk was not cut off on its way.
    rules = replace(task.rules, last_row_without_newline=LastRow.ACCEPT)
    task = replace(task, rules=rules)
    with (
        read_file(path, task, database=database, progress=QUIET, follow_links=True) as reading,
        database.connection() as connection,
        reading.attached(connection),
    ):
        if only_tries:
            # Neither does it wait for a file that is being posted, nor a file for it.
            with trial(connection):
                head = look_at_head(connection, account.account_id)
                require_clock(connection, head, now=received_at)
                return _judged(connection, head, kind, reading)

        def take(entry: Entry) -> CatalogResult:
            # Under the same lock as charges: a file sees one catalog, the old or the new one.
            result = _judged(connection, entry.head, kind, reading)
            if not result.imported.added and not result.imported.changed:
                raise Unchanged(result)
            post_staged_catalog(connection, entry.head, entry.batch, kind, day=entry.day)
            return result

        return write_entry(
            database.lending(connection),
            installation.clock,
            account,
            event=EVENT,
            author=author,
            work=take,
            signing=installation.signing(),
        )


def _judged(
    connection: Connection, head: Head, kind: CatalogKind, reading: Reading
) -> CatalogResult:
    """Judge what was read; return what its good rows would change. Only the stage is written."""
    reading.bring(connection)
    if reading.refused:
        return CatalogResult(findings=tuple(list_findings(connection)), is_refused=True)
    judge_staged_catalog(connection, head, kind, all_or_nothing=False)
    imported = count_staged_news(connection, head, kind)
    judged = counted(connection, applied=count_rows(connection, CATALOG), applied_amount=0)
    return CatalogResult(
        records=judged.records,
        rejected=judged.rejected,
        imported=imported,
        findings=tuple(list_findings(connection)),
    )
