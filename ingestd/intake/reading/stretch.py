"""One stretch of a large file, judged in this process: its rows go to files of their own."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection

from ingestd.database.scratch import open_scratch
from ingestd.formats.checking import TOLD_ONCE, Below, check_file
from ingestd.formats.findings.codes import Finding, Verdict
from ingestd.formats.layout.table import StretchTooHighError
from ingestd.intake.reading.apart import Answer, StretchTask
from ingestd.intake.reading.blocks import ChangedError, read_again
from ingestd.values.errors import FULL_ERRNOS


def _judge(task: StretchTask, descriptor: int, answers: Connection) -> Answer:
    """Judge a stretch; return the last answer."""
    of_file, stretch = task.of_file, task.stretch
    blocks = read_again(descriptor, task.hashes, stretch.first_byte, stretch.end_byte)
    below = None
    if stretch.first_byte:
        below = Below(
            stretch=stretch, top=read_again(descriptor, task.hashes, 0, stretch.first_byte)
        )
    scratch = open_scratch(task.folder, of_file.stager.tables, is_sqlite=of_file.is_sqlite)
    stager = of_file.stager
    stager.begin_stretch(task.number)
    records = 0
    told_once: list[Finding] = []
    counted = _Counted(blocks)
    batches_of_file = check_file(
        counted, of_file.format, of_file.rules, known=of_file.known, below=below
    )
    with closing(batches_of_file) as batches:
        for batch in batches:
            refusals = [found for found in batch.findings if found.verdict is Verdict.FILE]
            if refusals:
                return Answer(refusals=refusals)
            told_once += [found for found in batch.findings if found.code in TOLD_ONCE]
            batch.findings = [found for found in batch.findings if found.code not in TOLD_ONCE]
            stager.add(scratch, batch)
            records += batch.records
            answers.send(Answer(records=records, bytes=counted.bytes))
    stager.finish(scratch, whose=of_file.whose, records=records)
    scratch.close()
    return Answer(records=records, bytes=counted.bytes, is_done=True, told_once=told_once)


class _Counted:
    """Blocks, counted as they go by."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.bytes += len(block)
            yield block


def _serve(source: Connection, answers: Connection, descriptor: int) -> None:
    task: StretchTask = source.recv()
    try:
        answer = _judge(task, descriptor, answers)
    except StretchTooHighError:
        answer = Answer(failed="cut")
    except ChangedError:
        answer = Answer(failed="changed")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        answer = Answer(failed="full")
    except BrokenPipeError:
        raise
    except OSError as error:
        is_full = error.errno in FULL_ERRNOS
        answer = Answer(failed="full" if is_full else os.strerror(error.errno or 0))
    answers.send(answer)


def _tell_of_fault(_kind: object, error: BaseException, _trace: object) -> None:
    """Stand in for `sys.excepthook`: the words of an error may quote a row."""
    # Loaded only now: nearly no process needs it, and each is waited for.
    from ingestd.telemetry.faults import tell_of_fault  # noqa: PLC0415
    from ingestd.telemetry.logs import configure_logs  # noqa: PLC0415

    configure_logs(log_format="console" if sys.stderr.isatty() else "json", level="error")
    tell_of_fault("reading", error)


def run() -> None:
    """Be such a process: the task comes by the first descriptor of the command line."""
    sys.excepthook = _tell_of_fault
    os.umask(0o077)
    source, answers, descriptor = map(int, sys.argv[1:])
    try:
        _serve(Connection(source, writable=False), Connection(answers, readable=False), descriptor)
    except (BrokenPipeError, EOFError):
        sys.exit(1)  # the other process is gone, and nobody waits for an answer
