"""Letting people in, keeping them out, and letting them begin anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.config.files.settings import Settings
from ingestd.database.engine import Database
from ingestd.service.people import second_factor
from ingestd.service.people.audit import Deed, Doer, write_audit
from ingestd.service.people.half_sessions import end_half_sessions_of
from ingestd.service.people.identities import unbind
from ingestd.service.people.links import find_invited, make_link, use_links
from ingestd.service.people.roles import Role, RoleKind, check_roles
from ingestd.service.people.sessions import end_sessions_of
from ingestd.service.people.users import (
    User,
    add_user,
    list_users,
    lock_admins,
    read_user,
    set_disabled,
    set_email,
    set_password,
    set_roles,
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

    def address(self, settings: Settings) -> str:
        """Return the link as `[console] address` says, or else as this machine reaches it."""
        http = settings.http
        outside = settings.console.address
        if outside is None:
            host = _ANY_HOST.get(http.listen.host, http.listen.host)
            place = f"[{host}]" if ":" in host else host
            outside = f"{'https' if http.has_tls else 'http'}://{place}:{http.listen.port}"
        return f"{outside}/invite/{self.secret}"


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
            chosen = check_roles(frozenset(roles))
            user = add_user(connection, name, chosen, email=email, now=now, by=by.name)
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

    def change(
        self, name: str, *, by: Doer, roles: frozenset[Role] | None, email: str | None
    ) -> User:
        """Give a user these roles instead of others, and an address; it counts at once.

        None leaves the roles as they are, an empty `email` takes the address away. Raises
        UsageError as `reset`, and where no admin would be left.
        """
        with self._database.writing() as connection, _admin_is_left(connection):
            user = read_user(connection, name)
            if roles is not None:
                set_roles(connection, user, check_roles(roles))
            if email is not None:
                set_email(connection, user, check_email(email or None))
            changed = read_user(connection, name)
            detail: dict[str, object] = {}
            if changed.roles != user.roles:
                detail |= {"roles": _written(changed), "before": _written(user)}
            if changed.email != user.email:
                detail |= {"email": "taken" if changed.email is None else "changed"}
            if detail:
                self._keep(connection, Deed.USER_CHANGED, user, by, **detail)
            return changed

    def reset(self, name: str, *, by: Doer) -> Invitation:
        """Let a user begin anew: password and sessions end, and a disabled one may come again.

        Codes are asked for no more, and whoever else says who somebody is has to say it anew.
        Raises UsageError where there is no such user.
        """
        with self._database.writing() as connection:
            user = read_user(connection, name)
            set_password(connection, user, None)
            set_disabled(connection, user, is_disabled=False)
            _end_all(connection, user)
            second_factor.switch_off(connection, user)
            unbind(connection, user)
            self._keep(connection, Deed.USER_RESET, user, by)
            if user.has_totp:
                self._keep(connection, Deed.TOTP_SWITCHED_OFF, user, by)
            return Invitation(
                user=read_user(connection, name),
                secret=make_link(connection, user, now=self._now()),
            )

    def disable(self, name: str, *, by: Doer) -> User:
        """Let a user in no more; sessions and links end at once. Raises UsageError as `change`."""
        with self._database.writing() as connection, _admin_is_left(connection):
            user = read_user(connection, name)
            set_disabled(connection, user, is_disabled=True)
            _end_all(connection, user)
            use_links(connection, user)
            self._keep(connection, Deed.USER_DISABLED, user, by)
            return read_user(connection, name)

    def find_invited(self, secret: str) -> User | None:
        """Return whose link this is, while it opens something."""
        with self._database.reading() as connection:
            return find_invited(connection, secret, now=self._now())

    def list_all(self) -> list[User]:
        """Return everybody who was let in, by name."""
        with self._database.reading() as connection:
            return list_users(connection)

    def read(self, name: str) -> User:
        """Return the user of a name. Raises UsageError where there is none."""
        with self._database.reading() as connection:
            return read_user(connection, name)

    def _now(self) -> int:
        return to_microseconds(self._clock.now())

    def _keep(
        self, connection: Connection, deed: Deed, user: User, by: Doer, **detail: object
    ) -> None:
        now = self._clock.now()
        write_audit(connection, deed, doer=by, at=now, subject=user.name, detail=detail)


@contextlib.contextmanager
def _admin_is_left(connection: Connection) -> Iterator[None]:
    """Refuse what leaves nobody who may let people in. Raises UsageError."""
    before = lock_admins(connection)
    yield
    if before and not lock_admins(connection):
        raise UsageError("This is the last admin who may sign in. Let another one in first.")


def _end_all(connection: Connection, user: User) -> None:
    end_sessions_of(connection, user)
    end_half_sessions_of(connection, user)


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
