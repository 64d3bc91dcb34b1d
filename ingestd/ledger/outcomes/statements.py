"""The statement of a file's receipt, made from its outcome: what the batch's leaf vouches for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from ingestd.ledger.outcomes.control_totals import BatchTotal, read_control_totals
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, RowCounts
from ingestd.ledger.outcomes.findings import StoredFinding, read_findings
from ingestd.ledger.proof.statement import (
    FINDINGS_MAX,
    StatedFinding,
    StatedRows,
    StatedTotal,
    Statement,
)
from ingestd.values.clock import format_second, from_microseconds
from ingestd.values.money import format_amount


def read_statement(connection: Connection, outcome: FileOutcome, *, decimals: int) -> Statement:
    """Return what the receipt of an outcome says. `decimals` are those of the currency."""
    findings: Sequence[StoredFinding] = ()
    if outcome.findings:
        findings = read_findings(connection, outcome.account, outcome.upload_id, limit=FINDINGS_MAX)
    totals = read_control_totals(connection, outcome)
    return state(outcome, findings, totals, decimals=decimals)


def state(
    outcome: FileOutcome,
    findings: Sequence[StoredFinding],
    totals: Sequence[BatchTotal] | None,
    *,
    decimals: int,
) -> Statement:
    """Return what a receipt with these findings and control totals says."""
    provenance, rows = outcome.provenance, outcome.rows
    return Statement(
        upload_id=outcome.upload_id,
        account=outcome.account,
        filename=provenance.filename,
        format=provenance.format,
        sha256=provenance.sha256,
        size_bytes=provenance.size_bytes,
        received_at=format_second(from_microseconds(provenance.received_at)),
        finished_at=format_second(from_microseconds(outcome.finished_at)),
        status=outcome.status.value,
        rows=None if rows is None else _stated_rows(rows),
        applied_amount=format_amount(outcome.applied_amount, decimals),
        totals=None
        if totals is None
        else [
            StatedTotal(total.merchant_id, total.batch_num, total.rows, total.amount)
            for total in totals
        ],
        findings=[
            StatedFinding(
                finding.row,
                finding.line,
                finding.column,
                finding.code,
                finding.value,
                finding.message,
            )
            for finding in findings
        ],
        findings_omitted=outcome.findings - len(findings),
    )


def _stated_rows(rows: RowCounts) -> StatedRows:
    return StatedRows(rows.total, rows.applied, rows.duplicate, rows.conflict, rows.rejected)
