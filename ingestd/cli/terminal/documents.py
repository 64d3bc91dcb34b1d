"""Documents: a page or a PDF, written to a file or to stdout."""

from __future__ import annotations

import sys
from pathlib import Path

from ingestd.values.errors import StorageError


def write_document(content: bytes, path: Path | None) -> None:
    """Replace a file whole with a document, mode 0640, or write it to stdout without one.

    Raises StorageError where there is no such folder.
    """
    from ingestd.spool.files import write_durably

    if path is None:
        # UTF-8 whatever the terminal's locale: so the page says of itself.
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        write_durably(path, content)
    except FileNotFoundError as error:
        raise StorageError(f"{path.parent} does not exist. Make it first.") from error
