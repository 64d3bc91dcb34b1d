"""The whole book as text for another program: opened, posted day by day, and closed.

What is written in which order stands here; how it is written, in one module per program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from types import MappingProxyType
from typing import Final, assert_never

from sqlalchemy.engine import Connection

from ingestd.ledger.books.head import read_head_hash
from ingestd.reports.exports.account_names import ACCOUNT_NAMES
from ingestd.reports.exports.beancount import BeancountWriter
from ingestd.reports.exports.book import (
    Book,
    Closing,
    Line,
    Origins,
    read_closings,
    read_days,
    read_lines,
)
from ingestd.reports.exports.facts import Facts
from ingestd.reports.exports.hledger import HledgerWriter
from ingestd.reports.exports.journal import Entry, Writer
from ingestd.reports.exports.programs import ExportFormat
from ingestd.values.clock import format_instant, to_microseconds


class Subject(StrEnum):
    """What the postings of one transaction have in common."""

    CHARGE = "charge"
    PAYMENT = "payment"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Wording:
    """How an event reads, and what one transaction of it is about."""

    words: str
    subject: Subject


WORDINGS: Final = MappingProxyType(
    {
        "charge": Wording("Charged", Subject.CHARGE),
        "penalty": Wording("Penalty charged", Subject.CHARGE),
        "sale": Wording("Sold", Subject.CHARGE),
        "payment": Wording("Payment received, pending", Subject.PAYMENT),
        "settled": Wording("Payment settled", Subject.PAYMENT),
        "voided": Wording("Payment taken back while pending", Subject.PAYMENT),
        "returned": Wording("Payment returned", Subject.PAYMENT),
        "allocation": Wording("Payment pays charge", Subject.BOTH),
        "refund": Wording("Charge taken back", Subject.CHARGE),
        "write_off": Wording("Written off", Subject.CHARGE),
        "transfer": Wording("Credit moved", Subject.PAYMENT),
        "payout": Wording("Paid out", Subject.BOTH),
        "cleared": Wording("Payout left the bank", Subject.CHARGE),
        "payout_voided": Wording("Payout taken back", Subject.BOTH),
        "cash_deposit": Wording("Cash brought to the bank", Subject.BOTH),
    }
)


def writer_of(export_format: ExportFormat, book: Book) -> Writer:
    """Return what writes a book for a program."""
    match export_format:
        case ExportFormat.BEANCOUNT:
            return BeancountWriter(book)
        case ExportFormat.HLEDGER:
            return HledgerWriter(book)
        case _:
            assert_never(export_format)


def export_book(connection: Connection, book: Book, writer: Writer) -> Iterator[str]:
    """Yield the file piece by piece, in bounded memory: the connection must stay open.

    Accounts are declared on the first day; postings follow by day; after the last one every
    account's balance is stated, each party's and product's and the totals above them.
    """
    head = read_head_hash(connection, book.account, known_at=to_microseconds(book.as_known))
    remarks = (
        f"The book of {book.account}, as known {format_instant(book.as_known)}.",
        f"Ledger head {head}",
    )
    days = read_days(connection, book)
    yield writer.preamble(book, remarks, None if days is None else days[0])
    if days is None:
        return
    first_on, last_on = days
    yield from _openings(connection, book, writer, first_on)
    yield from _transactions(connection, book, writer)
    yield from _closings(connection, book, writer, last_on)


def _openings(connection: Connection, book: Book, writer: Writer, first_on: str) -> Iterator[str]:
    for number, closings in groupby(read_closings(connection, book), lambda each: each.account):
        yield writer.opening(ACCOUNT_NAMES[number], {"account_number": int(number)}, first_on)
        for closing in closings:
            if closing.name != ACCOUNT_NAMES[number]:
                yield writer.opening(closing.name, _codes(closing), first_on)


def _codes(closing: Closing) -> Facts:
    if closing.billing_code is not None:
        return {"billing_code": closing.billing_code}
    return {"party": closing.party or "", "kind": closing.kind or ""}


def _transactions(connection: Connection, book: Book, writer: Writer) -> Iterator[str]:
    origins = Origins(connection, book.account)
    for _, lines in groupby(read_lines(connection, book), _transaction_of):
        entry: Entry | None = None
        for line in lines:
            if entry is None:
                entry = _entry(line, origins)
                yield writer.entry(entry)
            facts = _facts_of_leg(line, entry)
            yield writer.leg(line.debit_name, line.amount, facts)
            yield writer.leg(line.credit_name, -line.amount, facts)


def _wording(event: str) -> Wording:
    return WORDINGS.get(event) or Wording(event, Subject.BOTH)


def _transaction_of(line: Line) -> tuple[object, ...]:
    """Return what the postings of one transaction share; they stand next to each other."""
    subject = _wording(line.event).subject
    return (
        *(line.effective_on, line.batch_no, line.event),
        None if subject is Subject.PAYMENT else line.tracking_id,
        None if subject is Subject.CHARGE else line.payment_id,
    )


def _entry(line: Line, origins: Origins) -> Entry:
    wording = _wording(line.event)
    facts: dict[str, str | int] = {"batch": line.batch_no, "event": line.event}
    about = []
    if line.tracking_id is not None and wording.subject is not Subject.PAYMENT:
        facts["tracking_id"] = line.tracking_id
        about.append(f"{line.billing_code or ''} {line.tracking_id}".strip())
    if line.payment_id is not None and wording.subject is not Subject.CHARGE:
        facts["payment_id"] = line.payment_id
        about.insert(0, line.payment_id)
    if line.upload_id is not None:
        facts["upload_id"] = line.upload_id
        origin = origins.of(line.upload_id)
        if origin is not None:
            facts["filename"] = origin.filename
            facts |= {} if origin.sha256 is None else {"sha256": origin.sha256}
            facts |= {} if origin.location is None else {"location": origin.location}
    facts |= {} if line.row is None else {"row": line.row}
    facts |= {} if line.note is None else {"note": line.note}
    facts |= line.told
    return Entry(
        day=line.effective_on,
        batch_no=line.batch_no,
        party=line.party or "",
        narration=": ".join((wording.words, " · ".join(about))) if about else wording.words,
        facts=facts,
    )


def _facts_of_leg(line: Line, entry: Entry) -> Facts:
    """Return what leads back from a leg, less what its transaction says already."""
    facts: dict[str, str | int] = {"posting": line.posting_no}
    if line.reverses_posting_no is not None:
        facts["reverses"] = line.reverses_posting_no
    if line.tracking_id is not None and "tracking_id" not in entry.facts:
        facts["tracking_id"] = line.tracking_id
    if line.payment_id is not None and "payment_id" not in entry.facts:
        facts["payment_id"] = line.payment_id
    return facts


def _closings(connection: Connection, book: Book, writer: Writer, last_on: str) -> Iterator[str]:
    for number, closings in groupby(read_closings(connection, book), lambda each: each.account):
        above = ACCOUNT_NAMES[number]
        yield writer.closings_begin(above, last_on)
        total = 0
        for closing in closings:
            total += closing.balance
            if closing.name != above:
                yield writer.closing(closing.name, closing.balance, last_on, with_below=False)
        yield writer.closing(above, total, last_on, with_below=True)
