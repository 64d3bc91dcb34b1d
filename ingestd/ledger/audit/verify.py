"""Verifying: whether what is stored says what was sealed, and agrees with itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.audit.agreement import AGREEMENTS_OF_FACTS, Check, Disagreement
from ingestd.ledger.audit.batches import CheckedBatch, Reading, check_batches
from ingestd.ledger.audit.beside import reading_beside
from ingestd.ledger.audit.catalog import AGREEMENTS_OF_CATALOG
from ingestd.ledger.audit.identities import Identity, add_up_identities
from ingestd.ledger.audit.kept_sides import put_kept, read_sides
from ingestd.ledger.audit.projections import AGREEMENTS_OF_PROJECTIONS
from ingestd.ledger.audit.spans import NUMBERED, Spans, find_spans, key_of
from ingestd.ledger.audit.tree import find_tree_disagreements
from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.ledger.evidence.layouts import SEALED_TABLES
from ingestd.ledger.proof.note import VerifierKey
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)

AGREEMENTS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {**AGREEMENTS_OF_FACTS, **AGREEMENTS_OF_PROJECTIONS, **AGREEMENTS_OF_CATALOG}
)
"""Every check that what is stored twice agrees, by its public name."""

KeysOf = Callable[[str], Sequence[VerifierKey]]
"""Returns the keys that notes of an origin may be signed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where the books are not what they have to be: which check, which batch, and what it is.

    `batch_no` is None for what belongs to no batch, `upload_id` for a batch of no upload.
    """

    check: str
    batch_no: int | None
    upload_id: UploadId | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was checked, how much of it there was, and every difference that was found.

    `batches` are those that are sealed, each with the leaf that its stored rows give.
    """

    checked: Mapping[str, int]
    identities: tuple[Identity, ...]
    differences: tuple[Difference, ...]
    batches: tuple[CheckedBatch, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs, and every identity holds."""
        return not self.differences and all(identity.holds for identity in self.identities)


def verify_ledger(
    connection: Connection,
    account: AccountId,
    *,
    decimals: int,
    keys_of: KeysOf | None = None,
    beside: Connection | None = None,
) -> Verification:
    """Check all of an account's books against themselves; nothing is changed.

    Each batch's chunks, hash and leaf are computed again from its stored rows, each seal is held
    to the one before, the tree to what was signed of it, and the last of all to the head. Then
    what is stored twice has to agree: charges and allocations with their postings, reversals with
    what they reverse, the states of charges and credit lots with the facts. With `keys_of`
    signatures are checked, too. `decimals` are those of the account's currency. The connection is
    to be in one snapshot; one `beside` it, in the same snapshot, halves the time that it takes.
    """
    sides = read_sides(connection, account)
    with reading_beside(connection, beside, sides) as reader:
        spans = find_spans(connection, account, reader)
        reading = Reading(
            connection=connection,
            account=account,
            spans=spans,
            sides=sides,
            beside=reader,
            decimals=decimals,
        )
        batches = tuple(check_batches(reading))
        put_kept(connection, account, sides, beside=reader)
    uploads = {batch.batch_no: batch.upload_id for batch in batches}
    differences = [
        Difference(
            check="seal", batch_no=batch.batch_no, upload_id=batch.upload_id, message=message
        )
        for batch in batches
        for message in batch.differences
    ]
    differences += _check_head(connection, account, spans, batches)
    differences += (
        _difference(found.check, found, uploads)
        for found in find_tree_disagreements(connection, account, uploads, keys_of=keys_of)
    )
    differences += _check_unsealed(spans, uploads)
    proven = sides.proven(
        {table: sum(span.rows for span in of_table.values()) for table, of_table in spans.items()}
    )
    with reading_beside(connection, beside, sides) as reader:
        identities = reader.run(
            lambda connection, _: add_up_identities(
                connection, account, totals_are_right="find_wrong_totals" in proven
            )
        )
        differences += (
            _difference(name, found, uploads)
            for name, checks in AGREEMENTS.items()
            for check in checks
            if check.name not in proven
            for found in check.find(connection, account)
        )
    counts = {
        counter: sum(span.rows for span in spans[table].values())
        for counter, (table, _) in NUMBERED.items()
    }
    return Verification(
        checked={"batches": len(uploads), **counts},
        identities=tuple(identities()),
        differences=tuple(differences),
        batches=batches,
    )


def _difference(
    check: str, found: Disagreement, uploads: Mapping[int, UploadId | None]
) -> Difference:
    upload_id = None if found.batch_no is None else uploads.get(found.batch_no)
    return Difference(
        check=check, batch_no=found.batch_no, upload_id=upload_id, message=found.message
    )


def _check_head(
    connection: Connection, account: AccountId, spans: Spans, batches: Sequence[CheckedBatch]
) -> Iterator[Difference]:
    uploads = {batch.batch_no: batch.upload_id for batch in batches}
    last_no = max(uploads, default=None)
    counted = {
        counter: sum(span.rows for batch, span in spans[table].items() if batch in uploads)
        for counter, (table, _) in NUMBERED.items()
    }
    expected: dict[str, object] = {
        **counted,
        "batch_no": batches[-1].batch_no if batches else 0,
        "hash": batches[-1].hash if batches else GENESIS_HASH,
        "sealed_at": batches[-1].sealed_at if batches else 0,
    }
    head = _SQL.run(connection, "find_head", {"account": account}).mappings().one_or_none()
    if head is None:
        if uploads:
            found = Disagreement(batch_no=last_no, message="the head is missing")
            yield _difference("head", found, uploads)
        return
    for name, value in expected.items():
        if head[name] != value:
            message = f"the head says {name} {head[name]}, the batches say {value}"
            found = Disagreement(batch_no=last_no, message=message)
            yield _difference("head", found, uploads)


def _check_unsealed(spans: Spans, uploads: Mapping[int, UploadId | None]) -> Iterator[Difference]:
    """Find rows that no seal covers: they were put in behind the ledger's back."""
    sealed_uploads = set(uploads.values())
    for table in SEALED_TABLES:
        for key in spans[table]:
            if key_of(table) == "batch_no" and key not in uploads:
                assert isinstance(key, int)
                yield Difference(
                    check="unsealed",
                    batch_no=key,
                    upload_id=None,
                    message=f"rows of {table} belong to a batch that was never sealed",
                )
            elif key_of(table) == "upload_id" and key not in sealed_uploads:
                yield Difference(
                    check="unsealed",
                    batch_no=None,
                    upload_id=UploadId(str(key)),
                    message=f"rows of {table} belong to an upload that no batch is sealed for",
                )
