"""Letting people in, keeping them out, and letting them begin anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.access.passwords import check_password, hash_password
from ingestd.config.files.settings import HttpSettings
from ingestd.database.engine import Database
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from ingestd.service.people.links import find_invited, make_link, use_links
from ingestd.service.people.roles import Role, RoleKind
from ingestd.service.people.sessions import begin_session, end_session, end_sessions_of
from ingestd.service.people.users import (
    User,
    add_user,
    find_user,
    list_users,
    read_user,
    set_disabled,
    set_password,
)
from ingestd.values.clock import Clock, to_microseconds
from ingestd.values.errors import UsageError

FIRST_ADMIN = "admin"
"""What the first admin signs in as."""

_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where this machine is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A user, and the secret of the one-time link by which the user chooses a password."""

    user: User
    secret: str

    def address(self, settings: HttpSettings) -> str:
        """Return the link as this machine reaches it."""
        scheme = "https" if settings.has_tls else "http"
        host = _ANY_HOST.get(settings.listen.host, settings.listen.host)
        place = f"[{host}]" if ":" in host else host
        return f"{scheme}://{place}:{settings.listen.port}/invite/{self.secret}"


class Doorkeeper:
    """Lets people in and keeps them out; each deed is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def invite(
        self, name: str, roles: Iterable[Role], *, email: str | None, by: Doer
    ) -> Invitation:
        """Add a user, `by` whom. Raises UsageError for a name that is none, or is taken."""
        now = self._now()
        with self._database.writing() as connection:
            user = add_user(connection, name, roles, email=email, now=now, by=by.name)
            self._keep(connection, Deed.USER_INVITED, user, by, roles=_written(user))
            return Invitation(user=user, secret=make_link(connection, user, now=now))

    def invite_first(self, *, by: Doer) -> Invitation | None:
        """Let the first admin in, who lets in all others; None where there is anybody already."""
        now = self._now()
        with self._database.writing() as connection:
            if list_users(connection):
                return None
            roles = [Role(RoleKind.ADMIN)]
            user = add_user(connection, FIRST_ADMIN, roles, email=None, now=now, by=by.name)
            self._keep(connection, Deed.USER_INVITED, user, by, roles=_written(user))
            return Invitation(user=user, secret=make_link(connection, user, now=now))

    def reset(self, name: str, *, by: Doer) -> Invitation:
        """Let a user begin anew: password and sessions end, and a disabled one may come again.

        Raises UsageError where there is no such user.
        """
        with self._database.writing() as connection:
            user = read_user(connection, name)
            set_password(connection, user, None)
            set_disabled(connection, user, is_disabled=False)
            end_sessions_of(connection, user)
            self._keep(connection, Deed.USER_RESET, user, by)
            return Invitation(
                user=read_user(connection, name),
                secret=make_link(connection, user, now=self._now()),
            )

    def disable(self, name: str, *, by: Doer) -> User:
        """Let a user in no more; sessions and links end at once. Raises UsageError as `reset`."""
        with self._database.writing() as connection:
            user = read_user(connection, name)
            set_disabled(connection, user, is_disabled=True)
            end_sessions_of(connection, user)
            use_links(connection, user)
            self._keep(connection, Deed.USER_DISABLED, user, by)
            return read_user(connection, name)

    def find_invited(self, secret: str) -> User | None:
        """Return whose link this is, while it opens something."""
        with self._database.reading() as connection:
            return find_invited(connection, secret, now=self._now())

    def accept(self, secret: str, password: str) -> str | None:
        """Give the user of a link a password; return the secret of a session.

        None where the link opens nothing: it was used meanwhile, or its day is over. Raises
        UsageError for what can be no password.
        """
        hashed = hash_password(check_password(password))
        now = self._now()
        with self._database.writing() as connection:
            user = find_invited(connection, secret, now=now)
            if user is None:
                return None
            use_links(connection, user)
            end_sessions_of(connection, user)
            set_password(connection, user, hashed)
            self._keep(connection, Deed.PASSWORD_CHOSEN, user, _themselves(user))
            return begin_session(connection, user, now=now)

    def find(self, name: str) -> User | None:
        """Return the user of a name, if there is one."""
        with self._database.reading() as connection:
            return find_user(connection, name)

    def sign_in(self, user: User) -> str | None:
        """Return the secret of a session of a user whose password was right a moment ago.

        None where the user has been disabled or has another password meanwhile.
        """
        with self._database.writing() as connection:
            found = find_user(connection, user.name)
            if found is None or found.is_disabled or found.password_hash != user.password_hash:
                return None
            self._keep(connection, Deed.SIGNED_IN, user, _themselves(user))
            return begin_session(connection, found, now=self._now())

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._database.writing() as connection:
            end_session(connection, secret)

    def _now(self) -> int:
        return to_microseconds(self._clock.now())

    def _keep(
        self, connection: Connection, deed: Deed, user: User, by: Doer, **detail: object
    ) -> None:
        now = self._clock.now()
        write_audit(connection, deed, doer=by, at=now, subject=user.name, detail=detail)


def _themselves(user: User) -> Doer:
    return Doer(name=user.name, via=Via.CONSOLE)


def _written(user: User) -> list[str]:
    return sorted(map(str, user.roles))


def check_email(text: str | None) -> str | None:
    """Return an e-mail address as somebody wrote it. Raises UsageError for what is none."""
    if text is None:
        return None
    local, _, host = text.strip().partition("@")
    if not local or "." not in host or not text.strip().isprintable() or " " in text.strip():
        raise UsageError(f"{text!r} is no e-mail address.")
    return text.strip()
