"""What lies outside of the database and is evidence: files that were kept, and the public keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingestd.ledger.audit.against import Outside, read_outside
from ingestd.ledger.proof.malformed import MalformedError
from ingestd.ledger.proof.note import Signer, VerifierKey
from ingestd.service.evidence.ledger_key import read_public_keys, read_seeds
from ingestd.spool.files import storage_errors
from ingestd.values.errors import StorageError, UsageError

_SUFFIXES = {".json", ".checkpoint"}
_BYTES_MAX = 1 << 26


def read_kept(paths: Sequence[Path]) -> list[Outside]:
    """Return the receipts and checkpoints among these files and in these folders.

    In a folder, what is neither is passed over. Raises UsageError for a file that was named and
    is neither, and where nothing is found at all.
    """
    found = []
    for path in paths:
        if not path.is_dir():
            try:
                found.append(_read(path))
            except MalformedError as error:
                raise UsageError(
                    f"{path} is no receipt with a seal, and no checkpoint: {error}."
                ) from error
            continue
        for inside in _walk(path):
            try:
                found.append(_read(inside))
            except MalformedError:
                continue  # a receipt from before its batch was signed, or somebody else's file
    if not found:
        raise UsageError("There is no receipt with a seal, and no checkpoint, to be held against.")
    return found


def keys_of_folder(ledger_key: Path) -> Callable[[str], Sequence[VerifierKey]] | None:
    """Return the keys that a ledger's notes may be signed with, now or before; None for no key.

    A private key that is not this user's to read is known by its public half.
    """
    known = {key.public_key for key in read_public_keys(ledger_key)}
    try:
        known |= {Signer("-", seed).key.public_key for seed in read_seeds(ledger_key)}
    except StorageError:
        if not known:
            return None
    if not known:
        return None

    def keys_of(origin: str) -> list[VerifierKey]:
        try:
            return [VerifierKey(name=origin, public_key=key) for key in sorted(known)]
        except ValueError:
            return []  # an origin that no key can have

    return keys_of


def _walk(folder: Path) -> Iterator[Path]:
    with storage_errors(folder):
        yield from sorted(
            path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()
        )


def _read(path: Path) -> Outside:
    with storage_errors(path):
        try:
            if path.stat().st_size > _BYTES_MAX:
                raise MalformedError("it is too large")
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise UsageError(f"There is no file {path}.") from error
    return read_outside(str(path), content)
