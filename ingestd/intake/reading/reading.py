"""Reading a claimed file: hashed, judged and turned into staged rows before any transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, NaiveTimePolicy
from ingestd.database.bulk import Temporary
from ingestd.database.engine import Database
from ingestd.database.scratch import HeldRows, attached, bring
from ingestd.formats.checking import check_file
from ingestd.formats.findings.codes import Finding, Verdict
from ingestd.formats.rules import FileRules, LastRow
from ingestd.intake.handling import KNOWN, Handling
from ingestd.intake.reading.apart import FileTask, Judged, judge_apart
from ingestd.intake.reading.blocks import HashedFile, opened
from ingestd.intake.reading.progress import HandedBackError, Progress
from ingestd.ledger.taking.stage import Stager, Whose, add_findings
from ingestd.spool.files import storage_errors
from ingestd.values.clock import from_microseconds
from ingestd.values.money import decimals_of

# From this size on two processes judge the file; below, they would not have started yet.
APART_BYTES_MIN = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file that was read: its bytes' hash and number, and its rows, ready to be staged.

    After a refusal these are its findings alone.
    """

    sha256: str
    size_bytes: int
    refused: bool
    records: int
    whose: Whose
    tables: tuple[Temporary, ...]
    folders: tuple[Path, ...]
    held: HeldRows

    def attached(self, connection: Connection) -> AbstractContextManager[None]:
        """Lend the rows to a connection that is in no transaction, for the next ones on it."""
        return attached(connection, self.tables, self.folders)

    def bring(self, connection: Connection) -> None:
        """Make the stage's tables in this transaction, and fill them."""
        bring(connection, self.tables, self.folders, self.held)


@contextmanager
def read_file(
    path: Path,
    task: FileTask,
    *,
    database: Database,
    progress: Progress,
    apart_bytes_min: int = APART_BYTES_MIN,
    follow_links: bool = False,
) -> Iterator[Reading]:
    """Read and judge a whole file; what was made of it is gone after the `with` block.

    From `apart_bytes_min` on other processes judge it. Links are followed only where an operator
    named the file. Raises StorageError when the file cannot be read, NoSpaceError when its rows
    find no room, and HandedBackError when the daemon stops.
    """
    with ExitStack() as stack:
        file = stack.enter_context(opened(path, follow_links=follow_links))
        if file.length() >= apart_bytes_min:
            # What a full or broken disk says here is told as of every other place of ours.
            with storage_errors(database.scratch_parent):
                folder = stack.enter_context(database.scratch_folder())
            judged = judge_apart(task, file, folder, progress)
        else:
            judged = _judge_here(task, file, progress)
        if judged.refusals:
            held = _hold_findings(task.stager, task.whose, judged.refusals)
            judged = replace(judged, folders=(), held=held)
        yield Reading(
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            refused=bool(judged.refusals),
            records=judged.records,
            whose=task.whose,
            tables=task.stager.tables,
            folders=judged.folders,
            held=judged.held,
        )


def task_of(
    handling: Handling, account: Account, whose: Whose, *, received_at: int, database: Database
) -> FileTask:
    """Return what it takes to judge a file of an account; `received_at` is its present."""
    return FileTask(
        whose=whose,
        format=handling.format,
        known=KNOWN,
        stager=handling.taking.stager(account, received_at, not database.is_embedded),
        rules=rules_of(account, received_at=received_at),
        is_sqlite=database.is_embedded,
    )


def held_findings(whose: Whose, findings: Sequence[Finding]) -> Reading:
    """Return the reading of a file that nobody reads: its findings alone."""
    stager = Stager[Any]()
    return Reading(
        sha256="",
        size_bytes=0,
        refused=True,
        records=0,
        whose=whose,
        tables=stager.tables,
        folders=(),
        held=_hold_findings(stager, whose, findings),
    )


def _hold_findings(stager: Stager[Any], whose: Whose, findings: Sequence[Finding]) -> HeldRows:
    held = HeldRows()
    add_findings(held, findings)
    stager.finish(held, whose=whose, records=0)
    return held


def _judge_here(task: FileTask, file: HashedFile, progress: Progress) -> Judged:
    """Judge a file of a few rows in this process, into memory."""
    held = HeldRows()
    records = 0
    refusals: list[Finding] = []
    blocks = iter(file)
    task.stager.begin_stretch(0)
    with closing(check_file(blocks, task.format, task.rules, known=task.known)) as batches:
        for batch in batches:
            if progress.must_stop():
                raise HandedBackError
            refusals = [finding for finding in batch.findings if finding.verdict is Verdict.FILE]
            if refusals:
                break
            task.stager.add(held, batch)
            records += batch.records
            progress.report(records, file.size_bytes)
    for _ in blocks:  # the hash is over the whole file, also when the verdict came early
        pass
    task.stager.finish(held, whose=task.whose, records=records)
    return Judged(refusals=refusals, records=records, folders=(), held=held)


def rules_of(account: Account, *, received_at: int) -> FileRules:
    """Return what the account's policy means for the reader; `received_at` is its present."""
    policy = account.policy
    return FileRules(
        timezone=account.timezone,
        decimals=decimals_of(account.currency),
        now=from_microseconds(received_at),
        encoding=policy.encoding,
        delimiter=policy.delimiter,
        last_row_without_newline=LastRow(policy.last_row_without_newline.value),
        reject_naive_time=policy.naive_time is NaiveTimePolicy.REJECT,
        ignore_columns=policy.ignore_columns,
    )
