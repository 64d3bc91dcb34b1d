"""The formats, each introduced to what the ledger makes of it: a line for every one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ingestd.formats.kinds import (
    enrolment_payments,
    fee_payments,
    student_billing,
    student_refunds,
    sundry_payments,
)
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.layout.mistaken import KnownFormats
from ingestd.formats.names import CATALOG_NAMES, FormatName
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.ledger.taking import refunds
from ingestd.ledger.taking.catalog import catalog_taking
from ingestd.ledger.taking.charge_files import charges
from ingestd.ledger.taking.payment_files import enrolment_payments as enrolments_taken
from ingestd.ledger.taking.payment_files import fee_payments as fees_taken
from ingestd.ledger.taking.payment_files import sundry_payments as sundries_taken
from ingestd.ledger.taking.taking import Taking


class Handling(NamedTuple):
    """How files of one format are handled; the journey puts the steps together.

    By `format` their bytes become judged rows, by `taking` these are staged and posted.
    """

    format: JudgedFormat[Any]
    taking: Taking


def catalog_handling(kind: CatalogKind) -> Handling:
    """Return how catalog files of a kind are handled."""
    return Handling(CATALOG_FORMATS[kind], catalog_taking(kind))


HANDLINGS: Mapping[FormatName, Handling] = MappingProxyType(
    {
        FormatName.STUDENT_BILLING: Handling(student_billing.FORMAT, charges.TAKING),
        FormatName.STUDENT_REFUNDS: Handling(student_refunds.FORMAT, refunds.TAKING),
        FormatName.FEE_PAYMENTS: Handling(fee_payments.FORMAT, fees_taken.TAKING),
        FormatName.SUNDRY_PAYMENTS: Handling(sundry_payments.FORMAT, sundries_taken.TAKING),
        FormatName.ENROLMENT_PAYMENTS: Handling(enrolment_payments.FORMAT, enrolments_taken.TAKING),
        FormatName.PRODUCTS: catalog_handling(CatalogKind.PRODUCTS),
        FormatName.STUDENTS: catalog_handling(CatalogKind.STUDENTS),
        FormatName.PARENTS: catalog_handling(CatalogKind.PARENTS),
    }
)

KNOWN = KnownFormats(
    with_header=tuple(
        handling.format.file
        for name, handling in HANDLINGS.items()
        if handling.format.file.has_header and name not in CATALOG_NAMES
    ),
    payments=tuple(
        handling.format.file
        for handling in HANDLINGS.values()
        if not handling.format.file.has_header
    ),
)
"""The formats that a file may be of under another's name."""


def handling_of(format_name: str | None) -> Handling:
    """Return how files of a recognised format are handled; no other file is ever read."""
    if format_name is None:
        raise AssertionError("only a file of a recognised format is read")
    return HANDLINGS[FormatName(format_name)]
