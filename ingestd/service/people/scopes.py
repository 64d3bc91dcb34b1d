"""Scopes: what a token may do in its accounts, and for how long."""

from __future__ import annotations

from enum import StrEnum

DAYS = 365
"""How long a token lasts where nobody says it."""

DAYS_MAX = 730


class TokenScope(StrEnum):
    """What a token may do in its accounts.

    `upload` sends files, checks them and fetches receipts, as an SFTP client does; `read` asks for
    uploads and figures; `contacts` adds to it who people are and how they are reached; `money`
    writes the books.
    """

    UPLOAD = "upload"
    READ = "read"
    CONTACTS = "contacts"
    MONEY = "money"
