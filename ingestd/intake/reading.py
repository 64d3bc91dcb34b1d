"""Reading a claimed file once: hashed, judged and staged as its bytes go by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ingestd.access.accounts import Account, NaiveTimePolicy
from ingestd.formats.findings.codes import Verdict
from ingestd.formats.rules import FileRules, LastRow
from ingestd.intake.apart import check_apart
from ingestd.intake.handling import Handling
from ingestd.ledger.taking.stage import Stage
from ingestd.spool.files import storage_errors
from ingestd.values.clock import from_microseconds
from ingestd.values.errors import StorageError
from ingestd.values.money import decimals_of

BLOCK_BYTES = 1 << 20
# From this size on a second process judges the file; below, it would not have started yet.
APART_BYTES_MIN = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a worker follows a long file: told of records and bytes read, asked whether to go on."""

    report: Callable[[int, int], None]
    must_stop: Callable[[], bool]


class HandedBackError(Exception):
    """Raised between two batches when the daemon stops: the file goes back to the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: the bytes' hash and number, and whether the file was refused whole."""

    sha256: str
    size_bytes: int
    refused: bool


class _HashedBlocks:
    """A file's blocks, hashed on their way to whoever iterates."""

    def __init__(self, path: Path, *, follow_links: bool) -> None:
        self._path = path
        self._flags = os.O_RDONLY if follow_links else os.O_RDONLY | os.O_NOFOLLOW
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        with (
            _refuse_missing(self._path),
            storage_errors(self._path),
            open(os.open(self._path, self._flags), "rb") as file,  # noqa: PTH123
        ):
            while block := file.read(BLOCK_BYTES):
                self._digest.update(block)
                self.size_bytes += len(block)
                yield block

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def read_into_stage(
    path: Path,
    stage: Stage[Any],
    handling: Handling,
    rules: FileRules,
    *,
    progress: Progress,
    follow_links: bool = False,
) -> Reading:
    """Read, judge and stage a whole file; after a refusal the stage holds its findings alone.

    Links are followed only where an operator named the file: what was claimed is a regular
    file, or nothing. Raises StorageError when the file cannot be read, HandedBackError when
    the daemon stops.
    """
    blocks = _HashedBlocks(path, follow_links=follow_links)
    stream = iter(blocks)
    refused = False
    check = handling.check
    if _size_bytes(path) >= APART_BYTES_MIN:
        check = partial(check_apart, check)
    with closing(check(stream, rules)) as batches:
        for batch in batches:
            if progress.must_stop():
                raise HandedBackError
            refusals = [finding for finding in batch.findings if finding.verdict is Verdict.FILE]
            if refusals:
                stage.empty()
                stage.add_findings(refusals)
                refused = True
                break
            stage.add(
                rows=batch.rows,
                rejected=batch.rejected,
                rejected_keys=batch.rejected_keys,
                rejected_names=batch.rejected_names,
                findings=batch.findings,
                records=batch.records,
            )
            progress.report(stage.records, blocks.size_bytes)
    for _ in stream:  # the hash is over the whole file, also when the verdict came early
        pass
    stage.finish()
    return Reading(sha256=blocks.sha256, size_bytes=blocks.size_bytes, refused=refused)


def _size_bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # opening it says what is wrong


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


class _refuse_missing:  # noqa: N801 - reads as the statement that it is
    """Turn "no such file" into the storage error that it is here: the file was claimed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise StorageError(
                f"{self._path.name} is gone from the claimed folder. Put it back, then run: "
                "ingestd uploads retry",
                detail=str(self._path),
            ) from error
