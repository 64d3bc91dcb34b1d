"""The second factor: a code that a telephone makes (RFC 6238), or one of ten that lie in a drawer.

Each code counts once. All functions work inside their caller's transaction; `now` is in
microseconds since 1970.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import Enum, auto

import pyotp
from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.service.people.links import hash_secret
from ingestd.service.people.secrecy import Secrecy
from ingestd.service.people.users import User

_SQL = Statements(__file__)

RECOVERY_CODES = 10
STEP_SECONDS = 30
DRIFT_STEPS = 1
"""How many half minutes a telephone's clock may be ahead or behind."""

_ISSUER = "ingestd"
_DIGITS = 6
_GROUP, _GROUPS = 4, 4
# What is taken for no other letter; 31 ** 16 codes are beyond any guessing.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a telephone is told once: the secret in base32, and the same as an otpauth address."""

    secret: str
    address: str


class Used(Enum):
    """What a code was."""

    TELEPHONE = auto()
    RECOVERY = auto()


def begin(connection: Connection, user: User, secrecy: Secrecy) -> None:
    """Make what a user's codes will be made from; nothing is asked for until one was right.

    Whoever is asked for codes already keeps what they have.
    """
    if user.has_totp:
        return
    stored = secrecy.hide(pyotp.random_base32().encode(), purpose=_purpose(user))
    _SQL.run(connection, "delete_totp", {"user_no": user.user_no})
    _SQL.run(connection, "insert_totp", {"user_no": user.user_no, "secret": stored})


def find_offer(connection: Connection, user: User, secrecy: Secrecy) -> Offer | None:
    """Return what the telephone is to be told, until a code of it was right."""
    row = _SQL.run(connection, "find_totp", {"user_no": user.user_no}).one_or_none()
    if row is None or row.is_on:
        return None
    secret = secrecy.reveal(bytes(row.secret), purpose=_purpose(user)).decode()
    address = pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=_ISSUER)
    return Offer(secret=secret, address=address)


def switch_on(
    connection: Connection, user: User, code: str, secrecy: Secrecy, *, now: int
) -> tuple[str, ...] | None:
    """Ask a user for codes from now on; return the recovery codes. None: the code is wrong."""
    if not _use_step(connection, user, code, secrecy, now=now, is_on=False):
        return None
    return make_recovery_codes(connection, user)


def use_code(
    connection: Connection, user: User, code: str, secrecy: Secrecy, *, now: int
) -> Used | None:
    """Take a code of a user who is asked for one, once; None where it is wrong, or was used."""
    if _use_step(connection, user, code, secrecy, now=now, is_on=True):
        return Used.TELEPHONE
    plain = "".join(code.lower().split()).replace("-", "")
    values = {"user_no": user.user_no, "code_hash": hash_secret(plain)}
    gone = _SQL.run(connection, "use_recovery_code", values).rowcount
    return Used.RECOVERY if gone else None


def switch_off(connection: Connection, user: User) -> None:
    """Ask a user for no code any more; recovery codes go with what they stood in for."""
    _SQL.run(connection, "delete_totp", {"user_no": user.user_no})
    _SQL.run(connection, "delete_recovery_codes", {"user_no": user.user_no})


def make_recovery_codes(connection: Connection, user: User) -> tuple[str, ...]:
    """Return new recovery codes, such as `abcd-efgh-jkmn-pqrs`; all earlier ones count no more."""
    codes = [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]
    _SQL.run(connection, "delete_recovery_codes", {"user_no": user.user_no})
    rows = [
        {"user_no": user.user_no, "code_hash": hash_secret(code.replace("-", ""))} for code in codes
    ]
    _SQL.run_many(connection, "insert_recovery_code", rows)
    return tuple(codes)


def count_recovery_codes(connection: Connection, user: User) -> int:
    """Return how many recovery codes a user has left."""
    values = {"user_no": user.user_no}
    return int(_SQL.run(connection, "count_recovery_codes", values).scalar_one())


def _use_step(
    connection: Connection, user: User, code: str, secrecy: Secrecy, *, now: int, is_on: bool
) -> bool:
    digits = "".join(code.split())
    row = _SQL.run(connection, "find_totp", {"user_no": user.user_no}).one_or_none()
    if row is None or len(digits) != _DIGITS or not digits.isascii():
        return False
    totp = pyotp.TOTP(secrecy.reveal(bytes(row.secret), purpose=_purpose(user)).decode())
    present = now // 1_000_000 // STEP_SECONDS
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            values = {"user_no": user.user_no, "step": step, "is_on": int(is_on)}
            return bool(_SQL.run(connection, "use_step", values).rowcount)
    return False


def _purpose(user: User) -> str:
    return f"totp of user {user.user_no}"
