"""Wording: what a statement's lines are about, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.extent import Extent
from ingestd.reports.families.household import Household
from ingestd.reports.families.lines import MOVED, TRANSFER, Line
from ingestd.reports.families.passbook import Passbook, Payment
from ingestd.reports.known.products import Products, read_products
from ingestd.values.days import day_text

_SQL = Statements(__file__)

_SOURCES = {2000: "wallet", 2010: "fees", 2310: "deposit", 2320: "advance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What lines are about, in words."""

    family: str | None
    passbook: Passbook
    products: Products
    transfers: Mapping[int, str]
    payouts: Mapping[int, str]

    def of(self, line: Line) -> str:
        """Return what a line is about; an empty text where its columns say all."""
        if line.event == MOVED and line.move is not None:
            # Where else a child lives is nobody's business whose statement this is.
            return "came to this family" if line.move.new == self.family else "left this family"
        if line.event == TRANSFER:
            return self.transfers.get(line.batch_no, "")
        if line.charge_no is not None and line.charge_no in self.payouts:
            return self.payouts[line.charge_no]
        charge = self.passbook.charges.get(line.charge_no or 0)
        if charge is not None:
            name = self.products[charge.billing_code].name or charge.billing_code
            return f"{name}: {charge.note}" if charge.note else name
        payment = self.passbook.payments.get(line.payment_no or 0)
        return "" if payment is None else _payment_words(payment, line)


def read_words(
    connection: Connection, extent: Extent, household: Household, lines: Sequence[Line]
) -> Words:
    """Return what says of a household's lines what they are about."""
    codes = {member.code for member in household.members}
    return Words(
        family=household.family,
        passbook=household.passbook,
        products=read_products(connection, extent.account, known_batch=extent.batch_no),
        transfers=_transfers(connection, extent, lines, codes=codes),
        payouts=_payouts(connection, extent, household.passbook),
    )


def _transfers(
    connection: Connection, extent: Extent, lines: Sequence[Line], *, codes: set[str]
) -> dict[int, str]:
    def whose(code: str) -> str:
        return code if code in codes else "another party"

    batches = sorted({line.batch_no for line in lines if line.event == TRANSFER})
    if not batches:
        return {}
    values = {"account": extent.account, "batches": batches}
    return {
        row.batch_no: f"{_SOURCES[row.from_account]} of {whose(row.from_party)}"
        f" to {_SOURCES[row.to_account]} of {whose(row.to_party)}"
        for row in _SQL.run(connection, "find_transfers", values)
    }


def _payouts(connection: Connection, extent: Extent, passbook: Passbook) -> dict[int, str]:
    values = {"account": extent.account, "charges": list(passbook.charges)}
    return {
        row.charge_no: ", ".join(part for part in (row.method, row.payee, row.reference) if part)
        for row in _SQL.run(connection, "find_payouts", values)
    }


def _payment_words(payment: Payment, line: Line) -> str:
    reasons = [
        became.reason
        for became in payment.became
        if became.batch_no == line.batch_no and became.reason
    ]
    received = "" if payment.received_on == line.day else day_text(payment.received_on)
    parts = (payment.kind, received and f"received {received}", *reasons)
    return ", ".join(part for part in parts if part)
