"""Importing a catalog file: read, check, and update in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestd.access.accounts import Account
from ingestd.formats.catalog import CatalogKind, CatalogRules, check_catalog_file
from ingestd.formats.findings import Finding
from ingestd.ledger.catalog import Imported, import_catalog
from ingestd.ledger.chart import ANONYMOUS_STUDENT_ID
from ingestd.service.bootstrap import Installation
from ingestd.spool.files import storage_errors
from ingestd.values.errors import UsageError
from ingestd.values.money import decimals_of

BLOCK_BYTES = 1 << 20
_RESERVED = {CatalogKind.STUDENTS: frozenset({ANONYMOUS_STUDENT_ID})}


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

    Raises UsageError when there is no such file, StorageError and DatabaseError.
    """
    rules = CatalogRules(
        decimals=decimals_of(account.currency),
        encoding=account.policy.encoding,
        delimiter=account.policy.delimiter,
        reserved=_RESERVED.get(kind, frozenset()),
    )
    reading = check_catalog_file(kind, _blocks(path), rules)
    imported = Imported(added=0, changed=0, unchanged=0)
    if not reading.is_refused:
        with installation.database.writing() as connection:
            imported = import_catalog(
                connection,
                account.account_id,
                kind,
                reading.rows,
                present=reading.present,
            )
    return CatalogResult(
        records=reading.records,
        rejected=len(reading.rejected),
        imported=imported,
        findings=tuple(reading.findings),
        is_refused=reading.is_refused,
    )


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with storage_errors(path), path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.") from error
