"""Judging a large file in a process of its own, while this one stages what it found.

Run as a module, this is that process: blocks of the file come in, judged batches go out.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, cast

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Finding
from ingestd.formats.rows.contents import HASH_BYTES
from ingestd.formats.rows.keys import RowName
from ingestd.formats.rows.turned import TurnedRows, columns_of
from ingestd.formats.rules import FileRules
from ingestd.values.errors import StorageError

Check = Callable[[Iterable[bytes], FileRules], Generator[RowBatch[Any], None, None]]
"""How a file of some format is judged; it travels to the other process by its name."""

# A batch on its way: the type of its rows, their columns, findings, number of records, rejected
# rows, their keys and their names. A column of texts travels as one text, divided by NULs, and
# empty where there is none: no accepted text is empty or holds a NUL. Hashes travel as one row of
# bytes. One object takes a fraction of the time that ten thousand do.
_Packed = list[str | bytes | Sequence[Any]]
_Message = tuple[Any, _Packed, list[Finding], int, list[tuple[int, int]], list[str], list[RowName]]


def check_apart(
    check: Check, blocks: Iterable[bytes], rules: FileRules
) -> Generator[RowBatch[Any], None, None]:
    """Judge a file as `check` does, on another core.

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
    feeder = _Feeder(process, blocks_out, (check, rules), blocks)
    feeder.start()
    try:
        while (message := batches_in.recv()) is not None:
            yield _unpacked(message)
    except (EOFError, OSError) as error:  # it ended between two messages, or inside one
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
    """Gives the other process its task and the file's blocks, as fast as it takes them."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        target: Connection,
        task: tuple[Check, FileRules],
        blocks: Iterable[bytes],
    ) -> None:
        super().__init__(name="ingestd-feeder", daemon=True)
        self.error: Exception | None = None
        self._process = process
        self._target = target
        self._task = task
        self._blocks = blocks

    def run(self) -> None:
        """Feed until there is no more, or nobody takes it."""
        with self._target:
            try:
                self._target.send(self._task)
                for block in self._blocks:
                    self._target.send_bytes(block)
                self._target.send_bytes(b"")
            except BrokenPipeError:
                return  # whoever waits for batches finds out why
            except Exception as error:  # noqa: BLE001 - raised again by whoever waits for batches
                self.error = error
                self._process.kill()


def _packed(batch: RowBatch[Any]) -> _Message:
    row_type = type(batch.rows[0]) if batch.rows else None
    columns: _Packed = []
    for values in columns_of(batch.rows):
        match next(filter(None, values), None):
            case str():
                columns.append("\0".join([text or "" for text in values]))
            case bytes():
                columns.append(b"".join(values))
            case _:
                columns.append(values)
    return (
        *(row_type, columns, batch.findings, batch.records),
        *(batch.rejected, batch.rejected_keys, batch.rejected_names),
    )


def _unpacked(message: _Message) -> RowBatch[Any]:
    row_type, packed, findings, records, rejected, rejected_keys, rejected_names = message
    columns = [_unpacked_column(column) for column in packed]
    return RowBatch(
        rows=TurnedRows(row_type, columns) if columns else [],
        findings=findings,
        records=records,
        rejected=rejected,
        rejected_keys=rejected_keys,
        rejected_names=rejected_names,
    )


def _unpacked_column(packed: str | bytes | Sequence[Any]) -> Sequence[Any]:
    if isinstance(packed, str):
        return [text or None for text in packed.split("\0")]
    if isinstance(packed, bytes):
        return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
    return packed


def _received(source: Connection) -> Iterator[bytes]:
    while block := source.recv_bytes():
        yield block


def _serve(source: Connection, target: Connection) -> None:
    check, rules = cast("tuple[Check, FileRules]", source.recv())
    for batch in check(_received(source), rules):
        target.send(_packed(batch))
    target.send(None)


def _tell_of_fault(_kind: object, error: BaseException, _trace: object) -> None:
    """Stand in for `sys.excepthook`: the words of an error may quote a row."""
    # Loaded only now: nearly no process needs it, and each is waited for.
    from ingestd.telemetry.faults import tell_of_fault  # noqa: PLC0415
    from ingestd.telemetry.logs import configure_logs  # noqa: PLC0415

    configure_logs(log_format="console" if sys.stderr.isatty() else "json", level="error")
    tell_of_fault("reading", error)


if __name__ == "__main__":
    sys.excepthook = _tell_of_fault
    _source, _target = sys.argv[1:]
    try:
        _serve(
            Connection(int(_source), writable=False),
            Connection(int(_target), readable=False),
        )
    except (BrokenPipeError, EOFError):
        sys.exit(1)  # the other process is gone, and nobody waits for an answer
