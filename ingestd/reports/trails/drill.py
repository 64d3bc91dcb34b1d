"""Following one thing through the books: what its pages have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE, LedgerAccount
from ingestd.ledger.books.head import read_head_hash
from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from ingestd.reports.exports.account_names import ACCOUNT_NAMES
from ingestd.reports.exports.facts import NOTHING, read_authors, read_details
from ingestd.values.clock import format_instant, from_microseconds, to_microseconds
from ingestd.values.days import day_text
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.money import format_amount

SqlRows = Iterable[SqlRow[tuple[object, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """In which account's books something is followed, as known at which instant.

    `decimals` are those of the account's currency.
    """

    account: AccountId
    as_known: datetime
    decimals: int

    def bound(self, **values: object) -> dict[str, object]:
        """Return what every statement binds, and `values`."""
        known_at = to_microseconds(self.as_known)
        return {"account": self.account, "known_at": known_at, **values}

    def heading(self, connection: Connection, name: str) -> dict[str, object]:
        """Return what stands above every answer."""
        known_at = to_microseconds(self.as_known)
        return {
            "report": name,
            "account": self.account,
            "as_known": format_instant(self.as_known),
            "ledger_head": read_head_hash(connection, self.account, known_at=known_at),
        }

    def written(self, amount: int) -> str:
        """Return an amount as the account's currency is written."""
        return format_amount(amount, self.decimals)


def origin_of(
    connection: Connection, account: AccountId, upload_id: str | None, row: int | None
) -> dict[str, object] | None:
    """Return the file and row that a fact came from, and who sent it; None for a command's."""
    if upload_id is None:
        return None
    origin: dict[str, object] = {"upload_id": upload_id, "row": row}
    outcome = read_file_outcome(connection, account, UploadId(upload_id))
    if outcome is None:
        return origin
    provenance = outcome.provenance
    return origin | {
        "filename": provenance.filename,
        "format": provenance.format,
        "sha256": provenance.sha256,
        "size_bytes": provenance.size_bytes,
        "received_at": format_instant(from_microseconds(provenance.received_at)),
        "source": provenance.source,
        "peer": provenance.peer,
        "session_id": provenance.session_id,
        "key_fingerprint": provenance.key_fingerprint,
        "client_version": provenance.client_version,
        "sent_by": provenance.sent_by,
        "node": provenance.node,
        "location": outcome.location,
    }


class Authors:
    """Who made batches by hand, and why; of those that files made nobody is told."""

    def __init__(self, connection: Connection, inquiry: Inquiry, batches: Collection[int]) -> None:
        self._by_batch = read_authors(connection, inquiry.account, batches)

    def of(self, batch_no: int) -> dict[str, object]:
        """Return `by` and `reason`, each None where nobody or nothing is told."""
        told = self._by_batch.get(batch_no, NOTHING)
        return {name: told.get(name) for name in ("by", "reason")}

    def location_of(self, batch_no: int) -> object:
        """Return the place of sale that was named with a batch, or None."""
        return self._by_batch.get(batch_no, NOTHING).get("location")

    def listed(self) -> list[dict[str, object]]:
        """Return all of them, batch by batch."""
        return [
            {
                "batch": batch_no,
                "command": told["command"],
                **self.of(batch_no),
                "location": told.get("location"),
            }
            for batch_no, told in sorted(self._by_batch.items())
        ]


def details_of(
    connection: Connection, inquiry: Inquiry, payment_ids: Collection[str]
) -> dict[str, dict[str, object]]:
    """Return what files said of payments, by payment; of some there is nothing."""
    details = read_details(connection, inquiry.account, payment_ids, decimals=inquiry.decimals)
    return {payment_id: dict(told) for payment_id, told in details.items()}


def posting_fields(inquiry: Inquiry, posting: SqlRow[tuple[object, ...]]) -> dict[str, object]:
    """Return a posting as JSON tells it."""
    return {
        "posting": posting.posting_no,
        "batch": posting.batch_no,
        "event": posting.event,
        "effective_on": day_text(posting.effective_on),
        "debit": account_label(posting.debit_account),
        "debit_party": posting.debit_party,
        "credit": account_label(posting.credit_account),
        "credit_party": posting.credit_party,
        "amount": inquiry.written(posting.amount),
        "payment_id": posting.payment_id,
        "reverses": posting.reverses_posting_no,
        "known_at": format_instant(from_microseconds(posting.sealed_at)),
    }


def account_label(number: int) -> str:
    """Return an account's number and name: `1000 Assets:Bank`."""
    return f"{number} {ACCOUNT_NAMES[LedgerAccount(number)]}"


def account_type_of(credit_account: int) -> AccountType:
    """Return which of a party's two balances a credit account belongs to."""
    is_wallet = credit_account == BALANCE[AccountType.WALLET].credit
    return AccountType.WALLET if is_wallet else AccountType.LIABILITY
