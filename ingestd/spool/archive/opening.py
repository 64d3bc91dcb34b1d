"""Which archive an installation has; the library that speaks S3 is loaded only where it is used."""

from __future__ import annotations

from importlib.util import find_spec

from ingestd.spool.archive.archive import Archive, ArchiveWaits
from ingestd.spool.archive.local import LocalArchive
from ingestd.values.errors import LibraryMissingError

HOW_TO_INSTALL = "Install ingestd with it: pip install 'ingestd[s3]'."


def can_speak_s3() -> bool:
    """Tell whether the library is installed that speaks S3."""
    return find_spec("obstore") is not None


def open_archive(
    url: str | None, *, accepts_when_away: bool = False, waits: ArchiveWaits | None = None
) -> Archive:
    """Return the archive that `archive_url` names, or the node's own folder for None.

    Nothing is connected yet. Raises LibraryMissingError.
    """
    if url is None:
        return LocalArchive()
    if not can_speak_s3():
        raise LibraryMissingError(f"archive_url needs a library for S3. {HOW_TO_INSTALL}")
    from ingestd.spool.archive.s3 import S3Archive  # noqa: PLC0415 - seldom needed, and large

    return S3Archive(url, accepts_when_away=accepts_when_away, waits=waits or ArchiveWaits())
