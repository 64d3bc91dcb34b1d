"""Who may ask for what: every page that the console has, by every role that there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestd.console.app import make_rooms
from ingestd.console.door.rights import Asked, Right
from ingestd.service.people.roles import Role, RoleKind
from tests.integration.console.conftest import (
    SHELBYVILLE,
    SPRINGFIELD,
    Console,
    Visitor,
)

FULL, REFUSED, NOWHERE = "shown", 403, 404

OFFICE, READER, OPERATOR, ADMIN = (
    RoleKind.OFFICE,
    RoleKind.READER,
    RoleKind.OPERATOR,
    RoleKind.ADMIN,
)
WHO = (OFFICE, READER, OPERATOR, ADMIN)
MAY = {
    Right.SIGNED_IN: {OFFICE, READER, OPERATOR, ADMIN},
    Right.SEE: {OFFICE, READER},
    Right.ACT: {OFFICE},
    Right.WATCH: {OFFICE, READER, OPERATOR},
    Right.WATCH_ACT: {OFFICE, OPERATOR},
    Right.GOVERN: {ADMIN},
}
"""Written out once more, by hand: what the console's page says of each role."""

PUBLIC_PATHS = {"/sign-in", "/sign-out", "/invite/{secret}", "/static"}


def addresses(one: Asked) -> str:
    """Return an address of a page, whatever it is about: what is not there answers 404."""
    path = one.path
    while "{" in path:
        head, _, rest = path.partition("{")
        path = head + "01K00000000000000000000000" + rest.partition("}")[2]
    return path


async def ask(visitor: Visitor, one: Asked, account: str | None) -> int:
    path = addresses(one) + (f"?account={account}" if account else "")
    answer = await (visitor.get(path) if one.method == "GET" else visitor.post(path))
    return answer.status


def pages(console: Console) -> Iterator[Asked]:
    asked = make_rooms(console.surroundings).asked
    assert asked
    yield from asked


async def test_every_page_is_shown_to_whom_the_console_says_and_to_nobody_else(
    console: Console,
) -> None:
    """A page that is added is asked for by everybody here at once."""
    visitors = {
        kind: await console.let_in(
            str(kind), frozenset({Role(kind, SPRINGFIELD if kind in {OFFICE, READER} else None)})
        )
        for kind in WHO
    }
    for one in pages(console):
        assert one.right in MAY, f"{one.path} needs a right that this test does not know"
        for kind, visitor in visitors.items():
            status = await ask(visitor, one, SPRINGFIELD if one.right.is_of_account else None)
            if kind in MAY[one.right]:
                assert status != REFUSED, (one.method, one.path, kind)
            else:
                assert status in {REFUSED, NOWHERE}, (one.method, one.path, kind)
            assert status < 500, (one.method, one.path, kind)


async def test_no_page_shows_another_account(console: Console) -> None:
    """It answers as if there were no such account, and so does one that there is not."""
    visitors = [
        await console.let_in(str(kind), frozenset({Role(kind, SPRINGFIELD)}))
        for kind in (OFFICE, READER)
    ]
    for one in pages(console):
        if one.right.is_of_account:
            for visitor in visitors:
                found = {await ask(visitor, one, name) for name in (SHELBYVILLE, "NOBODY")}
                assert len(found) == 1, one.path
                assert found <= {REFUSED, NOWHERE}, one.path


async def test_no_page_is_shown_to_who_is_not_signed_in(console: Console) -> None:
    """It sends everybody to sign in, whatever there is."""
    for one in pages(console):
        visitor = console.visitor()
        path = addresses(one)
        answer = await (visitor.get(path) if one.method == "GET" else visitor.post(path))
        assert (answer.status, answer.way.partition("?")[0]) == (303, "/sign-in"), one.path


async def test_no_deed_is_done_that_another_site_asks_for(console: Console) -> None:
    """The browser says where it comes from, and is believed."""
    roles = frozenset({Role(kind, SPRINGFIELD) for kind in (OFFICE,)} | {Role(ADMIN)})
    visitor = await console.let_in("ada", roles)
    for one in pages(console):
        if one.method != "GET":
            answer = await visitor.post(addresses(one), None, sec_fetch_site="cross-site")
            assert answer.status == REFUSED, one.path


@pytest.mark.parametrize(
    "path", ["/nothing", "/uploads/../x", "//", "/%2e%2e/", "/?account=X&account="]
)
async def test_what_there_is_not_tells_nothing(console: Console, path: str) -> None:
    """The page that says so stays within the console."""
    visitor = await console.let_in("ada")
    answer = await visitor.get(path)
    assert answer.status in {200, 404}
    assert "Traceback" not in answer.text
