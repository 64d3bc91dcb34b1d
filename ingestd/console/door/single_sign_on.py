"""Single sign-on: a browser is sent to who vouches for its user, and comes back once."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.console.door.gate import safe_way
from ingestd.console.door.letting_pass import let_pass
from ingestd.console.door.proving import Proving, peer_of, told_to_wait
from ingestd.console.page.pages import page
from ingestd.console.page.threads import write
from ingestd.service.people.coming_in import Entrance
from ingestd.service.sign_on.errors import Reason, SignOnError
from ingestd.service.sign_on.provider import Provider
from ingestd.service.sign_on.requests import SignOnRequests
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import StorageError

BROWSER_COOKIE = "__Host-ingestd-oidc"
"""Of a browser that was sent to the issuer: what comes back has to come back to it."""

_STRANGER = (
    "This answer does not belong to a sign-in that this browser began, or came too late, or came "
    "twice."
)
_NOT_INVITED = (
    "Nobody was let in here by your address there, or the other service does not vouch for it. An "
    "admin writes it down under People."
)

log = get_logger("ingestd.console")


class SingleSignOn:
    """The pages by which somebody comes in for whom an issuer vouches, which is called `name`."""

    def __init__(
        self,
        provider: Provider,
        requests: SignOnRequests,
        entrance: Entrance,
        proving: Proving,
        name: str,
    ) -> None:
        self._provider = provider
        self._requests = requests
        self._entrance = entrance
        self._proving = proving
        self._name = name

    async def begin(self, request: Request) -> Response:
        """Send a browser to the issuer."""
        way = safe_way(request.query_params.get("next", "/"))
        # Not by name, which nobody knows yet: each has one of its own.
        who = {"name": secrets.token_hex(8), "address": peer_of(request)}
        if wait := self._proving.sign_ons.seconds_to_wait(**who):
            return self._refuse(request, told_to_wait(wait), way=way, status=429)
        self._proving.sign_ons.begin(**who)
        sent, browser = await write(self._requests.send, way=way)
        try:
            address = await self._provider.address_for(sent)
        except SignOnError as error:
            return self._fail(request, error, way=way)
        answer = RedirectResponse(address, 303)
        answer.set_cookie(
            BROWSER_COOKIE, browser, secure=True, httponly=True, samesite="lax", path="/"
        )
        return answer

    async def come_back(self, request: Request) -> Response:
        """Let in who comes back from the issuer, if it is the browser that was sent."""
        asked = request.query_params
        back = await write(
            self._requests.take_back,
            state=asked.get("state", ""),
            browser=request.cookies.get(BROWSER_COOKIE, ""),
        )
        if back is None or asked.get("iss", self._provider.issuer) != self._provider.issuer:
            return self._fail(request, SignOnError(Reason.BROWSER_UNKNOWN, _STRANGER))
        if "code" not in asked:
            error = SignOnError(Reason.ISSUER_REFUSED, "The other service says no.")
            return self._fail(request, error, way=back.way)
        try:
            identity = await self._provider.identify(
                asked["code"], nonce=back.nonce, verifier=back.verifier
            )
        except SignOnError as error:
            return self._fail(request, error, way=back.way)
        except StorageError as error:
            unread = SignOnError(Reason.ISSUER_REFUSED, error.message, detail=error.detail)
            return self._fail(request, unread, way=back.way)
        peer = peer_of(request)
        arrival = await write(self._entrance.sign_in_as, identity, peer=peer)
        if arrival is None:
            return self._fail(request, SignOnError(Reason.NOT_INVITED, _NOT_INVITED), way=back.way)
        self._proving.sign_ons.succeed(name="", address=peer)
        return _forget_browser(let_pass(request, arrival, back.way))

    def _fail(self, request: Request, error: SignOnError, *, way: str = "/") -> Response:
        log.warning(
            Event.SIGN_IN_FAILED,
            user=None,
            peer=peer_of(request),
            reason=error.reason,
            detail=error.detail,
        )
        status = 502 if error.reason is Reason.ISSUER_SILENT else 403
        return _forget_browser(self._refuse(request, error.message, way=way, status=status))

    def _refuse(self, request: Request, trouble: str, *, way: str, status: int) -> Response:
        return page(
            request,
            "door/sign_on_failed.html",
            status=status,
            trouble=trouble,
            name=self._name,
            again=f"/sign-in/oidc?next={quote(way, safe='')}",
        )


def _forget_browser(answer: Response) -> Response:
    answer.delete_cookie(BROWSER_COOKIE, secure=True, httponly=True, samesite="lax")
    return answer
