"""The archive that nodes share: blobs in a bucket of S3, or of whatever speaks like it.

Credentials, region and endpoint come from the environment, under the names that all programs know
(`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, …), or from the
machine's role; where `AWS_SHARED_CREDENTIALS_FILE` is set, from that file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ParserError
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ingestd.spool.archive.archive import ArchiveWaits, blob_key, notes_prefix, wrong_key
from ingestd.spool.files import storage_errors, write_pieces_durably
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import ArchiveAwayError, StorageError, WrongBlobError
from ingestd.values.identifiers import AccountId, UploadId

if TYPE_CHECKING:
    from obstore.store import S3Credential

_PIECE_BYTES = 8 << 20
"""What goes in one request, and is held in memory; a larger file goes in several."""

_PIECES_AT_ONCE = 4
_RETRIES_MAX = 3
_AGAIN_SECONDS = 4.0  # what failed sooner is tried once more
_CREDENTIALS_SECONDS = 300  # a file of credentials is read anew so often: they may be exchanged
_NOTE_SUFFIX = ".json"
_PROBE = "doctor"  # and some letters: what another node writes meanwhile is no answer to this one
_NOT_IMPLEMENTED = "501 Not Implemented"  # what Swift says of If-None-Match
_FORBIDDEN = "403 Forbidden"  # a refused listing has no class of its own
_PANIC = "PanicException"  # nor can this one's be imported

log = get_logger("ingestd.spool")


class S3Archive:
    """A bucket, or what is below a prefix in it."""

    is_shared = True

    def __init__(self, url: str, *, accepts_when_away: bool, waits: ArchiveWaits) -> None:
        parts = urlsplit(url)
        self._url = url
        self.accepts_when_away = accepts_when_away
        self._knows_conditions = True
        self._troubles: dict[str, str] = {}  # why what was asked last was not answered, by its kind
        self._probe = f"{_PROBE}-{secrets.token_hex(4)}"
        file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
        with self._answers("open"):
            self._store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                client_options={
                    "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
                    "connect_timeout": timedelta(seconds=waits.connect),
                    "timeout": timedelta(seconds=waits.answer),
                },
                retry_config={
                    "max_retries": _RETRIES_MAX,
                    "retry_timeout": timedelta(seconds=waits.repeats),
                },
                credential_provider=None if file is None else _CredentialsFile(Path(file)),
            )

    @property
    def trouble(self) -> str:
        """Why something that was asked lately was not answered; see `Archive.trouble`."""
        return next(iter(self._troubles.copy().values()), "")

    def put(self, account: AccountId, sha256: str, path: Path) -> None:
        """Keep a file's bytes for good, under their hash; see `Archive.put`."""
        key = blob_key(account, sha256)
        with storage_errors(path), path.open("rb") as file:
            is_large = os.fstat(file.fileno()).st_size > _PIECE_BYTES
            if not is_large:
                content = file.read()
                _require_hash(path, hashlib.sha256(content).hexdigest(), sha256)
                self._put_small(key, content, sha256)
                return
        if not self._is_right(key, sha256):
            self._put_large(key, path, sha256)

    def fetch(self, account: AccountId, sha256: str, path: Path) -> None:
        """Put a blob at `path`, whole and with its own hash, or not at all; see `Archive.fetch`."""
        key = blob_key(account, sha256)
        try:
            write_pieces_durably(path, self._right_pieces(key, sha256))
        except FileNotFoundError as error:
            raise StorageError(
                f"The archive {self._url} does not have {key}. Look for it among its older "
                "versions; or give the upload up: ingestd uploads give-up",
                detail=_reason(error),
            ) from error

    def holds(self, account: AccountId, sha256: str) -> bool:
        """Tell whether something is kept under a hash. Raises ArchiveAwayError."""
        try:
            with self._answers("find"):
                obstore.head(self._store, blob_key(account, sha256))
        except FileNotFoundError:
            return False
        return True

    def put_note(self, account: AccountId, upload_id: UploadId, note: bytes) -> None:
        """Keep a note beside the blobs, in place of an earlier one. Raises ArchiveAwayError."""
        self._put(f"{notes_prefix(account)}{upload_id}{_NOTE_SUFFIX}", note)

    def read_notes(self, account: AccountId) -> list[tuple[UploadId, bytes]]:
        """Return an account's notes, oldest upload first. Raises ArchiveAwayError."""
        prefix = notes_prefix(account)
        notes: list[tuple[UploadId, bytes]] = []
        for key in sorted(self._keys_below(prefix)):
            upload_id = UploadId(key.removeprefix(prefix).removesuffix(_NOTE_SUFFIX))
            with contextlib.suppress(FileNotFoundError):  # its node has queued it meanwhile
                notes.append((upload_id, b"".join(self._pieces(key))))
        return notes

    def remove_note(self, account: AccountId, upload_id: UploadId) -> None:
        """Remove a note, if there is one. Raises ArchiveAwayError."""
        self._remove(f"{notes_prefix(account)}{upload_id}{_NOTE_SUFFIX}")

    def ask(self) -> None:
        """Ask for what is not there; see `Archive.ask`."""
        # Not its head: an answer without a body does not tell a missing bucket from an empty one.
        with contextlib.suppress(FileNotFoundError), self._answers("read"):
            obstore.get(self._store, self._probe)

    def examine(self) -> str:
        """Write, read, list and remove something; see `Archive.examine`."""
        said = os.urandom(16)
        self._put(self._probe, said)
        try:
            if b"".join(self._pieces(self._probe)) != said:
                raise StorageError(f"The archive {self._url} gives back other than it was given.")
            is_strict = not self._create(self._probe, said)
            self._keys_below(self._probe)
        except FileNotFoundError as error:
            raise StorageError(f"The archive {self._url} does not keep what it takes.") from error
        finally:
            self._remove(self._probe)
        self._troubles.clear()
        is_strict = is_strict and self._knows_conditions
        kept = "keeps the first of two" if is_strict else "does not know If-None-Match"
        return f"{self._url} answers, {kept}"

    def _put_small(self, key: str, content: bytes, sha256: str) -> None:
        began = time.monotonic()
        try:
            is_new = self._create(key, content)
        except ArchiveAwayError:
            if time.monotonic() - began > _AGAIN_SECONDS:
                raise
            # It may have been stored, and its answer lost: then the next try finds it.
            is_new = self._create(key, content)
        if is_new or self._is_right(key, sha256):
            return
        self._put(key, content)

    def _put_large(self, key: str, path: Path, sha256: str) -> None:
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            with path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    digest.update(piece)
                    yield piece

        with storage_errors(path), self._answers("store"):
            obstore.put(
                *(self._store, key, pieces()),
                chunk_size=_PIECE_BYTES,
                max_concurrency=_PIECES_AT_ONCE,
            )
        if digest.hexdigest() != sha256:
            self._remove(key)
        _require_hash(path, digest.hexdigest(), sha256)

    def _create(self, key: str, content: bytes) -> bool:
        """Store something where nothing is; False where something is.

        Of two that do so at once, a server that knows no conditions may keep the second: under a
        hash these are the same bytes.
        """
        if not self._knows_conditions:
            return self._create_without_condition(key, content)
        try:
            with self._answers("store"):
                obstore.put(self._store, key, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except ArchiveAwayError as error:
            if _NOT_IMPLEMENTED not in error.detail:
                raise
            self._knows_conditions = False
            self._troubles.pop("store", None)  # it was an answer
            return self._create_without_condition(key, content)
        return True

    def _create_without_condition(self, key: str, content: bytes) -> bool:
        try:
            with self._answers("find"):
                obstore.head(self._store, key)
        except FileNotFoundError:
            self._put(key, content)
            return True
        return False

    def _put(self, key: str, content: bytes) -> None:
        with self._answers("store"):
            obstore.put(self._store, key, content, use_multipart=False)

    def _keys_below(self, prefix: str) -> list[str]:
        with self._answers("list"):
            return [found["path"] for page in obstore.list(self._store, prefix) for found in page]

    def _remove(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._answers("remove"):
            obstore.delete(self._store, key)

    def _is_right(self, key: str, sha256: str) -> bool:
        """Tell whether the right bytes are there; set aside whatever else is."""
        digest = hashlib.sha256()
        try:
            for piece in self._pieces(key):
                digest.update(piece)
        except FileNotFoundError:
            return False
        if digest.hexdigest() == sha256:
            return True
        with self._answers("copy"):
            obstore.copy(self._store, key, wrong_key(key))
        log.error(Event.BLOB_REPLACED, key=key, kept_as=wrong_key(key))
        return False

    def _right_pieces(self, key: str, sha256: str) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in self._pieces(key):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != sha256:
            raise WrongBlobError(
                f"The archive {self._url} has other bytes under {key} than its name says. Nothing "
                "of them was read. Put the right ones back; then run: ingestd uploads retry",
                detail=f"found {digest.hexdigest()}",
            )

    def _pieces(self, key: str) -> Iterator[bytes]:
        """Yield what a key holds. Raises FileNotFoundError when it holds nothing."""
        with self._answers("read"):
            for piece in obstore.get(self._store, key).stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)

    @contextlib.contextmanager
    def _answers(self, what: str) -> Iterator[None]:
        """Turn what keeps an archive from answering into ArchiveAwayError.

        FileNotFoundError and AlreadyExistsError pass through: they are answers.
        """
        try:
            yield
            self._troubles.pop(what, None)
        except (FileNotFoundError, BaseError) as error:
            if "NoSuchBucket" in str(error):
                why = "there is no such bucket"
            elif isinstance(error, (FileNotFoundError, AlreadyExistsError)):
                self._troubles.pop(what, None)
                raise
            elif _is_refusal(error):
                why = "it refuses these credentials"
            else:
                why = "it does not answer as it should"
            raise self._away(what, why, error) from error
        except BaseException as error:
            # The library panics over an endpoint without a scheme, say; that is no Exception,
            # and would end the thread of whoever asks.
            if type(error).__name__ != _PANIC:
                raise
            why = "a variable is wrong that leads to it, such as AWS_ENDPOINT_URL"
            raise self._away(what, why, error) from error

    def _away(self, what: str, why: str, error: BaseException) -> ArchiveAwayError:
        message = f"Cannot {what} in the archive {self._url}: {why}. See ingestd doctor."
        self._troubles[what] = message
        return ArchiveAwayError(message, detail=_reason(error))


class _CredentialsFile:
    """Credentials in a file of their own, as `aws configure` writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> S3Credential:
        parser = ConfigParser(interpolation=None)
        profile = os.environ.get("AWS_PROFILE", "default")
        try:
            parser.read_string(self._path.read_text("utf-8"))
            section = parser[profile]
            return {
                "access_key_id": section["aws_access_key_id"],
                "secret_access_key": section["aws_secret_access_key"],
                "token": section.get("aws_session_token"),
                "expires_at": datetime.now(UTC) + timedelta(seconds=_CREDENTIALS_SECONDS),
            }
        except (OSError, UnicodeDecodeError, ParserError, KeyError) as error:
            # Never the error's own words: they quote the file.
            raise StorageError(
                f"{self._path} holds no credentials of profile {profile}."
            ) from error


def _require_hash(path: Path, found: str, sha256: str) -> None:
    if found != sha256:
        raise StorageError(
            f"{path} does not hold any more what was received. Check the disk.",
            detail=f"received {sha256}, found {found}",
        )


def _is_refusal(error: Exception) -> bool:
    """Tell whether an archive knows who asks, or does not, and lets them do nothing."""
    refused = isinstance(error, (PermissionDeniedError, UnauthenticatedError))
    return refused or _FORBIDDEN in _reason(error)


def _reason(error: BaseException) -> str:
    """Return what an error says before it quotes an answer, which may name a key."""
    return str(error).splitlines()[0].split(": <")[0]
