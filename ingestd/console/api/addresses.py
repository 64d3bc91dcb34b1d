"""Where the API is asked."""

from __future__ import annotations

from typing import Final

ROOT: Final = "/api"
OPENAPI: Final = f"{ROOT}/v1/openapi.json"
"""What the API takes and gives; for everybody to read, as this page's source is."""
