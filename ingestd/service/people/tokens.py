"""Tokens: by one a program of a district or a provider asks for what it may, until it ends."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.service.people.audit import Deed, Doer, write_audit
from ingestd.service.people.links import hash_secret
from ingestd.service.people.scopes import DAYS, DAYS_MAX, TokenScope
from ingestd.values.clock import Clock, from_microseconds, to_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

_PREFIX = "ing"
_ID_CHARACTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none is taken for another one
_ID_LENGTH = 8
_SECRET_BYTES = 32
_ID = re.compile(rf"[{_ID_CHARACTERS}]{{{_ID_LENGTH}}}")
_WRITTEN = re.compile(rf"{_PREFIX}_({_ID.pattern})_([A-Za-z0-9_-]{{43}})")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")
_SEEN_STEP = timedelta(minutes=1)


class TokenState(StrEnum):
    """Whether a token opens anything."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as everybody may know it: all but its secret.

    `token_id` is public and never used again; `name` is whose it is, and more may be called so.
    """

    token_id: str
    name: str
    scopes: frozenset[TokenScope]
    accounts: frozenset[AccountId]
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    @property
    def signature(self) -> str:
        """What it signs the books with: no user can be called so."""
        return f"token:{self.name}"

    def state(self, now: datetime) -> TokenState:
        """Return whether it opens anything."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        return TokenState.LIVE if now < self.expires_at else TokenState.EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was made, and what its program sends: nobody can be told that again."""

    token: Token
    written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was found of a token that somebody showed.

    `token` is the one of the id, whether it opens anything or not; `refusal` says why not, and
    is empty where it does. `is_to_be_seen` says that it is time to remember that it was used.
    """

    token: Token | None
    refusal: str = ""
    is_to_be_seen: bool = False


class TokenKeeper:
    """Makes tokens and ends them; each deed is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(
        self,
        name: str,
        scopes: Iterable[TokenScope],
        accounts: Iterable[AccountId],
        *,
        days: int = DAYS,
        by: Doer,
    ) -> NewToken:
        """Make a token. Raises UsageError for what it cannot be called, do, or last."""
        chosen, whose = _checked_scopes(scopes), frozenset(accounts)
        if not whose:
            raise UsageError("A token is for an account: name it.")
        if not 1 <= days <= DAYS_MAX:
            raise UsageError(f"A token lasts 1 to {DAYS_MAX} days, not {days}.")
        now = self._clock.now()
        token_id = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        values = {
            "token_id": token_id,
            "name": parse_token_name(name),
            "token_hash": hash_secret(secret),
            "scopes": " ".join(sorted(chosen)),
            "accounts": " ".join(sorted(whose)),
            "created_at": to_microseconds(now),
            "created_by": by.name,
            "expires_at": to_microseconds(now + timedelta(days=days)),
        }
        with self._database.writing() as connection:
            _SQL.run(connection, "insert_token", values)
            token = _read_token(connection, token_id)
            detail = {"name": token.name, "scopes": sorted(chosen), "accounts": sorted(whose)}
            write_audit(
                connection, Deed.TOKEN_MADE, doer=by, at=now, subject=token_id, detail=detail
            )
        return NewToken(token=token, written=f"{_PREFIX}_{token_id}_{secret}")

    def revoke(self, token_id: str, *, by: Doer) -> Token:
        """Let a token open nothing from now on. Raises UsageError where there is no such token."""
        now = self._clock.now()
        with self._database.writing() as connection:
            token = _read_token(connection, token_id)
            if token.revoked_at is not None:
                return token
            values = {
                "token_id": token.token_id,
                "revoked_at": to_microseconds(now),
                "revoked_by": by.name,
            }
            _SQL.run(connection, "revoke_token", values)
            detail = {"name": token.name}
            write_audit(
                connection,
                Deed.TOKEN_REVOKED,
                doer=by,
                at=now,
                subject=token.token_id,
                detail=detail,
            )
            return _read_token(connection, token.token_id)

    def list(self) -> list[Token]:
        """Return all tokens, the newest first."""
        with self._database.reading() as connection:
            return [_token(row) for row in _SQL.run(connection, "list_tokens")]

    def look_at(self, written: str) -> Shown:
        """Return what a token comes to that somebody shows."""
        parts = _WRITTEN.fullmatch(written)
        if parts is None:
            return Shown(token=None, refusal="malformed")
        now = self._clock.now()
        with self._database.reading() as connection:
            row = _SQL.run(connection, "find_token", {"token_id": parts[1]}).one_or_none()
        if row is None:
            return Shown(token=None, refusal="unknown")
        token = _token(row)
        if not hmac.compare_digest(bytes(row.token_hash), hash_secret(parts[2])):
            return Shown(token=token, refusal="wrong")
        state = token.state(now)
        if state is not TokenState.LIVE:
            return Shown(token=token, refusal=state.value)
        is_long_ago = token.used_at is None or now - token.used_at >= _SEEN_STEP
        return Shown(token=token, is_to_be_seen=is_long_ago)

    def see(self, token: Token) -> None:
        """Remember that a token was used. On SQLite this waits for a file that is being posted."""
        values = {"token_id": token.token_id, "used_at": to_microseconds(self._clock.now())}
        with self._database.writing() as connection:
            _SQL.run(connection, "see_token", values)


def parse_token_name(text: str) -> str:
    """Return what a token is called, in small letters. Raises UsageError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"No token can be called {text!r}: 1 to 50 letters, digits and . _ -, such as "
            "nightly-export."
        )
    return name


def _checked_scopes(scopes: Iterable[TokenScope]) -> frozenset[TokenScope]:
    chosen = frozenset(scopes)
    if not chosen:
        raise UsageError(f"A scope is missing: {', '.join(TokenScope)}.")
    if TokenScope.CONTACTS in chosen and TokenScope.READ not in chosen:
        raise UsageError("contacts adds to read: name it, too.")
    return chosen


def _read_token(connection: Connection, token_id: str) -> Token:
    row = None
    if _ID.fullmatch(token_id):
        row = _SQL.run(connection, "find_token", {"token_id": token_id}).one_or_none()
    if row is None:
        raise UsageError(f"There is no token {token_id!r}.")
    return _token(row)


def _token(row: Row[Any]) -> Token:
    return Token(
        token_id=row.token_id,
        name=row.name,
        scopes=frozenset(map(TokenScope, row.scopes.split())),
        accounts=frozenset(map(AccountId, row.accounts.split())),
        created_at=from_microseconds(row.created_at),
        created_by=row.created_by,
        expires_at=from_microseconds(row.expires_at),
        used_at=None if row.used_at is None else from_microseconds(row.used_at),
        revoked_at=None if row.revoked_at is None else from_microseconds(row.revoked_at),
        revoked_by=row.revoked_by,
    )
