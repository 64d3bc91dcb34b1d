"""Importing a catalog file by hand: the same steps as an upload's, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ingestd.access.accounts import Account
from ingestd.formats.findings.codes import Finding
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.rules import LastRow
from ingestd.intake.handling import catalog_handling
from ingestd.intake.reading.progress import QUIET
from ingestd.intake.reading.reading import read_file, task_of
from ingestd.ledger.books.head import lock_head
from ingestd.ledger.taking.catalog import (
    Imported,
    count_staged_news,
    judge_staged_catalog,
    post_staged_catalog,
)
from ingestd.ledger.taking.stage import Whose, list_findings
from ingestd.service.installation.bootstrap import Installation
from ingestd.spool.files import storage_errors
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import new_upload_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogResult:
    """What a catalog file came to. `is_refused`: nothing of it was taken."""

    records: int
    rejected: int
    imported: Imported
    findings: tuple[Finding, ...]
    is_refused: bool


def import_file(
    installation: Installation, account: Account, kind: CatalogKind, path: Path
) -> CatalogResult:
    """Take the good rows of a catalog file; safe to repeat.

    Good rows are taken whatever the account's policy for files: the operator reads at once
    what became of the others. Raises UsageError when that is no file, StorageError and
    DatabaseError.
    """
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

        def take() -> CatalogResult:
            reading.bring(connection)
            posted, imported = None, Imported(added=0, changed=0, unchanged=0)
            if not reading.refused:
                # The same lock as for charges: a file sees one catalog, the old or the new one.
                head = lock_head(connection, account.account_id)
                judge_staged_catalog(connection, head, kind, all_or_nothing=False)
                imported = count_staged_news(connection, head, kind)
                posted = post_staged_catalog(connection, head, kind)
            return CatalogResult(
                records=posted.records if posted else 0,
                rejected=posted.rejected if posted else 0,
                imported=imported,
                findings=tuple(list_findings(connection)),
                is_refused=reading.refused,
            )

        return database.transact(connection, take)
