"""An issuer of OpenID Connect that says whatever a test wants it to say."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ingestd.config.judging.values import ListenAddress
from ingestd.console.page.forms import read_fields
from ingestd.service.http.server import HttpServer
from tests.integration.http.peers import running

CLIENT_ID, CLIENT_SECRET = "ingestd/console", "a secret: of + the client"
LEFT_OUT = object()
"""Said of a claim: it is not there."""


@dataclass(slots=True)
class Issuer:
    """What it says of itself and of who signs in; `claims` go over what is right."""

    address: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "1"}))
    claims: dict[str, Any] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    forge: str = ""
    asked: list[str] = field(default_factory=list)
    _sent: dict[str, dict[str, str]] = field(default_factory=dict)

    def let_in(self, address: str) -> str:
        """Do what its pages do for who signs in there; return the path to which it sends back."""
        asked = {name: each[0] for name, each in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._sent)}"
        self._sent[code] = asked
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?{urlencode({'code': code, 'state': asked['state']})}"

    def app(self) -> Starlette:
        """Return what answers at its addresses."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _metadata(self, _request: Request) -> Response:
        self.asked.append("metadata")
        if elsewhere := self.published.get("elsewhere"):
            return RedirectResponse(elsewhere)
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
        }
        return JSONResponse(told | self.published)

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False), {"kty": "odd"}]})

    async def _token(self, request: Request) -> Response:
        form: dict[str, Any] = dict(await read_fields(request))
        sent = self._sent.pop(str(form["code"]), None)
        if sent is None or not self._knows(request, form):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        digest = sha256(str(form["code_verifier"]).encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == sent["code_challenge"]
        assert form["redirect_uri"] == sent["redirect_uri"]
        return JSONResponse({"id_token": self._id_token(sent["nonce"])})

    def _knows(self, request: Request, form: dict[str, Any]) -> bool:
        methods = self.published.get("token_endpoint_auth_methods_supported", [])
        if "client_secret_post" in methods:
            return (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        told = base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
        # Each is encoded by itself, so that a colon in one ends neither.
        return told == b"ingestd%2Fconsole:a%20secret%3A%20of%20%2B%20the%20client"

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        right = {
            "iss": self.address,
            "aud": CLIENT_ID,
            "sub": "subject-1",
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "email": "ada@example.org",
            "email_verified": True,
        }
        claims = {
            name: value for name, value in (right | self.claims).items() if value is not LEFT_OUT
        }
        match self.forge:
            case "none":
                parts = ({"alg": "none"}, claims)
                return ".".join(_encoded(json.dumps(part).encode()) for part in parts) + "."
            case "client secret":
                key = OctKey.import_key(CLIENT_SECRET.ljust(64))
                return jwt.encode({"alg": "HS256"}, claims, key)
            case "public key":
                pem = self.key.as_pem(private=False)
                # By hand: libraries refuse to sign with what everybody has.
                return _signed_with_bytes(claims, pem)
            case "other key":
                other = ECKey.generate_key("P-256", {"kid": "1"})
                return jwt.encode({"alg": "ES256", "kid": "1"}, claims, other)
            case "x":
                return "not.a.token"
        return jwt.encode({"alg": "ES256", "kid": "1"}, claims, self.key)


def _signed_with_bytes(claims: dict[str, Any], key: bytes) -> str:
    head = _encoded(json.dumps({"alg": "HS256", "kid": "1"}).encode())
    signed = f"{head}.{_encoded(json.dumps(claims).encode())}"
    return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), 'sha256'))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@asynccontextmanager
async def issuer_running() -> AsyncIterator[Issuer]:
    """Run an issuer on a free port of this machine."""
    issuer = Issuer()
    listen = ListenAddress(host="127.0.0.1", port=0)
    server = HttpServer(issuer.app(), listen=listen, tls=None, trusted_proxies=())
    async with running(server):
        issuer.address = f"http://127.0.0.1:{server.port}"
        yield issuer
