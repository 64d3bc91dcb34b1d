"""One's own page: password, telephone, and where one is signed in."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.passwords import CHARACTERS_MIN
from ingestd.console.door.gate import COOKIE
from ingestd.console.door.proving import Proving, peer_of, told_to_wait
from ingestd.console.door.rights import Asked, Right, Visit
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.pictures import qr_code
from ingestd.console.page.threads import read, write
from ingestd.console.page.times import shown_time
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.coming_in import Entrance
from ingestd.service.people.own_totp import OwnTotp
from ingestd.service.people.sessions import OpenSession, list_sessions
from ingestd.service.people.users import User
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import UsageError

_WRONG = "This is not your password."
_TOLD = {
    "password": "Your password is changed, and all other sessions have ended.",
    "sessions": "All other sessions have ended.",
    "off": "No code is asked for any more.",
}


class OwnPage:
    """What everybody does about themselves."""

    def __init__(
        self, entrance: Entrance, totp: OwnTotp, proving: Proving, installation: Installation
    ) -> None:
        self._entrance = entrance
        self._totp = totp
        self._proving = proving
        self._installation = installation

    def asked(self) -> Iterable[Asked]:
        """Return these pages, each with its right."""
        own = Right.SIGNED_IN
        yield Asked(path="/me", right=own, answer=self.show)
        yield Asked(path="/me/totp", right=own, answer=self.show_offer)
        for path, answer in (
            ("/me/password", self.change_password),
            ("/me/sessions", self.end_others),
            ("/me/totp/begin", self.begin),
            ("/me/totp", self.switch_on),
            ("/me/totp/codes", self.renew_codes),
            ("/me/totp/off", self.switch_off),
        ):
            yield Asked(path=path, right=own, answer=answer, method="POST")

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show what is known of who asks."""
        return await self._show(request, visit.user)

    async def change_password(self, request: Request, visit: Visit) -> Response:
        """Take another password from who knows the old one."""
        fields = await read_fields(request)
        user = visit.user
        trouble = await self._prove(request, user, fields.get("old", ""))
        if trouble is None and fields.get("password", "") != fields.get("again", ""):
            trouble = "The two passwords differ."
        if trouble is None:
            secret, change = request.cookies[COOKIE], self._entrance.change_password
            try:
                done = await self._proving.run(
                    change, user, fields.get("password", ""), secret=secret
                )
                trouble = None if done else _WRONG
            except UsageError as error:
                trouble = error.message
        if trouble is not None:
            return await self._show(request, user, trouble=trouble)
        return RedirectResponse("/me?done=password", 303)

    async def end_others(self, request: Request, visit: Visit) -> Response:
        """End all sessions but the one that asks."""
        await write(self._entrance.end_others, visit.user, secret=request.cookies[COOKIE])
        return RedirectResponse("/me?done=sessions", 303)

    async def begin(self, request: Request, visit: Visit) -> Response:
        """Begin to make a telephone known."""
        fields = await read_fields(request)
        if trouble := await self._prove(request, visit.user, fields.get("old", "")):
            return await self._show(request, visit.user, trouble=trouble)
        await write(self._totp.begin, visit.user)
        return RedirectResponse("/me/totp", 303)

    async def show_offer(self, request: Request, visit: Visit) -> Response:
        """Show what the telephone is to be told."""
        return await self._offer(request, visit.user)

    async def switch_on(self, request: Request, visit: Visit) -> Response:
        """Ask for codes from now on, once one was right; show the recovery codes, once."""
        code = (await read_fields(request)).get("code", "")
        codes = await write(self._totp.switch_on, visit.user, code)
        if codes is None:
            return await self._offer(request, visit.user, trouble="This code is wrong.")
        return page(request, "door/recovery_codes.html", codes=codes, way="/me")

    async def renew_codes(self, request: Request, visit: Visit) -> Response:
        """Show new recovery codes, once; earlier ones count no more."""
        fields = await read_fields(request)
        if trouble := await self._prove(request, visit.user, fields.get("old", "")):
            return await self._show(request, visit.user, trouble=trouble)
        codes = await write(self._totp.renew_codes, visit.user)
        if codes is None:
            return RedirectResponse("/me", 303)
        return page(request, "door/recovery_codes.html", codes=codes, way="/me")

    async def switch_off(self, request: Request, visit: Visit) -> Response:
        """Ask for no code any more."""
        fields = await read_fields(request)
        if trouble := await self._prove(request, visit.user, fields.get("old", "")):
            return await self._show(request, visit.user, trouble=trouble)
        await write(self._totp.switch_off, visit.user)
        return RedirectResponse("/me?done=off", 303)

    async def _prove(self, request: Request, user: User, password: str) -> str | None:
        """Return why a password is not taken: an open session may be somebody else's by now."""
        attempts, who = self._proving.passwords, {"name": user.name, "address": peer_of(request)}
        if wait := attempts.seconds_to_wait(**who):
            return told_to_wait(wait)
        attempts.begin(**who)
        if not await self._proving.fits(user, password):
            await write(self._entrance.tell_failed, user, peer=who["address"], at="own password")
            return _WRONG
        attempts.succeed(**who)
        return None

    async def _offer(self, request: Request, user: User, *, trouble: str | None = None) -> Response:
        offer = await read(self._totp.find_offer, user)
        if offer is None:
            return RedirectResponse("/me", 303)
        return page(
            request,
            "people/telephone.html",
            status=200 if trouble is None else 422,
            offer=offer,
            picture=qr_code(offer.address),
            trouble=trouble,
        )

    async def _show(self, request: Request, user: User, *, trouble: str | None = None) -> Response:
        sessions = await read(self._sessions, user, request.cookies[COOKIE])
        return page(
            request,
            "people/me.html",
            status=200 if trouble is None else 422,
            roles=sorted(map(str, user.roles)),
            sessions=[(one, shown_time(one.begun_at), shown_time(one.seen_at)) for one in sessions],
            codes_left=await read(self._totp.count_codes, user) if user.has_totp else 0,
            is_demanded=self._entrance.demands_totp,
            characters_min=CHARACTERS_MIN,
            trouble=trouble,
            told=_TOLD.get(request.query_params.get("done", "")),
        )

    def _sessions(self, user: User, secret: str) -> list[OpenSession]:
        now = to_microseconds(self._installation.clock.now())
        with self._installation.database.reading() as connection:
            return list_sessions(connection, user, now=now, secret=secret)
