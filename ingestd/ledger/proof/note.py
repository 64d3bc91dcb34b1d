"""Signed notes (c2sp.org/signed-note): a text, an empty line, and a line for each signature.

Only Ed25519 (type 0x01) is made and checked here. Whatever else signs a note, such as a witness
or a key that took over, is a further line, which those who do not know it ignore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ingestd.ledger.proof.malformed import (
    MalformedError,
    UntrustedError,
    read_base64,
    write_base64,
)

SEED_BYTES = 32
NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_PUBLIC_KEY_BYTES = 32
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) (\S+)")
_KEY_NAME = re.compile(r"[^\s+]+")
_VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")


class Signature(NamedTuple):
    """A signature as its line has it, whoever made it and whether or not it holds."""

    name: str
    key_id: bytes
    signature: bytes

    def to_line(self) -> str:
        """Return the signature's line, its line break included."""
        return f"— {self.name} {write_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """What a note is checked with: a key's name and its public part."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name) or len(self.public_key) != _PUBLIC_KEY_BYTES:
            raise ValueError("a key has a name without spaces and plus signs, and 32 bytes")

    @classmethod
    def from_text(cls, text: str) -> VerifierKey:
        """Read a vkey, `NAME+KEY ID+BASE64`; MalformedError where it is none of Ed25519."""
        found = _VKEY.fullmatch(text)
        if not found:
            raise MalformedError("a verifier key is NAME+KEY ID+BASE64")
        content = read_base64(found[3])
        if content[:1] != _ED25519 or len(content) != 1 + _PUBLIC_KEY_BYTES:
            raise MalformedError("only Ed25519 keys are known")
        key = cls(name=found[1], public_key=content[1:])
        if key.key_id.hex() != found[2]:
            raise MalformedError("the key's name or bytes are not those of its key ID")
        return key

    @property
    def key_id(self) -> bytes:
        """Four bytes by which signatures of this key are found; anybody can make others alike."""
        content = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return sha256(content).digest()[:_KEY_ID_BYTES]

    def to_text(self) -> str:
        """Return the vkey."""
        key = write_base64(_ED25519 + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def holds(self, text: str, signature: Signature) -> bool:
        """Tell whether a signature is this key's, and over this text."""
        if (signature.name, signature.key_id) != (self.name, self.key_id):
            return False
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public_key)
            key.verify(signature.signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key under a key name: one seed signs for each account under its own."""

    __slots__ = ("_private_key", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a signing key has {SEED_BYTES} bytes, not {len(seed)}")
        self._private_key = Ed25519PrivateKey.from_private_bytes(seed)
        public_key = self._private_key.public_key().public_bytes_raw()
        self.key = VerifierKey(name=name, public_key=public_key)

    def sign(self, text: str) -> Signature:
        """Return the signature over a note's text."""
        signature = self._private_key.sign(text.encode())
        return Signature(self.key.name, self.key.key_id, signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note's text, which ends with a line break, and its signatures, not yet checked."""

    text: str
    signatures: Sequence[Signature]

    def to_text(self) -> str:
        """Return the note as it is written."""
        return f"{self.text}\n{''.join(signature.to_line() for signature in self.signatures)}"


def sign_note(text: str, signers: Iterable[Signer]) -> str:
    """Return a note over `text` with a signature by each signer."""
    if not text.endswith("\n") or not _is_clean(text):
        raise ValueError("a note's text ends with a line break and holds no control characters")
    return Note(text=text, signatures=[signer.sign(text) for signer in signers]).to_text()


def read_note(written: str) -> Note:
    """Take a note apart; MalformedError where it is none. Nothing is said of who signed it."""
    if len(written.encode("utf-8", "surrogatepass")) > NOTE_BYTES_MAX or not _is_clean(written):
        raise MalformedError("a note is at most 1 MiB, and holds no control characters")
    text, empty_line, lines = written.rpartition("\n\n")
    if not empty_line or not text or not lines.endswith("\n"):
        raise MalformedError("a note is a text, an empty line and lines with signatures")
    signatures = lines[:-1].split("\n")
    if len(signatures) > SIGNATURES_MAX:
        raise MalformedError(f"a note has {SIGNATURES_MAX} signatures at most")
    return Note(text=f"{text}\n", signatures=tuple(map(_read_signature, signatures)))


def open_note(written: str, keys: Iterable[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """Return a note's text, and the keys of those given that signed it: at least one.

    UntrustedError where none did, and where a signature that claims to be by one is wrong.
    """
    note = read_note(written)
    known = {(key.name, key.key_id): key for key in keys}
    signers = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.holds(note.text, signature):
            raise UntrustedError(f"the signature by {key.name} is wrong")
        if key not in signers:
            signers.append(key)
    if not signers:
        raise UntrustedError("no known key has signed this")
    return note.text, signers


def _read_signature(line: str) -> Signature:
    found = _SIGNATURE_LINE.fullmatch(line)
    if not found:
        raise MalformedError("a signature's line is `— NAME BASE64`")
    content = read_base64(found[2])
    if len(content) <= _KEY_ID_BYTES:
        raise MalformedError("a signature has a key ID and more")
    return Signature(found[1], content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])


def _is_clean(text: str) -> bool:
    # Lone surrogates are no UTF-8, and a note is.
    return not any((char < " " and char != "\n") or "\ud800" <= char <= "\udfff" for char in text)
