"""Batches: one change of an account's books each, numbered and dated."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.ledger.books.head import Head
from ingestd.values.identifiers import AccountId, UploadId

_NO_END = 2**63 - 1

VERSION = 3
"""How batches are sealed; a seal keeps the number of the way that it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch's place in the books: what its rows are found by, and when they were known.

    `sealed_at` is in microseconds since 1970, and later than that of every batch before. The
    numbers of its rows lie above `…_before` and up to `…_until`: while it is written there is no
    end, and where it is read again nobody walks all that came later.
    """

    account: AccountId
    batch_no: int
    previous_hash: str
    event: str
    sealed_at: int
    upload_id: UploadId | None = None
    charges_before: int = 0
    postings_before: int = 0
    parties_before: int = 0
    refunds_before: int = 0
    payments_before: int = 0
    allocations_before: int = 0
    codes_before: int = 0
    charges_until: int = _NO_END
    postings_until: int = _NO_END
    parties_until: int = _NO_END
    refunds_until: int = _NO_END
    payments_until: int = _NO_END
    allocations_until: int = _NO_END
    codes_until: int = _NO_END


def open_batch(head: Head, *, event: str, now: int, upload_id: UploadId | None = None) -> Batch:
    """Number and date the account's next batch; the caller holds the head's lock.

    `now` is in microseconds since 1970. A clock that was set back, or another node's that is
    behind, never makes a batch look older than the one it follows: what a report has once
    answered "as known" at an instant, it answers for ever.
    """
    return Batch(
        account=head.account,
        batch_no=head.batch_no + 1,
        previous_hash=head.hash,
        event=event,
        sealed_at=max(now, head.sealed_at + 1),
        upload_id=upload_id,
        charges_before=head.charges,
        postings_before=head.postings,
        parties_before=head.parties,
        refunds_before=head.refunds,
        payments_before=head.payments,
        allocations_before=head.allocations,
        codes_before=head.codes,
    )
