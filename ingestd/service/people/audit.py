"""The audit: what people did that moves no money. What moves money stands in the books."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.engine import Connection
from ulid import ULID

from ingestd.database.statements import Statements
from ingestd.values.clock import from_microseconds, to_microseconds
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

LAST = "Z"
"""Sorts after every audit event's id."""


class Deed(StrEnum):
    """What somebody did: object_verb, never changed once released."""

    USER_INVITED = "user_invited"
    USER_RESET = "user_reset"
    USER_DISABLED = "user_disabled"
    USER_CHANGED = "user_changed"
    PASSWORD_CHOSEN = "password_chosen"  # noqa: S105 - a deed, and no password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a deed, and no password
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_FAILED = "sign_in_failed"
    SESSIONS_ENDED = "sessions_ended"
    TOTP_SWITCHED_ON = "totp_switched_on"
    TOTP_SWITCHED_OFF = "totp_switched_off"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    IDENTITY_BOUND = "identity_bound"
    ALLOWLIST_SAVED = "allowlist_saved"
    ACCOUNTS_SAVED = "accounts_saved"
    TOKEN_MADE = "token_made"  # noqa: S105 - as above
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - as above
    FILE_QUEUED = "file_queued"
    UPLOAD_RETRIED = "upload_retried"
    UPLOADS_RETRIED = "uploads_retried"
    UPLOAD_ADOPTED = "upload_adopted"
    UPLOAD_GIVEN_UP = "upload_given_up"
    UPLOAD_SENT_AGAIN = "upload_sent_again"


class Via(StrEnum):
    """The way in that was used."""

    CONSOLE = "console"
    API = "api"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """Who does something, and by which way in: a user's name, a token's, or who runs a command."""

    name: str
    via: Via


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One deed. `detail` says what about it, under names of its own; never a secret or a value."""

    audit_id: str
    occurred_at: datetime
    by: str
    via: Via
    deed: str
    account: AccountId | None
    subject: str
    detail: Mapping[str, object]


def write_audit(
    connection: Connection,
    deed: Deed,
    *,
    doer: Doer,
    at: datetime,
    subject: str,
    account: AccountId | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Keep what somebody did, inside the transaction in which it is done."""
    values = {
        "audit_id": str(ULID.from_datetime(at)),
        "occurred_at": to_microseconds(at),
        "done_by": doer.name,
        "via": doer.via.value,
        "deed": deed.value,
        "account": account,
        "subject": subject,
        "detail": json.dumps(detail, ensure_ascii=False) if detail else None,
    }
    _SQL.run(connection, "insert_audit", values)


def list_audit(
    connection: Connection,
    *,
    limit: int,
    before: str = LAST,
    by: str | None = None,
    about: str | None = None,
    deed: str | None = None,
    account: AccountId | None = None,
) -> list[AuditEvent]:
    """Return deeds, the newest first: before one, by somebody, about something, of a kind."""
    values = {
        "limit": limit,
        "before": before,
        "done_by": by,
        "subject": about,
        "deed": deed,
        "account": account,
    }
    return [
        AuditEvent(
            audit_id=row.audit_id,
            occurred_at=from_microseconds(row.occurred_at),
            by=row.done_by,
            via=Via(row.via),
            deed=row.deed,
            account=None if row.account is None else AccountId(row.account),
            subject=row.subject,
            detail=json.loads(row.detail) if row.detail else {},
        )
        for row in _SQL.run(connection, "list_audit", values)
    ]
