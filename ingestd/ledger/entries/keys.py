"""Keys: the ids that are made from others, such as that of a refund's payout."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

KEY_CHARACTERS_MAX: Final = 64
"""How long an id may be."""

CASH_PREFIX: Final = "CASH"
PAYOUT_PREFIX: Final = "PAYOUT"

_HASH_DIGITS = 32


def made_from(prefix: str, key: str, *, hashed: bool = False) -> str:
    """Return the id that follows from another.

    A key that would make it too long is stood for by the beginning of its SHA-256, as one that is
    to be `hashed` is.
    """
    made = f"{prefix}-{key}"
    if len(made) <= KEY_CHARACTERS_MAX and not hashed:
        return made
    return f"{prefix}-{sha256(key.encode()).hexdigest()[:_HASH_DIGITS]}"


def free_id(prefix: str, key: str, *, is_taken: Callable[[str], bool]) -> str:
    """Return the id that follows from another, or, where that is taken, the next that is free."""
    made, times = made_from(prefix, key), 1
    while is_taken(made):
        times += 1
        made = made_from(prefix, f"{key}#{times}", hashed=True)
    return made
