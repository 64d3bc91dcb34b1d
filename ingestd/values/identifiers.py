"""Identifiers: opaque text with one meaning each."""

from __future__ import annotations

import re
from typing import NewType

from ulid import ULID

AccountId = NewType("AccountId", str)
"""A district's account (tenant), and its SFTP user name."""

UploadId = NewType("UploadId", str)
"""One upload: a ULID, so that identifiers sort by the time they were made."""

LedgerId = NewType("LedgerId", str)
"""One ledger, wherever it is kept and copied to: 32 hexadecimal digits, made with it."""

ACCOUNT_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
RESERVED_ACCOUNT_IDS = frozenset({"incoming", "receipts"})
"""No account is called so, in any case: every account's own two folders are, for short."""

UPLOAD_ID_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
LEDGER_ID_PATTERN = re.compile(r"[0-9a-f]{32}", re.ASCII)


def new_upload_id() -> UploadId:
    """Return an identifier that no other upload has, on any node."""
    return UploadId(str(ULID()))
