"""Password hashes kept out of sight: a text that people see has a name in the place of each."""

from __future__ import annotations

import re
from hashlib import sha256

# As crypt(3) and argon2 write them, wherever they stand: in a comment, in a file with a mistake.
_HASH = re.compile(r"\$[a-z0-9][a-z0-9-]{0,31}\$[A-Za-z0-9+/=.,$-]{8,}")
_NAME = re.compile(r"hidden-hash-[0-9a-f]{16}")


def hide_hashes(text: str) -> str:
    """Return a text with a name such as `hidden-hash-0123456789abcdef` for each password hash."""
    return _HASH.sub(lambda found: _name_of(found[0]), text)


def restore_hashes(text: str, *known: str) -> str:
    """Return a text with the hashes that its names stand for in the known texts.

    A name that stands for none stays, and is no hash.
    """
    hashes = {_name_of(found): found for each in known for found in _HASH.findall(each)}
    return _NAME.sub(lambda found: hashes.get(found[0], found[0]), text)


def _name_of(password_hash: str) -> str:
    return f"hidden-hash-{sha256(password_hash.encode()).hexdigest()[:16]}"
