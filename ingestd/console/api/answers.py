"""Answers: what a program is told, for the description of the API. Amounts are decimal strings."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import Response

Money = Annotated[str, Field(examples=["80.00"])]


def answer_json(
    value: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a value as it is sent."""
    # A strange file name may have no UTF-8: it stays visible as `\\udcxx`, as in receipts.
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(content, status, headers=headers, media_type="application/json")


class PaymentAnswer(BaseModel):
    """A payment, and how far it is."""

    payment_id: str
    status: str
    for_party: str | None = None
    penalty_tracking_id: str | None = None


class BatchAnswer(BaseModel):
    """A settlement batch that is in the bank."""

    merchant_id: str
    batch_num: str
    payments: int
    amount: Money
    settled_now: Money
    settled_before: Money
    status: str


class RefundAnswer(BaseModel):
    """A charge that was taken back, and where what was paid went."""

    tracking_id: str
    status: str
    refunded: Money
    tax: Money
    to_wallet: Money
    discount_reversed: Money
    payout_id: str | None


class WriteOffAnswer(BaseModel):
    """A charge of which something was given up."""

    tracking_id: str
    status: str
    written_off: Money


class ChargeAnswer(BaseModel):
    """A charge that was made, and whom."""

    tracking_id: str
    party: str


class PaidCharge(BaseModel):
    """A charge that a transfer paid."""

    tracking_id: str
    amount: Money


class TransferAnswer(BaseModel):
    """Credit that was moved, and what it paid there."""

    transfer_id: str
    amount: Money
    paid: list[PaidCharge]


class PayoutAnswer(BaseModel):
    """A payout, and how far it is."""

    payout_id: str
    status: str
    amount: Money | None = None


class CashDepositAnswer(BaseModel):
    """Cash that was brought to the bank."""

    deposit_id: str
    amount: Money


class PaymentRow(BaseModel):
    """A payment as the report has it."""

    payment_id: str
    payer: str
    kind: str
    merchant_id: str | None
    batch_num: str | None
    receipt_num: str | None
    received_on: str
    amount: Money
    status: str
    settled_on: str | None
    returned_on: str | None


class PartyRow(BaseModel):
    """Somebody who can owe or be owed."""

    party: str
    kind: str
    name: str | None
    email: str | None
    phone: str | None
    family: str | None


class PartyAnswer(PartyRow):
    """All of one party."""

    address: Any
    balances: list[dict[str, str]]
    charges: list[dict[str, Any]]
    payments: list[dict[str, Any]]


class ReportAnswer(BaseModel):
    """A report; its rows are those of `ingestd report … --output json`."""

    report: str
    account: str
    as_of: str
    as_known: str
    ledger_head: str
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    identities: list[dict[str, Any]]


class HeadAnswer(BaseModel):
    """Where an account's books end."""

    account: str
    ledger_head: str
    as_known: str | None


class UploadRow(BaseModel):
    """An upload, and what became of it. Counts are null until its rows were read."""

    upload_id: str
    filename: str
    format: str | None
    source: str
    received_at: str
    size_bytes: int | None
    status: str
    records_done: int | None
    last_error: str | None
    rows: int | None
    applied: int | None
    duplicate: int | None
    conflict: int | None
    rejected: int | None


class UploadAnswer(UploadRow):
    """One upload, and where it came from."""

    sha256: str | None
    peer: str | None
    sent_by: str | None


class ReceivedAnswer(BaseModel):
    """A file that is on disk for good, and will be processed as this upload."""

    upload_id: str
    filename: str
    size_bytes: int
    sha256: str


class ReceiptAnswer(BaseModel):
    """A receipt; all of it is described with the receipts."""

    receipt_version: int
    upload_id: str
    account: str
    filename: str
    format: str | None
    sha256: str | None
    size_bytes: int | None
    received_at: str
    finished_at: str
    status: str
    rows: dict[str, int] | None
    applied_amount: Money
    findings: list[dict[str, Any]]
    findings_omitted: int
    findings_by_code: dict[str, int]


class Page(BaseModel):
    """Where a list goes on: the next page's cursor, null on the last one."""

    next: str | None


class UploadPage(Page):
    """Uploads, the latest first."""

    uploads: list[UploadRow]


class PaymentPage(Page):
    """Payments, the latest first."""

    payments: list[PaymentRow]


class PartyPage(Page):
    """Parties, by kind and code."""

    parties: list[PartyRow]
