"""Checkpoints (c2sp.org/tlog-checkpoint), and the texts in which proofs go out with them.

A checkpoint is the text of a signed note: whose tree, how many leaves, which root. A proof that
a batch is in it is a `tlog-proof`; a proof that it continues an older one is written as the body
of `add-checkpoint` to a C2SP witness: `old SIZE`, the hashes, an empty line, the note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingestd.ledger.proof.malformed import (
    SIZE_MAX,
    MalformedError,
    read_hash,
    read_number,
    read_proof,
    write_base64,
)
from ingestd.ledger.proof.note import read_note
from ingestd.ledger.proof.tree import HASH_BYTES

PROOF_FIRST_LINE = "c2sp.org/tlog-proof@v1"

_LEDGER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)
_FIRST_ORIGIN = 1


def is_ledger_name(name: str) -> bool:
    """Tell whether `[evidence] name` may be this: like a host name, 253 characters at most."""
    return _LEDGER_NAME.fullmatch(name) is not None


def origin_of(name: str, account: str, origin_no: int = _FIRST_ORIGIN) -> str:
    """Return an origin: `NAME/ACCOUNT`, and `NAME/ACCOUNT/2` after the books were resumed once."""
    if not is_ledger_name(name) or origin_no < _FIRST_ORIGIN:
        raise ValueError("an origin has a name like a host's, and a number above zero")
    first = f"{name}/{account}"
    return first if origin_no == _FIRST_ORIGIN else f"{first}/{origin_no}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree's head: whose tree, of how many leaves, with which root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or not 0 <= self.size <= SIZE_MAX:
            raise ValueError("a checkpoint has an origin on one line, and a size")
        if len(self.root) != HASH_BYTES:
            raise ValueError("a root is a hash of 32 bytes")

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read a note's text; MalformedError where it is no checkpoint, or has more lines."""
        lines = text.split("\n")
        if len(lines) != 4 or not lines[0] or lines[3]:
            raise MalformedError("a checkpoint is three lines: origin, size, root")
        return cls(origin=lines[0], size=read_number(lines[1]), root=read_hash(lines[2]))

    def to_text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{write_base64(self.root)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """A tlog-proof: that the leaf at `index` is in the tree of the note, which is kept verbatim."""

    index: int
    proof: Sequence[bytes]
    note: str

    @classmethod
    def from_text(cls, text: str) -> InclusionProof:
        """Read a tlog-proof; MalformedError where it is none. Nothing is checked yet."""
        head, empty_line, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        if lines and lines[0].startswith("extra "):
            lines = lines[1:]  # nothing that we write, and nothing that anybody vouches for
        if first != PROOF_FIRST_LINE or not empty_line or not lines:
            raise MalformedError(f"a proof begins with {PROOF_FIRST_LINE}")
        word, _, index = lines[0].partition(" ")
        if word != "index":
            raise MalformedError("a proof's next line is its index")
        read_note(note)
        return cls(index=read_number(index), proof=read_proof(lines[1:]), note=note)

    def to_text(self) -> str:
        """Return the tlog-proof."""
        return _write([PROOF_FIRST_LINE, f"index {self.index}"], self.proof, self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """That the tree of a note, kept verbatim, begins with the tree of `old_size` leaves.

    What `ingestd ledger checkpoint --since` writes, and what witnesses are sent.
    """

    old_size: int
    proof: Sequence[bytes]
    note: str

    @classmethod
    def from_text(cls, text: str) -> Continuation:
        """Read a continuation; MalformedError where it is none. Nothing is checked yet."""
        head, empty_line, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        word, _, old_size = first.partition(" ")
        if word != "old" or not empty_line:
            raise MalformedError("a continuation begins with `old SIZE`")
        read_note(note)
        return cls(old_size=read_number(old_size), proof=read_proof(lines), note=note)

    def to_text(self) -> str:
        """Return the continuation as it is written."""
        return _write([f"old {self.old_size}"], self.proof, self.note)


def _write(lines: list[str], proof: Sequence[bytes], note: str) -> str:
    return "".join(f"{line}\n" for line in (*lines, *map(write_base64, proof), "")) + note
