"""A user's own second factor: switched on, renewed and switched off by whoever is signed in."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.service.people import second_factor
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from ingestd.service.people.second_factor import Offer
from ingestd.service.people.secrecy import Secrecy
from ingestd.service.people.users import User, read_user
from ingestd.values.clock import Clock, to_microseconds


class OwnTotp:
    """What a user who signed in does about codes; each deed is one transaction."""

    def __init__(self, database: Database, clock: Clock, secrecy: Secrecy) -> None:
        self._database = database
        self._clock = clock
        self._secrecy = secrecy

    def begin(self, user: User) -> None:
        """Make what codes will be made from; nothing is asked for until one was right."""
        with self._database.writing() as connection:
            second_factor.begin(connection, read_user(connection, user.name), self._secrecy)

    def find_offer(self, user: User) -> Offer | None:
        """Return what the telephone is to be told, until a code of it was right."""
        with self._database.reading() as connection:
            return second_factor.find_offer(connection, user, self._secrecy)

    def switch_on(self, user: User, code: str) -> tuple[str, ...] | None:
        """Ask for codes from now on; return the recovery codes. None: the code is wrong."""
        now = to_microseconds(self._clock.now())
        with self._database.writing() as connection:
            codes = second_factor.switch_on(connection, user, code, self._secrecy, now=now)
            if codes is not None:
                self._keep(connection, Deed.TOTP_SWITCHED_ON, user)
            return codes

    def switch_off(self, user: User) -> None:
        """Ask for no code any more."""
        with self._database.writing() as connection:
            if read_user(connection, user.name).has_totp:
                second_factor.switch_off(connection, user)
                self._keep(connection, Deed.TOTP_SWITCHED_OFF, user)

    def renew_codes(self, user: User) -> tuple[str, ...] | None:
        """Return new recovery codes instead of all earlier; None where no code is asked for."""
        with self._database.writing() as connection:
            if not read_user(connection, user.name).has_totp:
                return None
            self._keep(connection, Deed.RECOVERY_CODES_MADE, user)
            return second_factor.make_recovery_codes(connection, user)

    def count_codes(self, user: User) -> int:
        """Return how many recovery codes a user has left."""
        with self._database.reading() as connection:
            return second_factor.count_recovery_codes(connection, user)

    def _keep(self, connection: Connection, deed: Deed, user: User) -> None:
        doer = Doer(name=user.name, via=Via.CONSOLE)
        write_audit(connection, deed, doer=doer, at=self._clock.now(), subject=user.name)
