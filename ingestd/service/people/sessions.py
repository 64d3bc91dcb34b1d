"""Sessions: that it is still the one who signed in. They lie in the database, and end there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.service.people.links import hash_secret
from ingestd.service.people.users import User, find_user_by_number
from ingestd.values.clock import from_microseconds

_SQL = Statements(__file__)

IDLE = timedelta(minutes=30)
"""How long a session lasts in which nothing is asked for."""

LIFETIME = timedelta(hours=12)
"""How long a session lasts at most: a working day."""

_SECRET_BYTES = 32
_MICROSECOND = timedelta(microseconds=1)
_SEEN_STEP = timedelta(minutes=1) // _MICROSECOND  # a page a second need not be a write a second


def begin_session(connection: Connection, user: User, *, now: int, peer: str) -> str:
    """Return the secret of a new session of a user; what has ended is forgotten meanwhile.

    `now` is in microseconds since 1970, `peer` the address that it begins from.
    """
    _SQL.run(connection, "delete_ended", _ends(now))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = {
        "token_hash": hash_secret(secret),
        "user_no": user.user_no,
        "begun_at": now,
        "seen_at": now,
        "peer": peer,
    }
    _SQL.run(connection, "insert_session", values)
    return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Whose session it is, and whether it is time to remember that it was used."""

    user: User
    is_to_be_seen: bool


def find_session(database: Database, secret: str, *, now: int) -> Session | None:
    """Return the session of a secret, while it lasts and its user may sign in; none otherwise."""
    token_hash = hash_secret(secret)
    with database.reading() as connection:
        values = {"token_hash": token_hash, **_ends(now)}
        row = _SQL.run(connection, "find_session", values).one_or_none()
        user = None if row is None else find_user_by_number(connection, row.user_no)
    if row is None or user is None or user.is_disabled:
        return None
    return Session(user=user, is_to_be_seen=now - row.seen_at >= _SEEN_STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """One session of a user, as its owner sees it; `is_this` is the one that asks."""

    begun_at: datetime
    seen_at: datetime
    peer: str
    is_this: bool


def list_sessions(
    connection: Connection, user: User, *, now: int, secret: str
) -> list[OpenSession]:
    """Return a user's sessions that last, the newest first; `secret` is of the one that asks."""
    values = {"user_no": user.user_no, **_ends(now)}
    return [
        OpenSession(
            begun_at=from_microseconds(row.begun_at),
            seen_at=from_microseconds(row.seen_at),
            peer=row.peer,
            is_this=bytes(row.token_hash) == hash_secret(secret),
        )
        for row in _SQL.run(connection, "list_sessions", values)
    ]


def see_session(database: Database, secret: str, *, now: int) -> None:
    """Remember that a session was used. On SQLite this waits for a file that is being posted."""
    with database.writing() as connection:
        _SQL.run(connection, "see_session", {"token_hash": hash_secret(secret), "seen_at": now})


def find_owner(connection: Connection, secret: str) -> int | None:
    """Return the number of the user whose session it is, if it was not ended."""
    found = _SQL.run(connection, "find_owner", {"token_hash": hash_secret(secret)}).scalar()
    return None if found is None else int(found)


def end_session(connection: Connection, secret: str) -> None:
    """End a session."""
    _SQL.run(connection, "delete_session", {"token_hash": hash_secret(secret)})


def end_sessions_of(connection: Connection, user: User) -> None:
    """End every session of a user."""
    _SQL.run(connection, "delete_sessions_of", {"user_no": user.user_no})


def end_other_sessions(connection: Connection, user: User, secret: str) -> int:
    """End every session of a user but one; return how many."""
    values = {"user_no": user.user_no, "token_hash": hash_secret(secret)}
    return _SQL.run(connection, "delete_other_sessions", values).rowcount


def _ends(now: int) -> dict[str, object]:
    return {
        "begun_after": now - LIFETIME // _MICROSECOND,
        "seen_after": now - IDLE // _MICROSECOND,
    }
