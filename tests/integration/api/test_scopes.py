"""Who may ask for what: every endpoint that the API has, by tokens of every scope."""

from __future__ import annotations

import re

from ingestd.service.people.scopes import TokenScope
from tests.integration.api.conftest import ROOT, Program, Reply, program
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, Console

UPLOAD, READ, CONTACTS, MONEY = TokenScope

MAY = {
    ("PUT", "/incoming/{name}"): {UPLOAD},
    ("POST", "/check"): {UPLOAD},
    ("GET", "/uploads"): {UPLOAD, READ},
    ("GET", "/uploads/{upload_id}"): {UPLOAD, READ},
    ("GET", "/uploads/{upload_id}/receipt"): {UPLOAD, READ},
    ("GET", "/reports/{name}"): {READ},
    ("GET", "/payments"): {READ},
    ("GET", "/parties"): {CONTACTS},
    ("GET", "/parties/{party}"): {CONTACTS},
    ("GET", "/ledger/head"): {READ},
    ("GET", "/ledger/checkpoint"): {READ},
    **{
        ("POST", path): {MONEY}
        for path in (
            *("/payments", "/payments/{payment_id}/void", "/settlements", "/returns"),
            *("/refunds", "/charges/{tracking_id}/void", "/write-offs", "/sales", "/penalties"),
            *("/transfers", "/payouts", "/payouts/{payout_id}/clear"),
            *("/payouts/{payout_id}/void", "/cash-deposits"),
        )
    },
}
"""Written out once more, by hand: what the page says of each scope."""


async def endpoints(console: Console) -> set[tuple[str, str]]:
    described = (await Program(port=console.port).get("/openapi.json")).fields
    return {
        (method.upper(), path.removeprefix(ROOT))
        for path, operations in described["paths"].items()
        for method in operations
    }


async def ask(asking: Program, method: str, path: str, account: str | None = None) -> Reply:
    where = re.sub(r"\{\w+\}", "nothing", path) + (f"?account={account}" if account else "")
    return await asking.send(method, where)


async def test_every_endpoint_has_an_entry(console: Console) -> None:
    """One that is added is asked for by tokens of every scope at once."""
    assert await endpoints(console) == set(MAY)


async def test_a_token_does_what_its_scopes_say_and_nothing_else(console: Console) -> None:
    """A token that leaks opens no more than it was made for."""
    tokens = {
        frozenset(scopes): program(console, *scopes)
        for scopes in ((UPLOAD,), (READ,), (READ, CONTACTS), (MONEY,))
    }
    for (method, path), needed in MAY.items():
        for scopes, asking in tokens.items():
            reply = await ask(asking, method, path)
            case = (method, path, sorted(scopes), reply.status)
            if scopes & needed:
                assert reply.status not in {401, 403}, case
                assert reply.status < 500, case
            else:
                assert (reply.status, reply.code) == (403, "scope_missing"), case
                assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]


async def test_no_endpoint_shows_another_account(console: Console) -> None:
    """It answers as if there were no such account, and so does one that there is not."""
    asking = program(console)
    for method, path in MAY:
        replies = [await ask(asking, method, path, name) for name in (SHELBYVILLE, "NOBODY")]
        assert {(reply.status, reply.code) for reply in replies} == {(404, "unknown")}, path
        assert replies[0].content == replies[1].content


async def test_a_token_of_several_accounts_names_one(console: Console) -> None:
    """Nothing is done in an account that nobody named."""
    asking = program(console, accounts=[SPRINGFIELD, SHELBYVILLE])
    for method, path in MAY:
        reply = await ask(asking, method, path)
        assert (reply.status, reply.code) == (422, "account_missing"), path
    for account in (SPRINGFIELD, SHELBYVILLE):
        named = await asking.get(f"/ledger/head?account={account}")
        assert named.fields["account"] == account
    for twice in (f"?account={SPRINGFIELD}&account={SHELBYVILLE}", "?account=", "?account=%00"):
        assert (await asking.get(f"/ledger/head{twice}")).status == 422


async def test_nothing_is_answered_without_a_token(console: Console) -> None:
    """Whatever there is or is not, and whoever is signed in to the console."""
    visitor = await console.let_in("ada")
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    asking = Program(port=console.port)
    for method, path in [*MAY, ("GET", "/nothing"), ("OPTIONS", "/payments"), ("HEAD", "/")]:
        reply = await asking.send(method, re.sub(r"\{\w+\}", "x", path), cookie=cookie)
        assert reply.status == 401, path
        assert reply.headers["www-authenticate"] == 'Bearer realm="ingestd"'
        assert "location" not in reply.headers
    for path in ("/api", "/api/", "/api/v2/payments", "/api/v1"):
        assert (await asking.get(path)).code == "token_missing"
