"""What goes wrong while somebody else says who signs in."""

from __future__ import annotations

from enum import StrEnum

from ingestd.values.errors import IngestdError


class Reason(StrEnum):
    """Why nobody came in: told in the log, and in plain words on the page."""

    ISSUER_SILENT = "issuer_silent"
    ISSUER_REFUSED = "issuer_refused"
    TOKEN_UNSOUND = "token_unsound"  # noqa: S105 - a reason, and no secret
    BROWSER_UNKNOWN = "browser_unknown"
    NOT_INVITED = "not_invited"


class SignOnError(IngestdError):
    """The issuer is not reached, says no, or says what cannot be believed."""

    code = "sign_on"

    def __init__(self, reason: Reason, message: str, *, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.reason = reason
