"""Judging a large file in processes of their own, one for each stretch of it.

Such a process reads its stretch, and leaves rows in a folder, as the transaction that comes later
takes them; see `stretch.py`. Nothing but counts and findings comes back from it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ingestd.database.scratch import HeldRows
from ingestd.formats.findings.codes import Finding
from ingestd.formats.layout.mistaken import KnownFormats
from ingestd.formats.reading.stretches import Stretch, Survey
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rules import FileRules
from ingestd.intake.reading.blocks import HashedFile
from ingestd.intake.reading.progress import HandedBackError, Progress
from ingestd.ledger.taking.stage import Stager, Whose, add_findings
from ingestd.spool.files import storage_errors
from ingestd.values.errors import NoSpaceError, StorageError

_ANSWER_SECONDS = 1.0  # so often at least it is asked whether to stop
_RUN = "from ingestd.intake.reading.stretch import run; run()"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTask:
    """What has to be known of a file to judge it, and in which kind of database its rows go."""

    whose: Whose
    format: JudgedFormat[Any]
    known: KnownFormats
    stager: Stager[Any]
    rules: FileRules
    is_sqlite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of a file: why it is refused, or its records, in folders and in memory."""

    refusals: Sequence[Finding]
    records: int
    folders: tuple[Path, ...]
    held: HeldRows


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchTask:
    """One stretch of a file, and where its rows go."""

    of_file: FileTask
    number: int
    stretch: Stretch
    hashes: Sequence[bytes]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How far a stretch is: records and bytes so far; at its end, what else there is to say.

    `failed` says why there is no end: `cut` where the file cannot be cut there, `changed` where
    its bytes are not those that were hashed, `full` where there was no room for its rows.
    """

    records: int = 0
    bytes: int = 0
    is_done: bool = False
    refusals: Sequence[Finding] = ()
    told_once: Sequence[Finding] = ()
    failed: str = ""


@dataclass(slots=True, kw_only=True)
class _Worker:
    """A process that judges a stretch, and the last that was heard of it."""

    process: subprocess.Popen[bytes]
    answers: Connection
    last: Answer = field(default_factory=Answer)

    @property
    def has_ended(self) -> bool:
        return self.last.is_done or bool(self.last.refusals or self.last.failed)


def judge_apart(file_task: FileTask, file: HashedFile, folder: Path, progress: Progress) -> Judged:
    """Judge a file on other cores; its rows are left in folders below `folder`.

    Raises StorageError when its bytes cannot be read or a process ended before its work,
    NoSpaceError, and HandedBackError. No process is left then, nor afterwards.
    """
    survey = Survey(file.length(), file_task.rules.encoding)
    for block in file.survey():
        if progress.must_stop():
            raise HandedBackError
        survey.take(block)
    stretches = survey.stretches()
    judged = _judge_stretches(file_task, file, stretches, folder / "cut", progress)
    if judged is None:
        whole = Stretch(first_byte=0, end_byte=file.size_bytes)
        judged = _judge_stretches(file_task, file, (whole,), folder / "whole", progress)
    if judged is None:
        raise AssertionError("a whole file can be judged as it is")
    return judged


def _judge_stretches(
    file_task: FileTask,
    file: HashedFile,
    stretches: Sequence[Stretch],
    folder: Path,
    progress: Progress,
) -> Judged | None:
    """Judge all stretches at once; None where the file cannot be cut like this."""
    folders = tuple(folder / str(number) for number in range(len(stretches)))
    workers: list[_Worker] = []
    try:
        for number, (stretch, of_stretch) in enumerate(zip(stretches, folders, strict=True)):
            with storage_errors(of_stretch):
                of_stretch.mkdir(parents=True, mode=0o700)
            task = StretchTask(
                of_file=file_task,
                number=number,
                stretch=stretch,
                hashes=file.block_hashes,
                folder=of_stretch,
            )
            workers.append(_start(task, file.descriptor))
        for worker in _heard(workers, progress):
            if worker.last.failed == "cut":
                return None
            _refuse_failure(worker, file)
        refusals = next((worker.last.refusals for worker in workers if worker.last.refusals), ())
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.wait()
            worker.answers.close()
    held = HeldRows()
    add_findings(held, _first_told(worker.last.told_once for worker in workers))
    records = sum(worker.last.records for worker in workers)
    return Judged(refusals=refusals, records=records, folders=folders, held=held)


def _heard(workers: Sequence[_Worker], progress: Progress) -> Iterator[_Worker]:
    """Yield whoever has said something, until all is said that counts.

    What stands below a refusal was never read, and is not waited for.
    """
    while open_workers := _counting(workers):
        for answers in wait([worker.answers for worker in open_workers], _ANSWER_SECONDS):
            worker = next(worker for worker in workers if worker.answers is answers)
            try:
                worker.last = worker.answers.recv()
            except (EOFError, OSError) as error:  # it ended between two messages, or inside one
                raise StorageError(
                    "The process that read this file ended early. See that the machine has memory "
                    "left; the file is tried again.",
                    detail=f"exit code {worker.process.wait()}",
                ) from error
            yield worker
        if progress.must_stop():
            raise HandedBackError
        progress.report(
            sum(worker.last.records for worker in workers),
            sum(worker.last.bytes for worker in workers),
        )


def _counting(workers: Sequence[_Worker]) -> list[_Worker]:
    waited_for = []
    for worker in workers:
        if worker.last.refusals:
            break
        if not worker.has_ended:
            waited_for.append(worker)
    return waited_for


def _refuse_failure(worker: _Worker, file: HashedFile) -> None:
    match worker.last.failed:
        case "":
            return
        case "full":
            raise NoSpaceError("No space left for the rows of a file. Free space on its disk.")
        case "changed":
            raise StorageError(
                f"{file.path.name} changed while it was read. Check the disk; then run: "
                "ingestd uploads retry"
            )
        case reason:
            raise StorageError(f"Cannot read {file.path.name}: {reason}.")


def _first_told(told: Iterable[Sequence[Finding]]) -> list[Finding]:
    first: dict[tuple[object, ...], Finding] = {}
    for findings in told:
        for finding in findings:
            first.setdefault((finding.code, finding.column), finding)
    return list(first.values())


def _start(task: StretchTask, descriptor: int) -> _Worker:
    their_task, task_out = Pipe(duplex=False)
    answers_in, their_answers = Pipe(duplex=False)
    descriptors = (their_task.fileno(), their_answers.fileno(), descriptor)
    # A fresh interpreter, not a fork: this process has threads. And a session of its own: a
    # Ctrl-C is for the daemon, which then hands the file back.
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _RUN, *map(str, descriptors)],
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,
    )
    their_task.close()
    their_answers.close()
    with task_out, suppress(BrokenPipeError):  # whoever waits for its answers finds out why
        task_out.send(task)
    return _Worker(process=process, answers=answers_in)
