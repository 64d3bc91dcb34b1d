"""Mail addresses: which texts are one."""

from __future__ import annotations

import re

# One mailbox without quotes and comments, as RFC 5321 (4.1.2) and RFC 6531 write it. What is
# rarer is refused rather than read in two ways: `a@b,c@d` is no single address.
_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\\\"]{1,64}@"
    r"(?!-)[^\W_](?:[^\W_]|-){0,62}(?:\.[^\W_](?:[^\W_]|-){0,62})*"
)
_CHARACTERS_MAX = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets


def is_mail_address(text: str) -> bool:
    """Tell whether a text is one mail address that mail can be sent to."""
    fits = len(text) <= _CHARACTERS_MAX and text.isprintable()
    return fits and _ADDRESS.fullmatch(text) is not None
