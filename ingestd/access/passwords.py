"""Passwords: what may be one, and whether one fits its argon2id hash."""

from __future__ import annotations

import contextlib

from argon2 import Parameters, PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

from ingestd.values.errors import UsageError

CHARACTERS_MIN = 12
CHARACTERS_MAX = 1024

VERIFICATIONS_MAX = 2
"""argon2 takes 64 MiB and a core for each verification: so many at a time, whoever asks."""


def check_password(text: str) -> str:
    """Return what can be a good password. Raises UsageError, which never shows it."""
    if not text:
        raise UsageError("The password is empty.")
    if len(text) < CHARACTERS_MIN:
        raise UsageError(f"The password is shorter than {CHARACTERS_MIN} characters.")
    if len(text) > CHARACTERS_MAX:
        raise UsageError(f"The password is longer than {CHARACTERS_MAX} characters.")
    if not text.isprintable():
        raise UsageError("The password holds a control character, or is not UTF-8.")
    return text


def hash_password(password: str) -> str:
    """Return a password's hash, as accounts.toml and the console's users keep it."""
    return PasswordHasher().hash(_octets(password))


def fits(password_hash: str, password: str) -> bool:
    """Tell whether a password is the one that was hashed; a hash that is none fits nothing."""
    try:
        return PasswordHasher().verify(password_hash, _octets(password))
    except (Argon2Error, InvalidHashError):
        return False


def hash_in_vain(cost: Parameters | None, password: str) -> None:
    """Take as long as verifying a password takes, at a hash's cost or at that of a new one."""
    hasher = PasswordHasher() if cost is None else PasswordHasher.from_parameters(cost)
    with contextlib.suppress(Argon2Error):
        hasher.hash(_octets(password))


def cost_of(password_hash: str) -> Parameters | None:
    """Return what verifying a hash costs; None for one that is none."""
    with contextlib.suppress(InvalidHashError):
        return extract_parameters(password_hash)
    return None


def _octets(password: str) -> bytes:
    # A guess may hold what is no text; it fits nothing, and is no error either.
    return password.encode("utf-8", "surrogatepass")
