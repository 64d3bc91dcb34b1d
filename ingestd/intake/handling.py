"""What each format does on its own way: how its bytes are checked, staged and posted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy, StudentPolicy
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
from ingestd.formats.rows.payments import PaymentRow
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.taking.catalog import (
    CatalogStager,
    find_disappeared_students,
    judge_staged_catalog,
    post_staged_catalog,
)
from ingestd.ledger.taking.charge_stage import ChargeStager
from ingestd.ledger.taking.charges import judge_staged_charges, post_staged_charges
from ingestd.ledger.taking.payment_posting import post_staged_payments
from ingestd.ledger.taking.payment_rows import judge_staged_payments
from ingestd.ledger.taking.payment_stage import PaymentStager
from ingestd.ledger.taking.refunds import RefundStager, judge_staged_refunds, post_staged_refunds
from ingestd.ledger.taking.stage import Stager
from ingestd.ledger.taking.verdicts import Posted
from ingestd.values.clock import day_in, from_microseconds
from ingestd.values.days import Day


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """The three steps that depend on a file's format; the journey puts them together.

    By `format` bytes become judged rows. `stager` makes what turns these into staged ones; the
    number is when the file was received, in microseconds since 1970, and the flag says that the
    database takes many rows by COPY. `post` decides about them and writes the ledger, inside the
    caller's transaction and under the head's lock, with what the stretches of a large file left
    in folders; None says that the file is refused after all, for the findings that are staged.
    """

    format: JudgedFormat[Any]
    stager: Callable[[Account, int, bool], Stager[Any]]
    post: Callable[[Connection, Head, Batch, Account, Sequence[Path]], Posted | None]


def handling_of(format_name: str | None) -> Handling:
    """Return how files of a recognised format are handled; no other file is ever read."""
    if format_name is None:
        raise AssertionError("only a file of a recognised format is read")
    return HANDLINGS[FormatName(format_name)]


def _charge_stager(account: Account, received_at: int, is_copied: bool) -> ChargeStager:
    return ChargeStager(zone=account.timezone, received_at=received_at, is_copied=is_copied)


def _post_charges(
    connection: Connection, head: Head, batch: Batch, account: Account, folders: Sequence[Path]
) -> Posted:
    judge_staged_charges(
        connection,
        head,
        register_students=account.policy.students is StudentPolicy.REGISTER,
        all_or_nothing=account.policy.file is FilePolicy.ALL_OR_NOTHING,
    )
    return post_staged_charges(connection, head, batch, folders)


def _refund_stager(*_: object) -> RefundStager:
    return RefundStager()


def _post_refunds(
    connection: Connection, head: Head, batch: Batch, account: Account, _folders: Sequence[Path]
) -> Posted:
    judge_staged_refunds(
        connection, head, all_or_nothing=account.policy.file is FilePolicy.ALL_OR_NOTHING
    )
    day = day_in(account.timezone, from_microseconds(batch.sealed_at))
    return post_staged_refunds(connection, head, batch, day=Day.of(day))


def catalog_handling(kind: CatalogKind) -> Handling:
    """Return how catalog files of a kind are handled."""

    def stager(*_: object) -> CatalogStager:
        return CatalogStager(kind)

    def post(
        connection: Connection,
        head: Head,
        _batch: Batch,
        account: Account,
        _folders: Sequence[Path],
    ) -> Posted:
        judge_staged_catalog(
            connection,
            head,
            kind,
            all_or_nothing=account.policy.file is FilePolicy.ALL_OR_NOTHING,
        )
        posted = post_staged_catalog(connection, head, kind)
        # A file of which nothing applies is no roster: it says nothing of who left.
        if kind is CatalogKind.STUDENTS and posted.applied:
            find_disappeared_students(connection, head)
        return posted

    return Handling(format=CATALOG_FORMATS[kind], stager=stager, post=post)


def _payment_handling(payment_format: JudgedFormat[PaymentRow]) -> Handling:
    """Return how payment files of one format are handled."""
    format_name = FormatName(payment_format.file.name)

    def stager(account: Account, *_: object) -> PaymentStager:
        return PaymentStager(zone=account.timezone)

    def post(
        connection: Connection,
        head: Head,
        batch: Batch,
        account: Account,
        _folders: Sequence[Path],
    ) -> Posted | None:
        all_or_nothing = account.policy.file is FilePolicy.ALL_OR_NOTHING
        if not judge_staged_payments(connection, head, format_name, all_or_nothing=all_or_nothing):
            return None
        day = day_in(account.timezone, from_microseconds(batch.sealed_at))
        entry = Entry(
            connection=connection, head=head, batch=batch, account=account, day=Day.of(day)
        )
        return post_staged_payments(entry, format_name)

    return Handling(format=payment_format, stager=stager, post=post)


HANDLINGS: Mapping[FormatName, Handling] = MappingProxyType(
    {
        FormatName.STUDENT_BILLING: Handling(
            format=student_billing.FORMAT, stager=_charge_stager, post=_post_charges
        ),
        FormatName.STUDENT_REFUNDS: Handling(
            format=student_refunds.FORMAT, stager=_refund_stager, post=_post_refunds
        ),
        FormatName.FEE_PAYMENTS: _payment_handling(fee_payments.FORMAT),
        FormatName.SUNDRY_PAYMENTS: _payment_handling(sundry_payments.FORMAT),
        FormatName.ENROLMENT_PAYMENTS: _payment_handling(enrolment_payments.FORMAT),
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
