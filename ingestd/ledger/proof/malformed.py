"""What others' proofs and notes are refused with, and how their pieces are read."""

from __future__ import annotations

import base64
import binascii
import re

from ingestd.ledger.proof.tree import HASH_BYTES

SIZE_MAX = 2**63 - 1
PROOF_HASHES_MAX = 64
"""No tree of up to `SIZE_MAX` leaves has a longer proof."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class MalformedError(ValueError):
    """A note, proof, key or receipt that came from outside is not written as its format says."""


class UntrustedError(ValueError):
    """A note has no signature by a known key, or one that is wrong; its text must be ignored."""


def read_base64(text: str) -> bytes:
    """Return what base64 stands for; MalformedError unless it is the one way to write it."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("this is not base64") from error
    # Loose bits at the end, or missing padding, would give one proof several texts.
    if write_base64(content) != text:
        raise MalformedError("this is not base64 in its one form")
    return content


def write_base64(content: bytes) -> str:
    """Return bytes as base64 (RFC 4648, section 4)."""
    return base64.b64encode(content).decode("ascii")


def read_hash(text: str) -> bytes:
    """Return a hash that was written as base64."""
    content = read_base64(text)
    if len(content) != HASH_BYTES:
        raise MalformedError(f"a hash has {HASH_BYTES} bytes, not {len(content)}")
    return content


def read_number(text: str) -> int:
    """Return a size or index: ASCII digits without leading zeros, up to `SIZE_MAX`."""
    if not _NUMBER.fullmatch(text) or int(text) > SIZE_MAX:
        raise MalformedError("a number was expected")
    return int(text)


def read_proof(lines: list[str]) -> tuple[bytes, ...]:
    """Return a proof whose hashes were written as base64."""
    if len(lines) > PROOF_HASHES_MAX:
        raise MalformedError(f"a proof has {PROOF_HASHES_MAX} hashes at most, not {len(lines)}")
    return tuple(map(read_hash, lines))
