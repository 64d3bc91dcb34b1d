"""Coming in: by a password or by who vouches for somebody, then by a code where one is asked for.

Each deed is one transaction. What is right is compared where it is kept: of two who come at once
with what counts once, one comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.access.passwords import check_password, hash_password
from ingestd.database.engine import Database
from ingestd.service.people import second_factor
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from ingestd.service.people.half_sessions import (
    begin_half_session,
    count_try,
    end_half_session,
    end_half_sessions_of,
    find_half_session,
)
from ingestd.service.people.identities import Identity, bind, find_bound, find_meant
from ingestd.service.people.links import find_invited, use_links
from ingestd.service.people.second_factor import Offer, Used
from ingestd.service.people.secrecy import Secrecy
from ingestd.service.people.sessions import (
    begin_session,
    end_other_sessions,
    end_session,
    end_sessions_of,
    find_owner,
)
from ingestd.service.people.users import (
    User,
    find_user,
    find_user_by_number,
    set_password,
    set_signed_in,
)
from ingestd.values.clock import Clock, to_microseconds


class Owed(StrEnum):
    """What somebody still has to do after the password."""

    CODE = "code"
    SET_UP = "set_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody who is who they say. `secret` is of a session, or of half a one if `owes`."""

    user: User
    secret: str
    owes: Owed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """Somebody who comes in with a second factor from now on, and its recovery codes."""

    arrival: Arrival
    recovery_codes: tuple[str, ...]


class Entrance:
    """Lets in who is who they say. With `demands_totp` nobody comes in without a second factor."""

    def __init__(
        self, database: Database, clock: Clock, secrecy: Secrecy, *, demands_totp: bool
    ) -> None:
        self.demands_totp = demands_totp
        self._database = database
        self._clock = clock
        self._secrecy = secrecy

    def find(self, name: str) -> User | None:
        """Return the user of a name, if there is one."""
        with self._database.reading() as connection:
            return find_user(connection, name)

    def find_invited(self, secret: str) -> User | None:
        """Return whose link this is, while it opens something."""
        with self._database.reading() as connection:
            return find_invited(connection, secret, now=self._now())

    def accept(self, secret: str, password: str, *, peer: str) -> Arrival | None:
        """Give the user of a link a password, and let them in.

        None where the link opens nothing: it was used meanwhile, or its day is over. Raises
        UsageError for what can be no password.
        """
        hashed = hash_password(check_password(password))
        with self._database.writing() as connection:
            user = find_invited(connection, secret, now=self._now())
            if user is None:
                return None
            use_links(connection, user)
            end_sessions_of(connection, user)
            end_half_sessions_of(connection, user)
            set_password(connection, user, hashed)
            self._keep(connection, Deed.PASSWORD_CHOSEN, user)
            return self._let_pass(connection, user, peer=peer)

    def sign_in(self, user: User, *, peer: str) -> Arrival | None:
        """Let a user in whose password was right a moment ago.

        None where the user has been disabled or has another password meanwhile.
        """
        with self._database.writing() as connection:
            found = _unchanged(connection, user)
            return None if found is None else self._let_pass(connection, found, peer=peer)

    def sign_in_as(self, identity: Identity, *, peer: str) -> Arrival | None:
        """Let somebody in of whom an issuer says who they are.

        The first time they are who was let in by their address; from then on they are the same,
        whatever address they have. None where nobody is meant, or may not sign in.
        """
        now = self._now()
        with self._database.writing() as connection:
            user = find_bound(connection, identity)
            if user is None:
                user = find_meant(connection, identity)
                if user is None or user.is_disabled:
                    return None
                if not bind(connection, identity, user, now=now):
                    return None
                self._keep(connection, Deed.IDENTITY_BOUND, user, issuer=identity.issuer)
            if user.is_disabled:
                self._keep(connection, Deed.SIGN_IN_FAILED, user, peer=peer, at="sign-on")
                return None
            return self._let_pass(connection, user, peer=peer)

    def find_half(self, secret: str) -> User | None:
        """Return who gave a password and owes a code, while they may give it."""
        with self._database.reading() as connection:
            return find_half_session(connection, secret, now=self._now())

    def give_code(self, secret: str, code: str, *, peer: str) -> Arrival | None:
        """Let somebody in who owed a code; None where it is wrong, was used, or comes too late."""
        # Apart, since it counts whatever becomes of the rest.
        with self._database.writing() as connection:
            if not count_try(connection, secret):
                return None
        now = self._now()
        with self._database.writing() as connection:
            user = find_half_session(connection, secret, now=now, at_last_try=True)
            if user is None or not user.has_totp:
                return None
            used = second_factor.use_code(connection, user, code, self._secrecy, now=now)
            if used is None or not end_half_session(connection, secret):
                return None
            if used is Used.RECOVERY:
                left = second_factor.count_recovery_codes(connection, user)
                self._keep(connection, Deed.RECOVERY_CODE_USED, user, left=left)
            return self._admit(connection, user, peer=peer)

    def find_offer(self, secret: str) -> Offer | None:
        """Return what somebody who owes a second factor tells a telephone."""
        with self._database.reading() as connection:
            user = find_half_session(connection, secret, now=self._now())
            if user is None:
                return None
            return second_factor.find_offer(connection, user, self._secrecy)

    def set_up(self, secret: str, code: str, *, peer: str) -> SetUp | None:
        """Let somebody in who owed a second factor, and has one now; None as in `give_code`."""
        with self._database.writing() as connection:
            if not count_try(connection, secret):
                return None
        now = self._now()
        with self._database.writing() as connection:
            user = find_half_session(connection, secret, now=now, at_last_try=True)
            if user is None or user.has_totp:
                return None
            codes = second_factor.switch_on(connection, user, code, self._secrecy, now=now)
            if codes is None or not end_half_session(connection, secret):
                return None
            self._keep(connection, Deed.TOTP_SWITCHED_ON, user)
            arrival = self._admit(connection, user, peer=peer)
            return SetUp(arrival=arrival, recovery_codes=codes)

    def tell_failed(self, user: User, *, peer: str, at: str) -> None:
        """Keep that somebody tried to come in as a user, and failed `at` what."""
        with self._database.writing() as connection:
            self._keep(connection, Deed.SIGN_IN_FAILED, user, peer=peer, at=at)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._database.writing() as connection:
            user_no = find_owner(connection, secret)
            user = None if user_no is None else find_user_by_number(connection, user_no)
            if user is not None:
                end_session(connection, secret)
                self._keep(connection, Deed.SIGNED_OUT, user)

    def change_password(self, user: User, password: str, *, secret: str) -> bool:
        """Give a user another password, whose old one was right a moment ago.

        All sessions but that of `secret` end. False where it was changed meanwhile. Raises
        UsageError for what can be no password.
        """
        hashed = hash_password(check_password(password))
        with self._database.writing() as connection:
            found = _unchanged(connection, user)
            if found is None:
                return False
            set_password(connection, found, hashed)
            end_other_sessions(connection, found, secret)
            end_half_sessions_of(connection, found)
            use_links(connection, found)
            self._keep(connection, Deed.PASSWORD_CHANGED, found)
            return True

    def end_others(self, user: User, *, secret: str) -> int:
        """End all of a user's sessions but that of `secret`; return how many that were."""
        with self._database.writing() as connection:
            ended = end_other_sessions(connection, user, secret)
            end_half_sessions_of(connection, user)
            self._keep(connection, Deed.SESSIONS_ENDED, user, ended=ended)
            return ended

    def _let_pass(self, connection: Connection, user: User, *, peer: str) -> Arrival:
        """Let in who owes nothing; of others remember that they got this far."""
        if not user.has_totp and not self.demands_totp:
            return self._admit(connection, user, peer=peer)
        if not user.has_totp:
            second_factor.begin(connection, user, self._secrecy)
        secret = begin_half_session(connection, user, now=self._now())
        owes = Owed.CODE if user.has_totp else Owed.SET_UP
        return Arrival(user=user, secret=secret, owes=owes)

    def _admit(self, connection: Connection, user: User, *, peer: str) -> Arrival:
        now = self._now()
        set_signed_in(connection, user, now=now)
        self._keep(connection, Deed.SIGNED_IN, user, peer=peer)
        return Arrival(user=user, secret=begin_session(connection, user, now=now, peer=peer))

    def _now(self) -> int:
        return to_microseconds(self._clock.now())

    def _keep(self, connection: Connection, deed: Deed, user: User, **detail: object) -> None:
        doer = Doer(name=user.name, via=Via.CONSOLE)
        now = self._clock.now()
        write_audit(connection, deed, doer=doer, at=now, subject=user.name, detail=detail)


def _unchanged(connection: Connection, user: User) -> User | None:
    """Return a user as they are now, if they may sign in with the password that they had."""
    found = find_user(connection, user.name)
    if found is None or found.is_disabled or found.password_hash != user.password_hash:
        return None
    return found
