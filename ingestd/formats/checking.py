"""The front door: a file's bytes in, batches of good rows and findings out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict
from ingestd.formats.layout.mistaken import KnownFormats
from ingestd.formats.layout.table import TableReader
from ingestd.formats.reading.bytes_in import CHUNK_BYTES
from ingestd.formats.reading.lines import Piece
from ingestd.formats.reading.stretches import Stretch
from ingestd.formats.rows.judged_format import Checker, JudgedFormat
from ingestd.formats.rows.keys import KeyTeller, RowName, RowNamer
from ingestd.formats.rows.turned import join_rows
from ingestd.formats.rules import FileRules

T = TypeVar("T")

BATCH_RECORDS = 10_000
# After so many pieces of nothing but blank lines an empty batch is handed over: whoever takes
# the batches sees that the file goes on.
BLANK_PIECES_MAX = 100

TOLD_ONCE = frozenset({Code.LINE_ENDS_MIXED, Code.VALUE_TRIMMED, Code.IDENTIFIER_TRIMMED})
"""Findings of which a file has one for each column: of several stretches the first one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """Says that the blocks to be judged are a stretch of a file, whose `top` has its header.

    `top` are the file's blocks from its first on; no more is read of them than that takes.
    """

    stretch: Stretch
    top: Iterable[bytes]


@dataclass(slots=True)
class RowBatch(Generic[T]):
    """The next ten thousand or so records of a file, judged, in the order of the file.

    `rejected` holds (row, line) of each record that a ROW finding rejects; the others are
    in `rows`, so that `len(rows) + len(rejected) == records`. Blank lines are no records.
    `rejected_keys` are the keys of rejected rows, as far as they can be told, in files that
    were checked for them; `rejected_names` tell what people find each rejected row by.
    """

    rows: Sequence[T] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    rejected: list[tuple[int, int]] = field(default_factory=list)
    rejected_keys: list[str] = field(default_factory=list)
    rejected_names: list[RowName] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether the file is refused here, so that all that came before is void."""
        return any(finding.verdict is Verdict.FILE for finding in self.findings)


def check_file(
    blocks: Iterable[bytes],
    judged_format: JudgedFormat[T],
    rules: FileRules,
    *,
    known: KnownFormats,
    below: Below | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Generator[RowBatch[T], None, None]:
    """Judge a file in one pass over its bytes, in bounded memory.

    Yields one batch at least. A file that is refused ends with a batch that has findings
    with verdict FILE, and whatever came before it is void. How the bytes are cut into
    blocks changes nothing; `chunk_bytes` only how much is read at a time. `known` are the formats
    that it may be of under a wrong name. Where the blocks are a stretch of the file, `below` says
    which.
    """
    check = _FileCheck(judged_format, rules, known)
    try:
        for piece in check.begin(blocks, chunk_bytes, below):
            check.take(piece)
            if check.is_batch_full:
                yield check.finish_batch()
    except FileRefusedError as refusal:
        yield check.finish_batch(refusal.findings)
        return
    yield check.finish_batch()


class _FileCheck(Generic[T]):
    """One file's way from its header to its last row."""

    def __init__(
        self, judged_format: JudgedFormat[T], rules: FileRules, known: KnownFormats
    ) -> None:
        self._format = judged_format
        self._rules = rules
        self._table = TableReader(judged_format.file, rules, known)
        self._batch: RowBatch[T] = RowBatch()
        self._rows: list[Sequence[T]] = []
        self._checker: Checker[T] | None = None
        self._keys: KeyTeller | None = None
        self._blank_pieces = 0
        self._namer: RowNamer | None = None

    @property
    def is_batch_full(self) -> bool:
        """Whether the batch is to be handed over before more is read."""
        is_full = max(self._batch.records, len(self._batch.findings)) >= BATCH_RECORDS
        return is_full or self._blank_pieces >= BLANK_PIECES_MAX

    def begin(
        self, blocks: Iterable[bytes], chunk_bytes: int, below: Below | None
    ) -> Iterator[Piece]:
        """Read as far as the header, make ready for its rows, and return them."""
        if below is None:
            pieces = self._table.begin(blocks, chunk_bytes)
        else:
            pieces = self._table.begin_below(below.top, below.stretch, blocks, chunk_bytes)
        layout = self._table.layout
        self._checker = self._format.make_checker(layout, self._rules)
        self._namer = RowNamer(self._format.file, layout)
        if self._format.key is not None:
            self._keys = KeyTeller(self._format.key, layout)
        return pieces

    def take(self, piece: Piece) -> None:
        """Judge the records of a piece and add them to the batch."""
        if self._checker is None or self._namer is None:
            raise RuntimeError("a file is begun before its rows are taken")
        if not piece:
            self._blank_pieces += 1
            return
        batch = self._batch
        shaped = self._table.shape(piece)
        batch.findings += shaped.findings
        batch.rejected += shaped.rejected
        batch.rejected_names += self._namer.of_misshapen(shaped.rejected, shaped.rejected_fields)
        batch.records += len(shaped.rejected)
        if self._keys is not None:
            batch.rejected_keys += self._keys.of_misshapen(shaped.rejected_fields)
        for regular in shaped.regular:
            checked = self._checker.check(regular)
            self._rows.append(checked.rows)
            batch.findings += checked.findings
            batch.rejected += checked.rejected
            batch.rejected_names += self._namer.of_regular(regular, checked.rejected)
            batch.records += len(regular.rows)
            if self._keys is not None:
                batch.rejected_keys += self._keys.of_regular(regular, checked.rejected)

    def finish_batch(self, refusals: Iterable[Finding] = ()) -> RowBatch[T]:
        """Return what was taken since the last batch, in the order of the file."""
        batch, self._batch = self._batch, RowBatch()
        self._blank_pieces = 0
        batch.rows, self._rows = join_rows(self._rows), []
        batch.findings += self._table.take_findings()
        batch.findings.sort(key=lambda finding: finding.row or 0)
        batch.findings += refusals
        batch.rejected.sort()
        return batch
