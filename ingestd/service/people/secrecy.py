"""Secrecy: what the database keeps of secrets that have to be read back, and with which key.

The key lies in the data folder and in no database: whoever has a backup of one alone reads
nothing of it.
"""

from __future__ import annotations

import secrets
import stat
import threading
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingestd.spool.files import make_folder, storage_errors, write_durably
from ingestd.values.errors import StorageError

_KEY_BYTES = 32
_KEY_MODE = 0o600
_NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2


class Secrecy:
    """Encrypts and decrypts with the key of one file (AES-256-GCM)."""

    def __init__(self, key_file: Path) -> None:
        self._path = key_file
        self._making = threading.Lock()  # of two keys made at once one would be lost

    def hide(self, content: bytes, *, purpose: str) -> bytes:
        """Return what may be stored of something secret; the key is made where there is none.

        It is revealed for the same `purpose` alone: what is kept for one user opens nothing of
        another's. Raises StorageError.
        """
        with self._making:
            if not self._path.exists():
                make_folder(self._path.parent)
                write_durably(self._path, secrets.token_bytes(_KEY_BYTES), mode=_KEY_MODE)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key()).encrypt(nonce, content, purpose.encode())

    def reveal(self, stored: bytes, *, purpose: str) -> bytes:
        """Return what was hidden. Raises StorageError where the key is gone, or is another."""
        nonce, encrypted = stored[:_NONCE_BYTES], stored[_NONCE_BYTES:]
        try:
            return AESGCM(self._key()).decrypt(nonce, encrypted, purpose.encode())
        except InvalidTag as error:
            raise StorageError(
                f"{self._path} is not the key that this was kept with. Restore it from a backup; "
                "nodes that share a database share this file, too."
            ) from error

    def _key(self) -> bytes:
        try:
            with storage_errors(self._path):
                mode = self._path.stat().st_mode
                key = self._path.read_bytes()
        except FileNotFoundError as error:
            raise StorageError(
                f"The key {self._path} is gone. Restore it from a backup."
            ) from error
        if mode & 0o077:
            raise StorageError(
                f"The key {self._path} can be read by others (mode {stat.S_IMODE(mode):04o}). "
                f"Run: chmod 600 {self._path}"
            )
        if len(key) != _KEY_BYTES:
            raise StorageError(f"The key {self._path} is damaged. Restore it from a backup.")
        return key
