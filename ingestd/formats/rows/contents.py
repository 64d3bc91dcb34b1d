"""Contents: one hash for each row, by which a key that comes again is compared."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

HASH_BYTES = 16


def hash_contents(*columns: Iterable[str]) -> list[bytes]:
    """Return for each row the hash of its fields, 16 bytes, given column by column.

    What is hashed has a NUL between the fields: no accepted field holds one, so that two
    rows have one hash exactly when every field is the same.
    """
    hashes: list[bytes] = []
    # A copied hash spares its set-up, a third of the time.
    new_hash = blake2b(digest_size=HASH_BYTES).copy
    for content in map(str.encode, map("\0".join, zip(*columns, strict=True))):
        content_hash = new_hash()
        content_hash.update(content)
        hashes.append(content_hash.digest())
    return hashes
