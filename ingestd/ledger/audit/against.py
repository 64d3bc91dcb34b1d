"""The books against what was once said of them: old receipts and checkpoints, whoever kept them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.ledger.audit.batches import CheckedBatch
from ingestd.ledger.proof.checkpoint import (
    PROOF_FIRST_LINE,
    Checkpoint,
    Continuation,
    InclusionProof,
)
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.malformed import MalformedError, UntrustedError
from ingestd.ledger.proof.note import VerifierKey, open_note, read_note
from ingestd.ledger.proof.receipt_seal import ReceiptSeal
from ingestd.ledger.proof.statement import (
    StatedFinding,
    StatedRows,
    StatedTotal,
    Statement,
)
from ingestd.ledger.proof.tree import HASH_BYTES, Tree
from ingestd.values.identifiers import AccountId

_NO_LEAF = bytes(HASH_BYTES)
_TOTAL_KEYS = ("merchant_id", "batch_num", "rows", "amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What somebody kept: where it lies, the note in it, and of a receipt its batch's leaf."""

    place: str
    note: str
    checkpoint: Checkpoint
    leaf: BatchLeaf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the books are to one old root; `message` says it for people."""

    place: str
    origin: str
    size: int
    holds: bool
    message: str


def read_outside(place: str, content: bytes) -> Outside:
    """Take a receipt or checkpoint apart. MalformedError where it is neither, or has no seal."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("this is no UTF-8") from error
    leaf = None
    if text.startswith("{"):
        leaf, note = _read_receipt(text)
    elif text.startswith(PROOF_FIRST_LINE):
        note = InclusionProof.from_text(text).note
    elif text.startswith("old "):
        note = Continuation.from_text(text).note
    else:
        note = text
    checkpoint = Checkpoint.from_text(read_note(note).text)
    return Outside(place=place, note=note, checkpoint=checkpoint, leaf=leaf)


def hold_against(
    outside: Sequence[Outside],
    account: AccountId,
    batches: Sequence[CheckedBatch],
    keys_of: Callable[[str], Sequence[VerifierKey]] | None,
) -> list[Held]:
    """Hold the books, by the leaves that their rows give, against each old root, smallest first."""
    leaves = {
        batch.batch_no: _NO_LEAF if batch.leaf is None else batch.leaf.hash() for batch in batches
    }
    size = max(leaves, default=0)
    tree = Tree([leaves.get(number, _NO_LEAF) for number in range(1, size + 1)])
    ordered = sorted(outside, key=lambda one: (one.checkpoint.size, one.place))
    sound = 0
    answers = []
    for one in ordered:
        message = _refused(one, account, keys_of) or _compare(one, tree, sound=sound)
        if not message:
            sound = one.checkpoint.size
        answers.append(
            Held(
                place=one.place,
                origin=one.checkpoint.origin,
                size=one.checkpoint.size,
                holds=not message,
                message=message or "sound",
            )
        )
    return answers


def _refused(
    one: Outside,
    account: AccountId,
    keys_of: Callable[[str], Sequence[VerifierKey]] | None,
) -> str:
    """Return why a file says nothing of these books, or nothing."""
    _, _, rest = one.checkpoint.origin.partition("/")
    if rest.partition("/")[0] != account or (one.leaf is not None and one.leaf.account != account):
        return "it is of the books of another account"
    try:
        if keys_of is not None:
            open_note(one.note, keys_of(one.checkpoint.origin))
    except UntrustedError:
        return "no key of this ledger has signed it"
    return ""


def _compare(one: Outside, tree: Tree, *, sound: int) -> str:
    """Return what is not as it was said, or nothing; the first `sound` batches are."""
    said, leaf = one.checkpoint, one.leaf
    if said.size > tree.size:
        return f"{said.size} batches were signed and the books hold {tree.size}"
    if leaf is not None:
        stored = tree.leaf(leaf.index) if leaf.index < tree.size else _NO_LEAF
        if leaf.hash() != stored:
            return f"batch {leaf.batch_no} is not the one that this receipt was given for"
    if said.root == tree.root(said.size):
        return ""
    if said.size <= sound:
        return "another tree of this size was signed: it is a fork"
    if said.size == sound + 1:
        return f"batch {said.size} was changed"
    return f"a batch of {sound + 1} to {said.size} was changed"


def _read_receipt(text: str) -> tuple[BatchLeaf, str]:
    try:
        fields = json.loads(text)
        seal = ReceiptSeal.from_fields(fields["seal"])
        leaf = BatchLeaf(
            account=fields["account"],
            batch_no=seal.batch_no,
            event="upload",
            upload_id=fields["upload_id"],
            sealed_at=seal.sealed_at,
            rows_sealed=seal.rows_sealed,
            amount_posted=seal.amount_posted,
            seal_hash=seal.seal_hash,
            statement=_statement(fields).hash(),
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise MalformedError("this is no receipt with a seal") from error
    return leaf, seal.proof.note


def _statement(fields: Mapping[str, Any]) -> Statement:
    rows, totals = fields["rows"], fields.get("batches")
    return Statement(
        upload_id=fields["upload_id"],
        account=fields["account"],
        filename=fields["filename"],
        format=fields["format"],
        sha256=fields["sha256"],
        size_bytes=fields["size_bytes"],
        received_at=fields["received_at"],
        finished_at=fields["finished_at"],
        status=fields["status"],
        rows=None if rows is None else StatedRows(*(rows[key] for key in StatedRows._fields)),
        applied_amount=fields["applied_amount"],
        totals=None if totals is None else [_total(total) for total in totals],
        findings=[
            StatedFinding(*(finding[key] for key in StatedFinding._fields))
            for finding in fields["findings"]
        ],
        findings_omitted=fields["findings_omitted"],
    )


def _total(total: Mapping[str, Any]) -> StatedTotal:
    merchant_id, batch_num, rows, amount = (total[key] for key in _TOTAL_KEYS)
    # Every amount is written with all decimals of its currency.
    return StatedTotal(merchant_id, batch_num, rows, int(amount.replace(".", "")))
