"""Identities: who a user is for whom somebody else says who signs in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.service.people.users import User, find_user_by_number, list_users

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom an issuer says that somebody is.

    `subject` is theirs for ever. `email` is None where the issuer does not vouch for the address.
    """

    issuer: str
    subject: str
    email: str | None


def find_bound(connection: Connection, identity: Identity) -> User | None:
    """Return the user that an identity is, if it came in before."""
    values = {"issuer": identity.issuer, "subject": identity.subject}
    user_no = _SQL.run(connection, "find_bound", values).scalar()
    return None if user_no is None else find_user_by_number(connection, int(user_no))


def find_meant(connection: Connection, identity: Identity) -> User | None:
    """Return the one user who was let in by an identity's address, in whatever case.

    Where two have one address, neither is meant.
    """
    if identity.email is None:
        return None
    address = identity.email.casefold()
    meant = [
        user
        for user in list_users(connection)
        if user.email is not None and user.email.casefold() == address
    ]
    return meant[0] if len(meant) == 1 else None


def bind(connection: Connection, identity: Identity, user: User, *, now: int) -> bool:
    """Let an identity be a user from now on; False where the user is another one already."""
    values = {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "user_no": user.user_no,
        "bound_at": now,
    }
    return bool(_SQL.run(connection, "bind", values).rowcount)


def unbind(connection: Connection, user: User) -> None:
    """Let a user be nobody's subject any more."""
    _SQL.run(connection, "unbind", {"user_no": user.user_no})
