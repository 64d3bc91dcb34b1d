"""The issuer over HTTP: what it publishes of itself, and what it says of who was sent there.

Certificates are verified, every answer has a bound in time and in length, and nothing is followed
elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, urlencode

import httpx2

from ingestd.config.files.settings import OidcSettings
from ingestd.config.judging.console import parse_issuer
from ingestd.config.toml.mistakes import InvalidValueError
from ingestd.service.people.identities import Identity
from ingestd.service.sign_on.errors import Reason, SignOnError
from ingestd.service.sign_on.tokens import read_identity
from ingestd.values.clock import Clock
from ingestd.values.errors import StorageError

SECONDS_MAX = 10.0
"""How long one answer may take in all."""

CALLBACK = "/sign-in/oidc/callback"
_ANSWER_BYTES_MAX = 1 << 20
_KNOWN_SECONDS = 3600.0
_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a browser takes along to the issuer, but for the state, and what stays here."""

    state: str
    nonce: str
    verifier: str


class Provider:
    """One issuer, and us as its client."""

    def __init__(self, settings: OidcSettings, *, outside: str, clock: Clock) -> None:
        """Speak as the client of `settings`; `outside` is where browsers reach the console."""
        self._settings = settings
        self._callback = f"{outside}{CALLBACK}"
        self._clock = clock
        self._known: tuple[float, Mapping[str, object]] | None = None

    @property
    def issuer(self) -> str:
        """What the issuer calls itself."""
        return self._settings.issuer or ""

    async def address_for(self, sent: Sent) -> str:
        """Return where a browser is sent. Raises SignOnError where the issuer is not reached."""
        published = await self._published()
        challenge = urlsafe_b64encode(sha256(sent.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id or "",
            "redirect_uri": self._callback,
            "scope": "openid email",
            "state": sent.state,
            "nonce": sent.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        endpoint = str(published["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def identify(self, code: str, *, nonce: str, verifier: str) -> Identity:
        """Return who came back with a code. Raises SignOnError."""
        published = await self._published()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
        }
        client_id, secret = self._settings.client_id or "", await asyncio.to_thread(self._secret)
        methods = published.get("token_endpoint_auth_methods_supported")
        auth = None
        if isinstance(methods, list) and "client_secret_basic" not in methods:
            form |= {"client_id": client_id, "client_secret": secret}
        else:
            # RFC 6749, section 2.3.1: each is encoded before it stands in the header.
            auth = httpx2.BasicAuth(quote(client_id, safe=""), quote(secret, safe=""))
        answer = await self._ask("POST", str(published["token_endpoint"]), form=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignOnError(Reason.ISSUER_REFUSED, "The other service did not say who you are.")
        keys = await self._ask("GET", str(published["jwks_uri"]))
        return read_identity(
            token,
            keys,
            issuer=self.issuer,
            client_id=client_id,
            nonce=nonce,
            now=int(self._clock.now().timestamp()),
        )

    async def _published(self) -> Mapping[str, object]:
        """Return what the issuer publishes of itself, asked for once an hour."""
        if self._known is not None and self._clock.monotonic() - self._known[0] < _KNOWN_SECONDS:
            return self._known[1]
        published = await self._ask("GET", self.issuer.rstrip("/") + _WELL_KNOWN)
        if published.get("issuer") != self.issuer:
            raise SignOnError(Reason.ISSUER_REFUSED, "The other service calls itself otherwise.")
        for name in _ENDPOINTS:
            try:
                parse_issuer(str(published.get(name)).partition("?")[0])
            except InvalidValueError as error:
                raise SignOnError(
                    Reason.ISSUER_REFUSED, f"The other service has no {name} that is encrypted."
                ) from error
        self._known = (self._clock.monotonic(), published)
        return published

    async def _ask(
        self,
        method: str,
        address: str,
        *,
        form: Mapping[str, str] | None = None,
        auth: httpx2.BasicAuth | None = None,
    ) -> Mapping[str, object]:
        try:
            async with asyncio.timeout(SECONDS_MAX):
                status, content = await _answer(method, address, form=form, auth=auth)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            raise SignOnError(
                Reason.ISSUER_SILENT,
                "The other service cannot be reached. Try again in a while.",
                detail=type(error).__name__,
            ) from error
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if status != 200 or not isinstance(answer, dict):
            raise SignOnError(
                Reason.ISSUER_REFUSED, "The other service says no.", detail=f"status {status}"
            )
        return answer

    def _secret(self) -> str:
        if self._settings.client_secret_file is None:
            return self._settings.client_secret or ""
        try:
            text = self._settings.client_secret_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(
                f"{self._settings.client_secret_file} cannot be read.", detail=repr(error)
            ) from error
        return text.partition("\n")[0].strip()


async def _answer(
    method: str, address: str, *, form: Mapping[str, str] | None, auth: httpx2.BasicAuth | None
) -> tuple[int, bytes]:
    content = b""
    async with (
        httpx2.AsyncClient(timeout=SECONDS_MAX, headers={"Accept": "application/json"}) as client,
        client.stream(method, address, data=form, auth=auth) as answer,
    ):
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > _ANSWER_BYTES_MAX:
                raise httpx2.DecodingError("the answer is too long")
    return answer.status_code, content
