"""Judging a large charge file in a process of its own, while this one stages what it found.

Run as a module, this is that process: blocks of the file come in, judged batches go out.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, cast

from ingestd.formats.charges import ChargeRow, TurnedRows
from ingestd.formats.checking import RowBatch, check_charge_file
from ingestd.formats.findings import Finding
from ingestd.formats.rows import FileRules
from ingestd.values.errors import StorageError

# These columns travel as one text each, divided by a NUL: no accepted text holds one, and a text
# takes a fraction of the time that ten thousand objects do.
_JOINED = frozenset(
    {"account_type", "tracking_id", "student_id", "billing_code", "note", "content_hash"}
)


# A batch on its way: its rows turned into columns, findings, number of records, rejected rows.
_Message = tuple[list[str | Sequence[Any]], list[Finding], int, list[tuple[int, int]]]


def check_apart(
    blocks: Iterable[bytes], rules: FileRules
) -> Generator[RowBatch[ChargeRow], None, None]:
    """Judge a charge file as `check_charge_file` does, on another core.

    Once the generator is closed the process is gone, and nobody reads `blocks` any more. Raises
    what `blocks` raises, and StorageError when the process ended before its work.
    """
    their_blocks, blocks_out = Pipe(duplex=False)
    batches_in, their_batches = Pipe(duplex=False)
    descriptors = (their_blocks.fileno(), their_batches.fileno())
    # A fresh interpreter, not a fork: this process has threads. And a session of its own: a
    # Ctrl-C is for the daemon, which then hands the file back.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ingestd.intake.apart", *map(str, descriptors)],
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,
    )
    their_blocks.close()
    their_batches.close()
    feeder = _Feeder(process, blocks_out, rules, blocks)
    feeder.start()
    try:
        while (message := batches_in.recv()) is not None:
            yield _unpacked(message)
    except EOFError as error:
        feeder.join()
        raise feeder.error or StorageError(
            "The process that read this file ended early. See that the machine has memory left; "
            "the file is tried again.",
            detail=f"exit code {process.wait()}",
        ) from error
    finally:
        process.kill()
        feeder.join()
        process.wait()
        batches_in.close()


class _Feeder(threading.Thread):
    """Gives the other process the rules and the file's blocks, as fast as it takes them."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        target: Connection,
        rules: FileRules,
        blocks: Iterable[bytes],
    ) -> None:
        super().__init__(name="ingestd-feeder", daemon=True)
        self.error: Exception | None = None
        self._process = process
        self._target = target
        self._rules = rules
        self._blocks = blocks

    def run(self) -> None:
        """Feed until there is no more, or nobody takes it."""
        with self._target:
            try:
                self._target.send(self._rules)
                for block in self._blocks:
                    self._target.send_bytes(block)
                self._target.send_bytes(b"")
            except BrokenPipeError:
                return  # whoever waits for batches finds out why
            except Exception as error:  # noqa: BLE001 - raised again by whoever waits for batches
                self.error = error
                self._process.kill()


def _packed(batch: RowBatch[ChargeRow]) -> _Message:
    columns: list[str | Sequence[Any]] = []
    for name, values in zip(ChargeRow._fields, zip(*batch.rows, strict=True), strict=False):
        texts = [text or "" for text in values] if name == "note" else values
        columns.append("\0".join(texts) if name in _JOINED else values)
    return columns, batch.findings, batch.records, batch.rejected


def _unpacked(message: _Message) -> RowBatch[ChargeRow]:
    packed, findings, records, rejected = message
    columns: list[Sequence[Any]] = []
    for name, column in zip(ChargeRow._fields, packed, strict=False):
        values = column.split("\0") if isinstance(column, str) else column
        columns.append([text or None for text in values] if name == "note" else values)
    return RowBatch(rows=TurnedRows(columns), findings=findings, records=records, rejected=rejected)


def _received(source: Connection) -> Iterator[bytes]:
    while block := source.recv_bytes():
        yield block


def _serve(source: Connection, target: Connection) -> None:
    rules = cast("FileRules", source.recv())
    for batch in check_charge_file(_received(source), rules):
        target.send(_packed(batch))
    target.send(None)


if __name__ == "__main__":
    _source, _target = sys.argv[1:]
    try:
        _serve(
            Connection(int(_source), writable=False),
            Connection(int(_target), readable=False),
        )
    except (BrokenPipeError, EOFError):
        sys.exit(1)  # the other process is gone, and nobody waits for an answer
