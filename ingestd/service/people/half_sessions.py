"""Half sessions: somebody gave a password and owes a code. They open no page, and end soon."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.service.people.links import hash_secret
from ingestd.service.people.users import User, find_user_by_number

_SQL = Statements(__file__)

LIFETIME = timedelta(minutes=5)
TRIES_MAX = 5
_SECRET_BYTES = 32
_MICROSECOND = timedelta(microseconds=1)


def begin_half_session(connection: Connection, user: User, *, now: int) -> str:
    """Return the secret of a new half session; `now` is in microseconds since 1970."""
    _SQL.run(connection, "delete_late", {"begun_after": _begun_after(now)})
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = {"token_hash": hash_secret(secret), "user_no": user.user_no, "begun_at": now}
    _SQL.run(connection, "insert_half_session", values)
    return secret


def find_half_session(
    connection: Connection, secret: str, *, now: int, at_last_try: bool = False
) -> User | None:
    """Return who owes a code, while they may give one; nobody otherwise.

    `at_last_try`: the last code that may be tried was counted already, and is to be looked at.
    """
    values = {
        "token_hash": hash_secret(secret),
        "begun_after": _begun_after(now),
        "tries_max": TRIES_MAX + at_last_try,
    }
    user_no = _SQL.run(connection, "find_half_session", values).scalar()
    user = None if user_no is None else find_user_by_number(connection, int(user_no))
    return None if user is None or user.is_disabled else user


def count_try(connection: Connection, secret: str) -> bool:
    """Count that a code is tried, before it is looked at; tell whether it may be."""
    values = {"token_hash": hash_secret(secret), "tries_max": TRIES_MAX}
    return bool(_SQL.run(connection, "count_try", values).rowcount)


def end_half_session(connection: Connection, secret: str) -> bool:
    """End a half session; tell whether it was there: of two who end it at once one did."""
    values = {"token_hash": hash_secret(secret)}
    return bool(_SQL.run(connection, "delete_half_session", values).rowcount)


def end_half_sessions_of(connection: Connection, user: User) -> None:
    """End every half session of a user."""
    _SQL.run(connection, "delete_half_sessions_of", {"user_no": user.user_no})


def _begun_after(now: int) -> int:
    return now - LIFETIME // _MICROSECOND
