"""Files of each format judged as the intake judges them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Protocol

from ingestd.formats.checking import Below, RowBatch, check_file
from ingestd.formats.fields import FileFormat
from ingestd.formats.kinds import student_billing, student_refunds
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.kinds.student_billing import ChargeRow
from ingestd.formats.kinds.student_refunds import RefundRow
from ingestd.formats.names import PAYMENT_NAMES, FormatName
from ingestd.formats.reading.bytes_in import CHUNK_BYTES
from ingestd.formats.rows.catalog import CatalogRow
from ingestd.formats.rows.payments import PaymentRow
from ingestd.formats.rules import FileRules
from ingestd.intake.handling import HANDLINGS, KNOWN

PAYMENT_FORMATS: Mapping[FormatName, FileFormat] = {
    name: HANDLINGS[name].format.file for name in FormatName if name in PAYMENT_NAMES
}


class Check(Protocol):
    """How files of some format are judged."""

    def __call__(
        self, blocks: Iterable[bytes], rules: FileRules, *, below: Below | None = None
    ) -> Generator[RowBatch[Any], None, None]: ...


def check_charge_file(
    blocks: Iterable[bytes],
    rules: FileRules,
    *,
    below: Below | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Generator[RowBatch[ChargeRow], None, None]:
    return check_file(
        blocks, student_billing.FORMAT, rules, known=KNOWN, below=below, chunk_bytes=chunk_bytes
    )


def check_refund_file(
    blocks: Iterable[bytes], rules: FileRules, *, below: Below | None = None
) -> Generator[RowBatch[RefundRow], None, None]:
    return check_file(blocks, student_refunds.FORMAT, rules, known=KNOWN, below=below)


def check_payment_file(
    name: FormatName, blocks: Iterable[bytes], rules: FileRules, *, below: Below | None = None
) -> Generator[RowBatch[PaymentRow], None, None]:
    return check_file(blocks, HANDLINGS[name].format, rules, known=KNOWN, below=below)


def check_catalog_file(
    kind: CatalogKind, blocks: Iterable[bytes], rules: FileRules
) -> Generator[RowBatch[CatalogRow], None, None]:
    return check_file(blocks, CATALOG_FORMATS[kind], rules, known=KNOWN)
