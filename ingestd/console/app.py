"""The console as one application: every page with its right, and the gate before them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from ingestd.console.api.entrance import ApiEntrance, is_of_api
from ingestd.console.districts.accounts_page import AccountsPage
from ingestd.console.districts.allowlist_page import AllowlistPage
from ingestd.console.districts.saving import Saving
from ingestd.console.districts.text_page import TextPage
from ingestd.console.door.gate import Gate
from ingestd.console.door.proving import Proving
from ingestd.console.door.rights import Asked, Right, Rooms, refuse
from ingestd.console.door.second_step import SecondStep
from ingestd.console.door.shards import by_shard
from ingestd.console.door.signing_in import SigningIn
from ingestd.console.files.rooms import counters, uploads
from ingestd.console.help import show_help
from ingestd.console.office.rooms import office_pages
from ingestd.console.overview import Overview
from ingestd.console.people.audit_page import AuditPage
from ingestd.console.people.own_page import OwnPage
from ingestd.console.people.tokens import TokensPage
from ingestd.console.people.users_page import UsersPage
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.districts.desk import Desk
from ingestd.service.people.coming_in import Entrance
from ingestd.service.people.letting_in import Doorkeeper
from ingestd.service.people.own_totp import OwnTotp
from ingestd.service.people.secrecy import Secrecy
from ingestd.service.people.tokens import TokenKeeper

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What all pages share that are about who somebody is."""

    doorkeeper: Doorkeeper
    entrance: Entrance
    own_totp: OwnTotp
    proving: Proving
    secrecy: Secrecy


def make_console(surroundings: Surroundings) -> ASGIApp:
    """Return the application that answers all of the console's addresses."""
    installation = surroundings.installation
    database, clock = installation.database, installation.clock
    settings = installation.settings.console
    people = make_people(surroundings)
    vouches = settings.oidc.name if settings.oidc.issuer else None
    signing_in = SigningIn(people.entrance, people.proving, vouches=vouches)
    second_step = SecondStep(people.entrance, people.proving)
    rooms = make_rooms(surroundings, people)
    pages = Router(
        [
            Route("/sign-in", signing_in.show),
            Route("/sign-in", signing_in.sign_in, methods=["POST"]),
            Route("/sign-in/code", second_step.show_code),
            Route("/sign-in/code", second_step.give_code, methods=["POST"]),
            Route("/sign-in/set-up", second_step.show_set_up),
            Route("/sign-in/set-up", second_step.set_up, methods=["POST"]),
            *_ways_of_sign_on(surroundings, people),
            Route("/sign-out", signing_in.sign_out, methods=["POST"]),
            Route("/invite/{secret}", signing_in.show_invitation),
            Route("/invite/{secret}", signing_in.accept_invitation, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *rooms.routes(),
        ],
        redirect_slashes=False,
        default=_nothing_here,
    )
    gate = Gate(pages, database, clock, demands_totp=people.entrance.demands_totp)
    entrance = ApiEntrance(surroundings)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (entrance if is_of_api(scope) else gate)(scope, receive, send)

    return answer


def _ways_of_sign_on(surroundings: Surroundings, people: People) -> list[Route]:
    """Return the pages of single sign-on, where an issuer is named."""
    installation = surroundings.installation
    settings = installation.settings.console
    if settings.oidc.issuer is None or settings.address is None:
        return []
    # Loaded only now: most installations ask nobody else who their people are.
    from ingestd.console.door.single_sign_on import SingleSignOn  # noqa: PLC0415
    from ingestd.service.sign_on.provider import CALLBACK, Provider  # noqa: PLC0415
    from ingestd.service.sign_on.requests import SignOnRequests  # noqa: PLC0415

    clock = installation.clock
    sign_on = SingleSignOn(
        Provider(settings.oidc, outside=settings.address, clock=clock),
        SignOnRequests(installation.database, clock),
        people.entrance,
        people.proving,
        settings.oidc.name,
    )
    return [Route("/sign-in/oidc", sign_on.begin), Route(CALLBACK, sign_on.come_back)]


def make_people(surroundings: Surroundings) -> People:
    """Return what all pages share that are about who somebody is."""
    installation = surroundings.installation
    database, clock = installation.database, installation.clock
    secrecy = Secrecy(installation.folders.console_key)
    return People(
        doorkeeper=Doorkeeper(database, clock),
        entrance=Entrance(
            database,
            clock,
            secrecy,
            demands_totp=installation.settings.console.totp == "required",
        ),
        own_totp=OwnTotp(database, clock, secrecy),
        proving=Proving(clock),
        secrecy=secrecy,
    )


def make_rooms(surroundings: Surroundings, people: People | None = None) -> Rooms:
    """Return every page behind the door, in the menu's order."""
    people = people or make_people(surroundings)
    installation = surroundings.installation
    overview = Overview(surroundings.health, surroundings.keeper, installation)
    users = UsersPage(people.doorkeeper, surroundings.keeper, installation.settings)
    own = OwnPage(people.entrance, people.own_totp, people.proving, installation)
    desk = Desk(installation.config_path, installation.database, installation.clock, people.secrecy)
    saving = Saving(desk)
    return Rooms(
        keeper=surroundings.keeper,
        asked=(
            Asked(path="/", right=Right.SIGNED_IN, answer=overview.show, entry="Overview"),
            *by_shard(surroundings, counters),
            *uploads(surroundings),
            *by_shard(surroundings, office_pages),
            *AllowlistPage(saving, surroundings.keeper).asked(),
            *AccountsPage(saving, surroundings.keeper).asked(),
            *TextPage(saving).asked(),
            *users.asked(),
            *AuditPage(installation, surroundings.keeper).asked(),
            *own.asked(),
            *_rooms_of_tokens(surroundings),
            Asked(path="/help", right=Right.SIGNED_IN, answer=show_help, entry="Help"),
        ),
    )


def _rooms_of_tokens(surroundings: Surroundings) -> tuple[Asked, ...]:
    database, clock = surroundings.installation.database, surroundings.installation.clock
    tokens = TokensPage(TokenKeeper(database, clock), surroundings.keeper, clock)
    govern, to = Right.GOVERN, "Installation"
    return (
        Asked(path="/tokens", right=govern, answer=tokens.show, entry="Tokens", section=to),
        Asked(path="/tokens", right=govern, answer=tokens.make, method="POST"),
        Asked(path="/tokens/{token_id}/revoke", right=govern, answer=tokens.revoke, method="POST"),
    )


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    answer: Response = refuse(Request(scope), 404)
    await answer(scope, receive, send)
