"""The front door: a charge file's bytes in, batches of good rows and findings out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from ingestd.formats.bytes_in import CHUNK_BYTES
from ingestd.formats.charges import ChargeChecker, ChargeRow
from ingestd.formats.findings import FileRefusedError, Finding, Verdict
from ingestd.formats.lines import Piece
from ingestd.formats.student_billing import STUDENT_BILLING
from ingestd.formats.table import TableReader

BATCH_RECORDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRules:
    """Everything that a verdict on a charge file depends on, besides its bytes.

    `decimals` is how many decimals the account's currency has, `now` an instant with a
    time zone. `encoding` is a text encoding that Python knows, `delimiter` one character.
    """

    timezone: ZoneInfo
    decimals: int
    now: datetime
    encoding: str = "utf-8"
    delimiter: str = ","
    reject_unterminated_last_row: bool = True
    reject_naive_time: bool = False


@dataclass(slots=True)
class ChargeBatch:
    """The next ten thousand or so records of a file, judged, in the order of the file.

    `rejected` holds (row, line) of each record that a ROW finding rejects; the others are
    in `rows`, so that `len(rows) + len(rejected) == records`. Blank rows are no records.
    """

    rows: list[ChargeRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    rejected: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether the file is refused here, so that all that came before is void."""
        return any(finding.verdict is Verdict.FILE for finding in self.findings)


def check_charge_file(
    blocks: Iterable[bytes], rules: ChargeRules, *, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[ChargeBatch]:
    """Judge a charge file in one pass over its bytes, in bounded memory.

    Yields one batch at least. A file that is refused ends with a batch that has findings
    with verdict FILE, and whatever came before it is void. How the bytes are cut into
    blocks changes nothing; `chunk_bytes` only how much is read at a time.
    """
    check = _FileCheck(rules)
    try:
        for piece in check.begin(blocks, chunk_bytes):
            check.take(piece)
            if check.is_batch_full:
                yield check.finish_batch()
    except FileRefusedError as refusal:
        yield check.finish_batch(refusal.findings)
        return
    yield check.finish_batch()


class _FileCheck:
    """One file's way from its header to its last row."""

    def __init__(self, rules: ChargeRules) -> None:
        self._rules = rules
        self._table = TableReader(
            STUDENT_BILLING,
            encoding=rules.encoding,
            delimiter=rules.delimiter,
            reject_unterminated=rules.reject_unterminated_last_row,
        )
        self._batch = ChargeBatch()
        self._checker: ChargeChecker | None = None

    @property
    def is_batch_full(self) -> bool:
        """Whether the batch is to be handed over before more is read."""
        return max(self._batch.records, len(self._batch.findings)) >= BATCH_RECORDS

    def begin(self, blocks: Iterable[bytes], chunk_bytes: int) -> Iterator[Piece]:
        """Read as far as the header, make ready for its rows, and return them."""
        pieces = self._table.begin(blocks, chunk_bytes)
        self._checker = ChargeChecker(
            self._table.layout,
            timezone=self._rules.timezone,
            decimals=self._rules.decimals,
            now=self._rules.now,
            reject_naive_time=self._rules.reject_naive_time,
        )
        return pieces

    def take(self, piece: Piece) -> None:
        """Judge the records of a piece and add them to the batch."""
        if self._checker is None:
            raise RuntimeError("a file is begun before its rows are taken")
        batch = self._batch
        shaped = self._table.shape(piece)
        batch.findings += shaped.findings
        batch.rejected += shaped.rejected
        batch.records += len(shaped.rejected)
        for regular in shaped.regular:
            checked = self._checker.check(regular)
            batch.rows += checked.rows
            batch.findings += checked.findings
            batch.rejected += checked.rejected
            batch.records += len(regular.rows)

    def finish_batch(self, refusals: Iterable[Finding] = ()) -> ChargeBatch:
        """Return what was taken since the last batch, in the order of the file."""
        batch, self._batch = self._batch, ChargeBatch()
        batch.findings += self._table.take_findings()
        batch.findings.sort(key=lambda finding: finding.row or 0)
        batch.findings += refusals
        batch.rejected.sort()
        return batch
