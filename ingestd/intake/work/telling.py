"""Telling: the one line of a finished file, and what is counted of it."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.access.keeper import AccessKeeper
from ingestd.intake.answering.receipt import counts_of
from ingestd.intake.pipeline import Decided, Works
from ingestd.ledger.evidence.publishing import publish
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, FileStatus, read_file_outcome
from ingestd.ledger.outcomes.findings import read_codes
from ingestd.spool.queue import QueuedUpload
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import IngestdError
from ingestd.values.identifiers import AccountId
from ingestd.values.money import decimals_of, format_amount

_CODES_TOLD_MAX = 10

log = get_logger("ingestd.intake")


@dataclass(slots=True, kw_only=True)
class Telling:
    """Says once of each file what became of it, in the log and in the metrics."""

    works: Works
    keeper: AccessKeeper
    metrics: Metrics

    def count(self, outcome: FileOutcome, seconds: float) -> None:
        """Count a file that has its outcome."""
        self.metrics.files.labels(outcome.account, outcome.status.value).inc()
        self.metrics.file_seconds.observe(seconds)
        if outcome.rows is not None:
            for verdict, count in counts_of(outcome.rows).items():
                if verdict != "total":
                    self.metrics.rows.labels(outcome.account, verdict).inc(count)

    def tell(
        self,
        upload: QueuedUpload,
        decided: Decided,
        delivered: FileOutcome | None,
        *,
        seconds: float,
    ) -> None:
        """Write a file's one line, and tell of its batch.

        Of what nobody read, the door has told, or the look that set it aside.
        """
        if upload.verdict is None:
            self._tell_file(delivered or self._stored(decided.outcome), seconds)
        publish(decided.seal, self.works.signing)

    def decimals(self, account_id: AccountId) -> int:
        """Return how many decimals an account's amounts have, also of one that is gone."""
        account = self.keeper.current.accounts.get(account_id)
        return 2 if account is None else decimals_of(account.currency)

    def _tell_file(self, outcome: FileOutcome, seconds: float) -> None:
        account, rows = outcome.account, outcome.rows
        context = {"account": account, "upload_id": outcome.upload_id}
        write = log.warning if _took_nothing(outcome) else log.info
        write(
            Event.FILE_REJECTED if outcome.status is FileStatus.REJECTED else Event.FILE_PROCESSED,
            **context,
            filename=outcome.provenance.filename,
            format=outcome.provenance.format,
            status=outcome.status.value,
            size_bytes=outcome.provenance.size_bytes,
            sha256=outcome.provenance.sha256,
            rows=None if rows is None else counts_of(rows),
            applied_amount=format_amount(outcome.applied_amount, self.decimals(account)),
            findings=outcome.findings,
            codes=self._codes(outcome),
            same_bytes_as=outcome.same_bytes_as,
            duration_ms=round(seconds * 1000),
        )
        if rows is not None and rows.conflict:
            log.warning(Event.ROW_CONFLICTS_FOUND, **context, conflict=rows.conflict)

    def _codes(self, outcome: FileOutcome) -> list[str]:
        """Return the codes that say why a file, or rows of it, were not taken."""
        if not outcome.findings:
            return []
        try:
            with self.works.database.reading() as connection:
                return read_codes(
                    connection, outcome.account, outcome.upload_id, limit=_CODES_TOLD_MAX
                )
        except IngestdError:
            return []  # the file is done: its line is written all the same

    def _stored(self, outcome: FileOutcome) -> FileOutcome:
        """Return an outcome as it is read back, which knows who had sent the same bytes before."""
        try:
            with self.works.database.reading() as connection:
                stored = read_file_outcome(connection, outcome.account, outcome.upload_id)
        except IngestdError:
            return outcome  # the file is done: its line is written all the same
        return stored or outcome


def _took_nothing(outcome: FileOutcome) -> bool:
    """Tell whether a file was refused, or each of its rows was: somebody should know."""
    rows = outcome.rows
    if outcome.status is FileStatus.REJECTED or rows is None:
        return True
    return 0 < rows.total == rows.rejected + rows.conflict
