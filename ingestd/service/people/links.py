"""One-time links: by one somebody who was let in chooses a password."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.service.people.users import User, find_user_by_number

_SQL = Statements(__file__)

LIFETIME = timedelta(hours=24)
_SECRET_BYTES = 32
_MICROSECOND = timedelta(microseconds=1)


def make_link(connection: Connection, user: User, *, now: int) -> str:
    """Return the secret of a new link of a user; earlier ones open nothing any more.

    It lasts a day, and opens once. `now` is in microseconds since 1970.
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    _SQL.run(connection, "delete_links", {"user_no": user.user_no})
    values = {
        "token_hash": hash_secret(secret),
        "user_no": user.user_no,
        "expires_at": now + LIFETIME // _MICROSECOND,
    }
    _SQL.run(connection, "insert_link", values)
    return secret


def find_invited(connection: Connection, secret: str, *, now: int) -> User | None:
    """Return whose link this is, while it lasts and they may sign in; nobody otherwise."""
    values = {"token_hash": hash_secret(secret), "now": now}
    user_no = _SQL.run(connection, "find_link", values).scalar()
    user = None if user_no is None else find_user_by_number(connection, int(user_no))
    return None if user is None or user.is_disabled else user


def use_links(connection: Connection, user: User) -> None:
    """Let no link of a user open anything any more."""
    _SQL.run(connection, "delete_links", {"user_no": user.user_no})


def hash_secret(secret: str) -> bytes:
    """Return what is kept of a secret: whoever reads the database cannot use it."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
