"""A file's bytes: read block by block, hashed as they go by, and known again when read anew."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b, sha256
from pathlib import Path

from ingestd.spool.files import storage_errors
from ingestd.values.errors import StorageError

BLOCK_BYTES = 1 << 20


class HashedFile:
    """An open file, read once from its first byte to its last.

    `sha256` and `size_bytes` are of what was read so far; `block_hashes` are those of its blocks.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self._digest = sha256()
        self.size_bytes = 0
        self.block_hashes: list[bytes] = []

    def length(self) -> int:
        """Return how many bytes it has now; of a pipe that is 0."""
        with storage_errors(self.path):
            return os.fstat(self.descriptor).st_size

    def __iter__(self) -> Iterator[bytes]:
        with storage_errors(self.path):
            # Not by offset: an operator may name a pipe.
            while block := os.read(self.descriptor, BLOCK_BYTES):
                self._digest.update(block)
                self.size_bytes += len(block)
                yield block

    def survey(self) -> Iterator[bytes]:
        """Read it, and keep the hash of each block for `read_again`."""
        for block in _of_one_size(self):
            self.block_hashes.append(_hash_block(block))
            yield block

    @property
    def sha256(self) -> str:
        """The hash of what was read, hexadecimal."""
        return self._digest.hexdigest()


@contextmanager
def opened(path: Path, *, follow_links: bool) -> Iterator[HashedFile]:
    """Open a claimed file; links are followed only where an operator named the file.

    Raises StorageError.
    """
    flags = os.O_RDONLY if follow_links else os.O_RDONLY | os.O_NOFOLLOW
    try:
        with storage_errors(path):
            descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        raise StorageError(
            f"{path.name} is gone from the claimed folder. Put it back, then run: "
            "ingestd uploads retry",
            detail=str(path),
        ) from error
    try:
        yield HashedFile(path, descriptor)
    finally:
        os.close(descriptor)


class ChangedError(Exception):
    """Raised where a block is not the one that was hashed."""


def read_again(
    descriptor: int, hashes: Sequence[bytes], first_byte: int, end_byte: int
) -> Iterator[bytes]:
    """Yield a part of a file whose blocks were hashed; raises ChangedError and OSError."""
    for number in range(first_byte // BLOCK_BYTES, -(-end_byte // BLOCK_BYTES)):
        start = number * BLOCK_BYTES
        block = _read_whole(descriptor, start)
        if _hash_block(block) != hashes[number]:
            raise ChangedError
        yield block[max(0, first_byte - start) : end_byte - start]


def _read_whole(descriptor: int, start: int) -> bytes:
    parts = []
    missing = BLOCK_BYTES
    while missing and (part := os.pread(descriptor, missing, start)):
        parts.append(part)
        start += len(part)
        missing -= len(part)
    return b"".join(parts)


def _of_one_size(blocks: Iterator[bytes] | HashedFile) -> Iterator[bytes]:
    """Yield blocks of `BLOCK_BYTES` each, the last one of what is left: a read may bring less."""
    pending = b""
    for block in blocks:
        pending += block
        while len(pending) >= BLOCK_BYTES:
            yield pending[:BLOCK_BYTES]
            pending = pending[BLOCK_BYTES:]
    if pending:
        yield pending


def _hash_block(block: bytes) -> bytes:
    return blake2b(block, digest_size=16).digest()
