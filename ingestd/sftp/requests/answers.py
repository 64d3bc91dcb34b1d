"""How our answers look in SFTP: statuses with words for people, and plain attributes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import asyncssh
from asyncssh import SFTPAttrs, SFTPName
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR
from structlog.stdlib import BoundLogger

from ingestd.sftp.uploads.announcing import NotWithdrawnError
from ingestd.sftp.uploads.losses import WORDS_OTHERWISE, Loss, UploadLostError, words_of
from ingestd.telemetry.events import Event
from ingestd.values.errors import NoSpaceError, StorageError

_FILE_MODE = 0o100640
_FOLDER_MODE = 0o040750


@contextlib.contextmanager
def answered(log: BoundLogger) -> Iterator[None]:
    """Turn our errors into SFTP statuses that tell a client what to do, and no path of ours."""
    try:
        yield
    except UploadLostError as error:
        raise _status_of(error.loss) from error
    except NotWithdrawnError as error:
        raise asyncssh.SFTPFailure("it cannot be withdrawn just now; try again") from error
    except NoSpaceError as error:
        log.error(Event.STORAGE_FAILED, code=error.code, message=error.message)
        raise asyncssh.SFTPNoSpaceOnFilesystem(words_of(Loss.NO_SPACE)) from error
    except StorageError as error:
        log.error(Event.STORAGE_FAILED, code=error.code, message=error.message)
        raise asyncssh.SFTPFailure(WORDS_OTHERWISE) from error


def file_attributes(size_bytes: int, modified: float) -> SFTPAttrs:
    """Return what a client may know of a file: a size and a time; modes and owners are fixed."""
    return SFTPAttrs(
        type=FILEXFER_TYPE_REGULAR,
        size=size_bytes,
        permissions=_FILE_MODE,
        atime=int(modified),
        mtime=int(modified),
        nlink=1,
    )


def folder_attributes(modified: float) -> SFTPAttrs:
    """Return the attributes that every folder has."""
    return SFTPAttrs(
        type=FILEXFER_TYPE_DIRECTORY,
        size=0,
        permissions=_FOLDER_MODE,
        atime=int(modified),
        mtime=int(modified),
        nlink=1,
    )


def named(name: str, attributes: SFTPAttrs) -> SFTPName:
    """Return one line of a listing."""
    return SFTPName(name.encode(), attrs=attributes)


def _status_of(loss: Loss) -> asyncssh.SFTPError:
    if loss is Loss.TOO_LARGE:
        return asyncssh.SFTPQuotaExceeded(words_of(loss))
    if loss is Loss.NO_SPACE:
        return asyncssh.SFTPNoSpaceOnFilesystem(words_of(loss))
    return asyncssh.SFTPFailure(words_of(loss))
