"""Pictures that a page holds: made here, as SVG, and shown without a script."""

from __future__ import annotations

import segno


def qr_code(text: str) -> str:
    """Return a text as a QR code, for the `src` of an image; dark on light on any background."""
    code = segno.make_qr(text, error="m")
    return code.svg_data_uri(scale=4, border=4, dark="#000", light="#fff", xmldecl=False)
