"""Pages as PDF, by a library that only those install who want it."""

from __future__ import annotations

import contextlib
import importlib
import io
from types import ModuleType
from typing import Final

from ingestd.values.errors import LibraryMissingError

# What a reader's software needs to read a page aloud: tagged structure, a title, a language.
_VARIANT: Final = "pdf/ua-1"
_REMEDY: Final = (
    "Install ingestd[pdf] and, on Debian, libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0."
)


def render_pdf(page: str) -> bytes:
    """Return an HTML page as a PDF; nothing is fetched. Raises LibraryMissingError."""
    weasyprint = _weasyprint()
    fetcher = weasyprint.URLFetcher(allowed_protocols=())
    document: bytes = weasyprint.HTML(string=page, url_fetcher=fetcher).write_pdf(
        pdf_variant=_VARIANT
    )
    return document


def _weasyprint() -> ModuleType:
    # Where Pango is missing, the library says so on stdout, which is kept for answers.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return importlib.import_module("weasyprint")
        except ImportError as error:
            raise LibraryMissingError(
                f"No PDF can be made: WeasyPrint is not installed. {_REMEDY}", detail=str(error)
            ) from error
        except OSError as error:
            raise LibraryMissingError(
                f"No PDF can be made: WeasyPrint does not find Pango. {_REMEDY}",
                detail=str(error),
            ) from error
