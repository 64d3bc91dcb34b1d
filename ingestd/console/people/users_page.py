"""People: who may sign in, what they may, letting somebody in, and keeping somebody out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.accounts_file import ACCOUNTS_MAX
from ingestd.config.files.settings import Settings
from ingestd.console.door.rights import Asked, Right, Visit, refuse
from ingestd.console.page.forms import read_pairs
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.console.page.times import shown_time
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.letting_in import Doorkeeper, Invitation, check_email
from ingestd.service.people.roles import OF_ACCOUNTS, Role, RoleKind, check_roles
from ingestd.service.people.users import User
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId

SECTION = "Installation"
_EVERYWHERE = (RoleKind.ADMIN, RoleKind.OPERATOR)
_IN_ACCOUNTS = (RoleKind.OFFICE, RoleKind.READER, RoleKind.CONTACTS)
_FIELDS_MAX = 4 * ACCOUNTS_MAX
_TOLD = {"changed": "Kept. It counts from their next click on.", "disabled": "They are out."}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Typed:
    """What stands in the form: as it was typed, or as it is."""

    name: str = ""
    email: str = ""
    roles: frozenset[Role] = frozenset()


class UsersPage:
    """The pages on which admins let people in."""

    def __init__(self, doorkeeper: Doorkeeper, keeper: AccessKeeper, settings: Settings) -> None:
        self._doorkeeper = doorkeeper
        self._keeper = keeper
        self._settings = settings

    def asked(self) -> Iterable[Asked]:
        """Return these pages, each with its right."""
        govern = Right.GOVERN
        yield Asked(
            path="/users", right=govern, answer=self.show_all, entry="People", section=SECTION
        )
        yield Asked(path="/invitations/new", right=govern, answer=self.show_new)
        yield Asked(path="/invitations/new", right=govern, answer=self.invite, method="POST")
        yield Asked(path="/users/{name}", right=govern, answer=self.show)
        yield Asked(path="/users/{name}", right=govern, answer=self.change, method="POST")
        yield Asked(path="/users/{name}/reset", right=govern, answer=self.reset, method="POST")
        yield Asked(path="/users/{name}/disable", right=govern, answer=self.disable, method="POST")

    async def show_all(self, request: Request, _visit: Visit) -> Response:
        """Show everybody who was let in."""
        users = await read(self._doorkeeper.list_all)
        lines = [(user, _roles_in_words(user), shown_time(user.signed_in_at)) for user in users]
        return page(request, "people/users.html", lines=lines, way=_way)

    async def show_new(self, request: Request, _visit: Visit) -> Response:
        """Ask who is to be let in, and as what."""
        return self._form(request, _Typed(), None)

    async def invite(self, request: Request, visit: Visit) -> Response:
        """Let somebody in; show the link, once."""
        typed = await _read(request)
        try:
            email = check_email(typed.email or None)
            roles = check_roles(self._known(typed.roles))
            invitation = await write(
                self._doorkeeper.invite, typed.name, roles, email=email, by=_doer(visit)
            )
        except UsageError as error:
            return self._form(request, typed, None, trouble=error.message)
        return self._show_link(request, invitation)

    async def show(self, request: Request, _visit: Visit) -> Response:
        """Show one user."""
        user = await self._find(request)
        if user is None:
            return refuse(request, 404)
        told = _TOLD.get(request.query_params.get("done", ""))
        return self._form(request, _as_it_is(user), user, told=told)

    async def change(self, request: Request, visit: Visit) -> Response:
        """Give a user other roles, and another address."""
        user = await self._find(request)
        if user is None:
            return refuse(request, 404)
        typed = await _read(request)
        try:
            roles = self._known(typed.roles, besides=user)
            change = self._doorkeeper.change
            await write(change, user.name, by=_doer(visit), roles=roles, email=typed.email)
        except UsageError as error:
            return self._form(request, typed, user, trouble=error.message)
        return RedirectResponse(f"{_way(user)}?done=changed", 303)

    async def disable(self, request: Request, visit: Visit) -> Response:
        """Let a user in no more."""
        user = await self._find(request)
        if user is None:
            return refuse(request, 404)
        try:
            await write(self._doorkeeper.disable, user.name, by=_doer(visit))
        except UsageError as error:
            return self._form(request, _as_it_is(user), user, trouble=error.message)
        return RedirectResponse(f"{_way(user)}?done=disabled", 303)

    async def reset(self, request: Request, visit: Visit) -> Response:
        """Let a user begin anew; show the link, once."""
        user = await self._find(request)
        if user is None:
            return refuse(request, 404)
        return self._show_link(
            request, await write(self._doorkeeper.reset, user.name, by=_doer(visit))
        )

    async def _find(self, request: Request) -> User | None:
        try:
            return await read(self._doorkeeper.read, request.path_params["name"])
        except UsageError:
            return None

    def _known(self, roles: frozenset[Role], *, besides: User | None = None) -> frozenset[Role]:
        """Return roles in accounts that there are, or that a user had already."""
        for role in roles:
            known = role.account is None or role.account in self._keeper.current.accounts
            if not known and (besides is None or role not in besides.roles):
                raise UsageError(f"There is no account {role.account}.")
        return roles

    def _form(
        self,
        request: Request,
        typed: _Typed,
        user: User | None,
        *,
        trouble: str | None = None,
        told: str | None = None,
    ) -> Response:
        known = self._keeper.current.accounts
        former = {role.account for role in typed.roles if role.account} - known.keys()
        accounts = [(each, known[each].name) for each in sorted(known)]
        accounts += [(each, "no account any more") for each in sorted(former)]
        return page(
            request,
            "people/user.html",
            status=200 if trouble is None else 422,
            known=user,
            typed=typed,
            held={str(role) for role in typed.roles},
            accounts=accounts,
            everywhere=_EVERYWHERE,
            in_accounts=_IN_ACCOUNTS,
            signed_in=shown_time(None if user is None else user.signed_in_at),
            trouble=trouble,
            told=told,
            way=None if user is None else _way(user),
        )

    def _show_link(self, request: Request, invitation: Invitation) -> Response:
        # In the answer itself: an address would keep it in the browser's history.
        return page(
            request,
            "people/link.html",
            invited=invitation.user,
            address=invitation.address(self._settings),
            way=_way(invitation.user),
        )


async def _read(request: Request) -> _Typed:
    pairs = await read_pairs(request, _FIELDS_MAX)
    fields = dict(pairs)
    roles = {Role(kind) for kind in _EVERYWHERE if kind in fields}
    roles |= {
        Role(RoleKind(name), AccountId(value))
        for name, value in pairs
        if name in OF_ACCOUNTS and value
    }
    return _Typed(
        name=fields.get("name", ""),
        email=fields.get("email", "").strip(),
        roles=frozenset(roles),
    )


def _as_it_is(user: User) -> _Typed:
    return _Typed(name=user.name, email=user.email or "", roles=user.roles)


def _doer(visit: Visit) -> Doer:
    return Doer(name=visit.user.name, via=Via.CONSOLE)


def _way(user: User) -> str:
    return f"/users/{quote(user.name)}"


def _roles_in_words(user: User) -> list[str]:
    return [
        str(role.kind) if role.account is None else f"{role.kind} of {role.account}"
        for role in sorted(user.roles, key=str)
    ]
