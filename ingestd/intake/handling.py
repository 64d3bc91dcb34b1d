"""What each format does on its own way: how its bytes are checked, staged and posted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy, StudentPolicy
from ingestd.formats.checking import (
    check_catalog_file,
    check_charge_file,
    check_payment_file,
    check_refund_file,
)
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.names import FormatName
from ingestd.intake.apart import Check
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.taking.catalog import (
    CatalogStage,
    find_disappeared_students,
    judge_staged_catalog,
    post_staged_catalog,
)
from ingestd.ledger.taking.charge_stage import ChargeStage
from ingestd.ledger.taking.charges import judge_staged_charges, post_staged_charges
from ingestd.ledger.taking.payment_posting import post_staged_payments
from ingestd.ledger.taking.payment_rows import judge_staged_payments
from ingestd.ledger.taking.payment_stage import PaymentStage
from ingestd.ledger.taking.refunds import RefundStage, judge_staged_refunds, post_staged_refunds
from ingestd.ledger.taking.stage import Stage
from ingestd.ledger.taking.verdicts import Posted
from ingestd.values.clock import day_in, from_microseconds
from ingestd.values.days import Day


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """The three steps that depend on a file's format; the journey puts them together.

    `check` turns bytes into judged rows, `stage` makes the tables that hold them (the whole
    number is when the file was received, in microseconds since 1970), and `post` decides
    about them and writes the ledger, inside the caller's transaction and under the head's lock;
    None says that the file is refused after all, for the findings that the stage then holds.
    """

    check: Check
    stage: Callable[[Connection, Account, int], Stage[Any]]
    post: Callable[[Connection, Head, Batch, Account], Posted | None]


def handling_of(format_name: str | None) -> Handling:
    """Return how files of a recognised format are handled; no other file is ever read."""
    if format_name is None:
        raise AssertionError("only a file of a recognised format is read")
    return _HANDLINGS[FormatName(format_name)]


def _stage_charges(connection: Connection, account: Account, received_at: int) -> ChargeStage:
    return ChargeStage(connection, zone=account.timezone, received_at=received_at)


def _post_charges(connection: Connection, head: Head, batch: Batch, account: Account) -> Posted:
    judge_staged_charges(
        connection,
        head,
        register_students=account.policy.students is StudentPolicy.REGISTER,
        all_or_nothing=account.policy.file is FilePolicy.ALL_OR_NOTHING,
    )
    return post_staged_charges(connection, head, batch)


def _stage_refunds(connection: Connection, _account: Account, _received_at: int) -> RefundStage:
    return RefundStage(connection)


def _post_refunds(connection: Connection, head: Head, batch: Batch, account: Account) -> Posted:
    judge_staged_refunds(
        connection, head, all_or_nothing=account.policy.file is FilePolicy.ALL_OR_NOTHING
    )
    day = day_in(account.timezone, from_microseconds(batch.sealed_at))
    return post_staged_refunds(connection, head, batch, day=Day.of(day))


def catalog_handling(kind: CatalogKind) -> Handling:
    """Return how catalog files of a kind are handled."""

    def stage(connection: Connection, _account: Account, _received_at: int) -> CatalogStage:
        return CatalogStage(connection, kind)

    def post(connection: Connection, head: Head, _batch: Batch, account: Account) -> Posted:
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

    return Handling(check=partial(check_catalog_file, kind), stage=stage, post=post)


def payment_handling(format_name: FormatName) -> Handling:
    """Return how payment files of one format are handled."""

    def make_stage(connection: Connection, account: Account, _received_at: int) -> PaymentStage:
        return PaymentStage(connection, zone=account.timezone)

    def post(connection: Connection, head: Head, batch: Batch, account: Account) -> Posted | None:
        all_or_nothing = account.policy.file is FilePolicy.ALL_OR_NOTHING
        if not judge_staged_payments(connection, head, format_name, all_or_nothing=all_or_nothing):
            return None
        day = day_in(account.timezone, from_microseconds(batch.sealed_at))
        entry = Entry(
            connection=connection, head=head, batch=batch, account=account, day=Day.of(day)
        )
        return post_staged_payments(entry, format_name)

    return Handling(check=partial(check_payment_file, format_name), stage=make_stage, post=post)


_HANDLINGS: Mapping[FormatName, Handling] = MappingProxyType(
    {
        FormatName.STUDENT_BILLING: Handling(
            check=check_charge_file, stage=_stage_charges, post=_post_charges
        ),
        FormatName.STUDENT_REFUNDS: Handling(
            check=check_refund_file, stage=_stage_refunds, post=_post_refunds
        ),
        FormatName.FEE_PAYMENTS: payment_handling(FormatName.FEE_PAYMENTS),
        FormatName.SUNDRY_PAYMENTS: payment_handling(FormatName.SUNDRY_PAYMENTS),
        FormatName.ENROLMENT_PAYMENTS: payment_handling(FormatName.ENROLMENT_PAYMENTS),
        FormatName.PRODUCTS: catalog_handling(CatalogKind.PRODUCTS),
        FormatName.STUDENTS: catalog_handling(CatalogKind.STUDENTS),
        FormatName.PARENTS: catalog_handling(CatalogKind.PARENTS),
    }
)
