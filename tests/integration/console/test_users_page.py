"""People: let in, changed and kept out by an admin; and what everybody does about themselves."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta

import pytest

from ingestd.console.door.attempts import BY_NAME_MAX
from ingestd.console.door.gate import COOKIE
from ingestd.console.door.signing_in import TELLING
from ingestd.service.people.audit import list_audit
from ingestd.service.people.roles import Role, RoleKind
from ingestd.service.people.users import find_user
from ingestd.values.errors import UsageError
from tests.integration.console.conftest import (
    PASSWORD,
    SHELBYVILLE,
    SPRINGFIELD,
    TEST,
    Console,
    Visitor,
)

OTHER = "another long password"
OFFICE = frozenset({Role(RoleKind.OFFICE, SPRINGFIELD)})


def deeds(console: Console) -> list[tuple[str, str, str]]:
    """Return what was done, the newest first: by whom, what, about whom."""
    with console.database.reading() as connection:
        return [(one.by, one.deed, one.subject) for one in list_audit(connection, limit=100)]


def link_in(text: str) -> str:
    """Return the path of the link that a page shows."""
    found = re.search(r'value="http[^"]*(/invite/[^"]+)"', text)
    assert found
    return html.unescape(found[1])


async def test_an_admin_lets_somebody_in(either: Console) -> None:
    """The link is shown once, opens once, and leads to what was chosen in the form."""
    admin = await either.let_in("root")
    fields = {"name": "Ada@Example.org", "email": "ada@example.org", "office": SPRINGFIELD}
    shown = await admin.post("/invitations/new", fields | {"contacts": SPRINGFIELD})
    assert shown.status == 200
    path = link_in(shown.text)
    for page in ("/users", "/users/ada%40example.org"):
        assert path not in (await admin.get(page)).text
    ada = either.visitor()
    assert (await ada.post(path, {"password": PASSWORD, "again": PASSWORD})).way == "/"
    assert (await either.visitor().get(path)).status == 404
    with either.database.reading() as connection:
        user = find_user(connection, "ada@example.org")
    assert user is not None
    assert {str(role) for role in user.roles} == {"office:SPRINGFIELD", "contacts:SPRINGFIELD"}
    listed = (await admin.get("/users")).text
    assert "office of SPRINGFIELD" in listed
    assert "2026-03-02 18:00 UTC" in listed
    assert ("root", "user_invited", "ada@example.org") in deeds(either)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "ada"}, "A role is missing"),
        ({"name": "ada", "contacts": SPRINGFIELD}, "contacts adds to office or reader"),
        ({"name": "ada", "reader": SPRINGFIELD, "contacts": SHELBYVILLE}, "contacts adds to"),
        ({"name": "ada", "office": "NOWHERE"}, "There is no account NOWHERE"),
        ({"name": "<b>x</b>", "admin": "yes"}, "cannot be signed in with"),
        ({"name": "root", "admin": "yes"}, "There is a user root already"),
        ({"name": "ada", "admin": "yes", "email": "no address"}, "is no e-mail address"),
    ],
)
async def test_what_cannot_be_lets_nobody_in(
    console: Console, fields: dict[str, str], told: str
) -> None:
    """It is said why, beside what was typed; and nothing that was typed is markup."""
    admin = await console.let_in("root")
    answer = await admin.post("/invitations/new", fields)
    assert (answer.status, told in answer.text) == (422, True)
    assert "<b>" not in answer.text
    assert f'value="{html.escape(fields["name"])}"' in answer.text
    assert [user.name for user in console.doorkeeper.list_all()] == ["root"]


async def test_a_change_of_roles_counts_at_the_next_click(either: Console) -> None:
    """Whoever is signed in already sees less, or more, from then on; by command it is the same."""
    admin = await either.let_in("root")
    ada = await either.let_in("ada", OFFICE)
    assert (await ada.get("/users")).status == 403
    changed = await admin.post("/users/ada", {"admin": "yes"})
    assert (changed.status, changed.way) == (303, "/users/ada?done=changed")
    assert (await ada.get("/users")).status == 200
    either.doorkeeper.change("ada", by=TEST, roles=OFFICE, email=None)
    assert (await ada.get("/users")).status == 403
    [event, *_] = [one for one in deeds(either) if one[1] == "user_changed"]
    assert event == ("test", "user_changed", "ada")


async def test_whoever_is_kept_out_is_out_at_once(either: Console) -> None:
    """In the middle of what they do; and comes again by a new link alone."""
    admin = await either.let_in("root")
    ada = await either.let_in("ada", OFFICE)
    assert (await admin.post("/users/ada/disable")).status == 303
    assert (await ada.get("/me")).status == 303
    assert (await either.visitor().sign_in("ada")).status == 403
    path = link_in((await admin.post("/users/ada/reset")).text)
    assert (await either.visitor().sign_in("ada")).status == 403
    again = await either.visitor().post(path, {"password": OTHER, "again": OTHER})
    assert again.status == 303
    assert (await either.visitor().sign_in("ada", OTHER)).status == 303


async def test_somebody_is_always_left_who_lets_people_in(either: Console) -> None:
    """Neither a form nor a command takes the last admin's right; a disabled one is none."""
    admin = await either.let_in("root")
    either.invite("other")
    either.doorkeeper.disable("other", by=TEST)
    for path, fields in (
        ("/users/root/disable", {}),
        ("/users/root", {"operator": "yes"}),
        ("/users/root", {"office": SPRINGFIELD}),
    ):
        answer = await admin.post(path, fields)
        assert (answer.status, "the last admin" in answer.text) == (422, True)
    with pytest.raises(UsageError, match="the last admin"):
        either.doorkeeper.disable("root", by=TEST)
    with pytest.raises(UsageError, match="the last admin"):
        either.doorkeeper.change("root", by=TEST, roles=OFFICE, email=None)
    assert (await admin.get("/users")).status == 200


async def test_two_admins_who_disable_each_other_at_once_leave_one(either: Console) -> None:
    """The second of them finds that there is no other any more."""
    either.invite("one")
    either.invite("two")
    outcomes = await asyncio.gather(
        *(asyncio.to_thread(either.doorkeeper.disable, name, by=TEST) for name in ("one", "two")),
        return_exceptions=True,
    )
    assert sorted(isinstance(each, UsageError) for each in outcomes) == [False, True]
    assert sorted(user.is_disabled for user in either.doorkeeper.list_all()) == [False, True]


async def test_an_account_that_is_gone_stays_in_a_users_roles_until_taken(console: Console) -> None:
    """Saving the form takes nothing away by the way, and gives nothing that there is not."""
    admin = await console.let_in("root")
    gone = frozenset({Role(RoleKind.READER, SPRINGFIELD)})
    console.doorkeeper.invite("ada", gone, email=None, by=TEST)
    access = console.keeper.current
    known = {key: each for key, each in access.accounts.items() if key != SPRINGFIELD}
    console.keeper.replace(type(access)(accounts=known, allowlist=access.allowlist))
    assert "no account any more" in (await admin.get("/users/ada")).text
    assert (await admin.post("/users/ada", {"reader": SPRINGFIELD})).status == 303
    assert (await admin.post("/users/ada", {"office": SPRINGFIELD})).status == 422
    assert console.doorkeeper.read("ada").roles == gone


async def change_password(visitor: Visitor, old: str, new: str, again: str = "") -> int:
    answer = await visitor.post(
        "/me/password", {"old": old, "password": new, "again": again or new}
    )
    return answer.status


async def test_whoever_changes_a_password_ends_all_other_sessions(either: Console) -> None:
    """Whoever knew the old one, or had a cookie, is out; who changed it goes on."""
    ada = await either.let_in("ada", OFFICE)
    thief = either.visitor()
    await thief.sign_in("ada")
    assert "this one" in (await ada.get("/me")).text
    assert await change_password(thief, OTHER, OTHER) == 422
    assert await change_password(ada, PASSWORD, OTHER, "something else") == 422
    assert await change_password(ada, PASSWORD, "short") == 422
    assert (await thief.get("/me")).status == 200
    assert await change_password(ada, PASSWORD, OTHER) == 303
    assert (await thief.get("/me")).status == 303
    assert (await ada.get("/me")).status == 200
    assert (await either.visitor().sign_in("ada")).status == 403
    assert (await either.visitor().sign_in("ada", OTHER)).status == 303


async def test_an_open_session_does_not_guess_the_password(console: Console) -> None:
    """Guesses there are counted with those at the door."""
    ada = await console.let_in("ada", OFFICE)
    for _ in range(BY_NAME_MAX):
        await change_password(ada, OTHER, OTHER)
    answer = await ada.post("/me/password", {"old": PASSWORD, "password": OTHER, "again": OTHER})
    assert (answer.status, "Too many attempts" in answer.text) == (422, True)
    assert (await console.visitor().sign_in("ada")).status == 429


async def test_all_other_sessions_are_ended_by_one_button(either: Console) -> None:
    """A telephone that was left in a bus is signed out from home."""
    ada = await either.let_in("ada", OFFICE)
    elsewhere = either.visitor()
    await elsewhere.sign_in("ada")
    bob = await either.let_in("bob", OFFICE)
    listed = (await ada.get("/me")).text
    assert listed.count("2026-03-02 18:00 UTC") == 4
    assert ada.cookies[COOKIE] not in listed
    assert (await ada.post("/me/sessions")).way == "/me?done=sessions"
    assert (await elsewhere.get("/me")).status == 303
    assert {(await one.get("/me")).status for one in (ada, bob)} == {200}
    either.clock.pass_(timedelta(minutes=30))
    assert (await ada.get("/me")).status == 303


async def test_what_people_do_at_the_door_is_kept(either: Console) -> None:
    """Who came, who went, and who was tried; of names that there are not nothing is kept."""
    ada = await either.let_in("ada", OFFICE)
    await either.visitor().sign_in("ada", OTHER)
    await either.visitor().sign_in(OTHER, OTHER)
    await ada.post("/sign-out")
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == TELLING))
    kept = [deed for by, deed, subject in deeds(either) if subject == "ada"]
    assert sorted(kept) == [
        "sign_in_failed",
        "signed_in",
        "signed_out",
        "user_invited",
    ]
    assert OTHER not in str(deeds(either))
