"""Browsers that were sent to the issuer: which, until when, and that each comes back once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.service.people.links import hash_secret
from ingestd.service.sign_on.provider import Sent
from ingestd.values.clock import Clock, to_microseconds

_SQL = Statements(__file__)

LIFETIME = timedelta(minutes=10)
_SECRET_BYTES = 32
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A browser that came back, with what was kept here of it."""

    nonce: str
    verifier: str
    way: str


class SignOnRequests:
    """Remembers whom we sent; each deed is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def send(self, *, way: str) -> tuple[Sent, str]:
        """Return what a browser takes along, and the secret that stays in its cookie.

        `way` is where it goes once it is in.
        """
        sent = Sent(state=_secret(), nonce=_secret(), verifier=_secret())
        browser = _secret()
        now = self._now()
        values = {
            "state_hash": hash_secret(sent.state),
            "browser_hash": hash_secret(browser),
            "nonce": sent.nonce,
            "verifier": sent.verifier,
            "way": way,
            "expires_at": now + LIFETIME // _MICROSECOND,
        }
        with self._database.writing() as connection:
            _SQL.run(connection, "delete_late", {"now": now})
            _SQL.run(connection, "insert_request", values)
        return sent, browser

    def take_back(self, *, state: str, browser: str) -> Back | None:
        """Return what was kept of a browser that comes back, once; None for any other."""
        values = {
            "state_hash": hash_secret(state),
            "browser_hash": hash_secret(browser),
            "now": self._now(),
        }
        with self._database.writing() as connection:
            row = _SQL.run(connection, "take_request", values).one_or_none()
        return None if row is None else Back(nonce=row.nonce, verifier=row.verifier, way=row.way)

    def _now(self) -> int:
        return to_microseconds(self._clock.now())


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)
