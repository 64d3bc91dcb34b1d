"""The server's host keys: made at first start, private, replaceable without alarming clients."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import asyncssh

from ingestd.spool.files import storage_errors, sync_folder, write_durably
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import StorageError

_log = get_logger("ingestd.sftp")

# No RSA: an RSA host key always brings the SHA-1 signature `ssh-rsa` with it.
_ALGORITHMS = {
    "ssh_host_ed25519_key": "ssh-ed25519",
    "ssh_host_ecdsa_key": "ecdsa-sha2-nistp256",
}
_KEY_MODE = 0o600
_FOLDER_MODE = 0o700


def load_or_create_host_keys(folder: Path) -> list[asyncssh.SSHKey]:
    """Return the host keys in `folder`, those in force before those to come.

    Missing ones are made: files of mode 0600 in a folder of mode 0700, each with its public
    half next to it as `NAME.pub`. Of several nodes that share the folder and start at once, one
    makes each key, and all have it. To rotate, put the coming key next to the present one as
    `NAME.next`: clients that learn host keys are told about it before it takes over.
    Raises StorageError when a key cannot be read, or can be read by others.
    """
    _make_private_folder(folder)
    keys: list[asyncssh.SSHKey] = []
    for name, algorithm in _ALGORITHMS.items():
        path = folder / name
        if not path.exists():
            _create(path, algorithm)
        keys.append(_load(path))
    return keys + [_load(path) for path in _coming_keys(folder)]


def fingerprints(folder: Path) -> dict[str, str]:
    """Return `algorithm → SHA256:…` of the keys in force, as `ssh-keygen -l` writes them.

    Empty when no keys were made yet. Raises StorageError.
    """
    paths = [folder / name for name in _ALGORITHMS]
    keys = [_load(path) for path in paths if path.exists()]
    return {key.get_algorithm(): key.get_fingerprint() for key in keys}


def _coming_keys(folder: Path) -> list[Path]:
    return [path for name in _ALGORITHMS if (path := folder / f"{name}.next").exists()]


def _make_private_folder(folder: Path) -> None:
    try:
        with storage_errors(folder):
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            found = folder.stat()
            # Somebody else's, or one that is mounted to be read, stays: each key's mode counts.
            is_ours = found.st_uid == os.geteuid() and os.access(folder, os.W_OK)
            if is_ours and stat.S_IMODE(found.st_mode) & 0o077:
                folder.chmod(_FOLDER_MODE)
    except FileExistsError as error:
        raise StorageError(
            f"{folder} is a file where the folder of host keys should be. Move it away.",
            detail=repr(error),
        ) from error


def _create(path: Path, algorithm: str) -> None:
    key = asyncssh.generate_private_key(algorithm, comment="ingestd")
    if not _write_where_none_is(path, key.export_private_key()):
        return
    write_durably(path.with_name(f"{path.name}.pub"), key.export_public_key())
    _log.info(Event.HOST_KEY_CREATED, algorithm=algorithm, fingerprint=key.get_fingerprint())


def _write_where_none_is(path: Path, content: bytes) -> bool:
    """Put a key in its place, whole; False where another node has put one there meanwhile."""
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_durably(own, content, mode=_KEY_MODE)
    try:
        with storage_errors(path):
            # Unlike a rename it replaces nothing.
            path.hardlink_to(own)
            sync_folder(path.parent)
    except FileExistsError:
        return False
    finally:
        own.unlink(missing_ok=True)
    return True


def _load(path: Path) -> asyncssh.SSHKey:
    try:
        with storage_errors(path):
            mode = path.stat().st_mode
            content = path.read_bytes()
    except FileNotFoundError as error:
        raise StorageError(f"The host key {path} is gone.", detail=repr(error)) from error
    if mode & 0o077:
        raise StorageError(
            f"The host key {path} can be read by others (mode {stat.S_IMODE(mode):04o}). "
            f"Run: chmod 600 {path}"
        )
    try:
        return asyncssh.import_private_key(content)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise StorageError(
            f"The host key {path} cannot be read: {error}. "
            "Restore it from a backup, or move it away to have a new one made.",
            detail=repr(error),
        ) from error
