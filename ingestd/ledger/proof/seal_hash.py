"""The hash of a seal, version 3: over a batch's heading and the digests of its chunks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

FIRST_WORD = "ingestd-seal/v3"
FIRST_PREVIOUS_HASH = "0" * 64
"""What an account's first batch names as the hash of the batch before it."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class SealedChunk(NamedTuple):
    """A chunk of a table's rows: the number of its first row, and its digest, hexadecimal."""

    table: str
    first_row: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealHeading:
    """What a seal says of its batch before the rows; `sealed_at` in microseconds since 1970."""

    previous_hash: str
    batch_no: int
    event: str
    upload_id: str | None
    sealed_at: int


def hash_seal(heading: SealHeading, chunks: Iterable[SealedChunk]) -> str:
    """Return a seal's hash, hexadecimal: SHA-256 over lines of JSON without spaces.

    The first line is `["ingestd-seal/v3", previous_hash, batch_no, event, upload_id, sealed_at]`;
    then comes `[table, first_row, digest]` for each chunk. The caller brings the chunks in order:
    tables as `SEALED_COLUMNS` lists them, and each table's rows as they are numbered.
    """
    first = (
        FIRST_WORD,
        heading.previous_hash,
        heading.batch_no,
        heading.event,
        heading.upload_id,
        heading.sealed_at,
    )
    digest = sha256(f"{_encode(first)}\n".encode())
    for chunk in chunks:
        digest.update(f"{_encode(chunk)}\n".encode())
    return digest.hexdigest()
