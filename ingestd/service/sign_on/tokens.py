"""The ID token: believed if the issuer signed it, for us, for this very request, a moment ago.

Source: OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.jwt import JWTClaimsRegistry

from ingestd.service.people.identities import Identity
from ingestd.service.sign_on.errors import Reason, SignOnError

# Signatures alone: a key that we share with the issuer, or none at all, proves nothing.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_KEY_TYPES = frozenset({"RSA", "EC"})
_KEYS_MAX = 100
_LEEWAY_SECONDS = 60
_SUBJECT_CHARACTERS_MAX = 255


def read_identity(
    token: str,
    published: object,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: int,
) -> Identity:
    """Return whom an ID token is about, by the keys that its issuer has published.

    `now` is in seconds since 1970. The address is there only if the issuer vouches for it:
    `email_verified`, or what Microsoft calls `xms_edov`. Raises SignOnError.
    """
    registry = JWTClaimsRegistry(
        now=now,
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        nonce={"essential": True, "value": nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        claims = jwt.decode(token, _keys(published), algorithms=_ALGORITHMS).claims
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise SignOnError(
            Reason.TOKEN_UNSOUND,
            "What the other service says cannot be believed.",
            detail=type(error).__name__,
        ) from error
    if claims["nonce"] != nonce or not _is_for(claims, client_id):
        raise SignOnError(Reason.TOKEN_UNSOUND, "What the other service says is for somebody else.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_CHARACTERS_MAX:
        raise SignOnError(Reason.TOKEN_UNSOUND, "The other service names nobody.")
    return Identity(issuer=issuer, subject=subject, email=_vouched_address(claims))


def _is_for(claims: Mapping[str, Any], client_id: str) -> bool:
    """Tell whether a token is for us alone, or says that it was asked for by us."""
    party = claims.get("azp")
    if party is not None:
        return bool(party == client_id)
    return claims["aud"] in (client_id, [client_id])


def _vouched_address(claims: Mapping[str, Any]) -> str | None:
    address = claims.get("email")
    is_vouched = claims.get("email_verified") is True or claims.get("xms_edov") in (True, "1")
    return address if isinstance(address, str) and address and is_vouched else None


def _keys(published: object) -> KeySet:
    """Return the published keys that signatures are checked with; of others there may be any."""
    listed = published.get("keys") if isinstance(published, Mapping) else None
    keys = []
    for one in (listed if isinstance(listed, list) else [])[:_KEYS_MAX]:
        if isinstance(one, dict) and one.get("kty") in _KEY_TYPES and one.get("use") != "enc":
            with contextlib.suppress(JoseError, ValueError, TypeError):
                keys.append(import_key(one))
    return KeySet(keys)
