"""The key that the books are signed with: made at the first start, private, replaceable.

To rotate, put 32 random bytes beside it as `ledger_key.next`: from then on every note bears both
signatures. Rename it over the old one when the new keys are in everybody's hands.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from ingestd.ledger.proof.malformed import MalformedError
from ingestd.ledger.proof.note import SEED_BYTES, Signer, VerifierKey
from ingestd.spool.files import make_folder, storage_errors, write_durably
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import StorageError

_KEY_MODE = 0o600

log = get_logger("ingestd.service")


def make_ledger_key(path: Path) -> None:
    """Make the key, mode 0600, unless it is there. Raises StorageError."""
    if path.exists():
        return
    make_folder(path.parent)
    write_durably(path, secrets.token_bytes(SEED_BYTES), mode=_KEY_MODE)
    log.info(Event.LEDGER_KEY_CREATED, file=str(path))


def read_seeds(path: Path) -> Sequence[bytes]:
    """Return the key in force, and the one that is to take over where there is one.

    Empty where no key is. Raises StorageError when a key can be read by others, or is none.
    """
    coming = path.with_name(f"{path.name}.next")
    return [_load(key) for key in (path, coming) if path.exists() and key.exists()]


def read_public_keys(path: Path) -> Sequence[VerifierKey]:
    """Return every verifier key that was ever written down for a key; older ones stay valid.

    Raises StorageError.
    """
    public = _public(path)
    with storage_errors(public):
        try:
            lines = public.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
    try:
        return [VerifierKey.from_text(line) for line in lines]
    except MalformedError as error:
        raise StorageError(
            f"{public} holds a line that is no verifier key: {error}. Take it out.",
        ) from error


def write_public_keys(path: Path, origins: Iterable[str]) -> None:
    """Write down the verifier keys of these origins, beside all that were before.

    Raises StorageError.
    """
    known = read_public_keys(path)
    seeds = read_seeds(path)
    new = [Signer(origin, seed).key for origin in origins for seed in seeds]
    keys = list(dict.fromkeys([*known, *new]))
    if len(keys) > len(known):
        text = "".join(f"{key.to_text()}\n" for key in sorted(keys, key=lambda key: key.name))
        write_durably(_public(path), text.encode())


def _public(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def _load(path: Path) -> bytes:
    with storage_errors(path):
        try:
            mode = path.stat().st_mode
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise StorageError(f"The key {path} is gone.", detail=repr(error)) from error
    if mode & 0o077:
        raise StorageError(
            f"The key {path} can be read by others (mode {stat.S_IMODE(mode):04o}). "
            f"Run: chmod 600 {path}"
        )
    if len(content) != SEED_BYTES:
        raise StorageError(
            f"The key {path} has {len(content)} bytes, not {SEED_BYTES}. Restore it from a backup; "
            "a lost key is replaced by moving this file away and handing out the new keys."
        )
    return content
