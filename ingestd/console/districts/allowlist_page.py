"""The allowlist: what is in force, whether an address may connect, and adding or removing one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.allowlist import Allowlist, Rule
from ingestd.access.keeper import AccessKeeper
from ingestd.config.editing.networks import ACCOUNTS, with_networks, without_network
from ingestd.config.files import allowlist_file
from ingestd.console.districts.saving import Files, Proposal, Saving, Troubles, troubles_of
from ingestd.console.door.rights import Asked, Right, Visit
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.service.districts.asking import Asked as Answer
from ingestd.service.districts.asking import may_connect
from ingestd.service.districts.desk import Drafts
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId

FILE = allowlist_file.FILE_NAME
SECTION = "Districts"
RULES_MAX = 500
"""How many rules one page shows; one list alone shows the rest."""


_Draft = Callable[[Files], Drafts]


class AllowlistPage:
    """The page of who may connect."""

    def __init__(self, saving: Saving, keeper: AccessKeeper) -> None:
        self._saving = saving
        self._keeper = keeper

    def asked(self) -> Iterable[Asked]:
        """Return these pages, each with its right."""
        govern = Right.GOVERN
        yield Asked(
            path="/allowlist", right=govern, answer=self.show, entry="Allowlist", section=SECTION
        )
        yield Asked(path="/allowlist/add", right=govern, answer=self.add, method="POST")
        yield Asked(path="/allowlist/remove", right=govern, answer=self.remove, method="POST")

    async def show(self, request: Request, _visit: Visit) -> Response:
        """Show what is in force, what waits for being mended, and what an address may."""
        return await self._show(request, (), {})

    async def add(self, request: Request, visit: Visit) -> Response:
        """Add an address to a list."""
        fields = await read_fields(request)
        listed_in, network = fields.get("list", ""), fields.get("network", "").strip()

        def draft(files: Files) -> Drafts:
            if not network:
                raise UsageError("An address is missing.")
            return {FILE: with_networks(files[FILE].as_text(), listed_in, [network])}

        title = f"Let {network} in as {_in_words(listed_in)}"
        if listed_in == "deny":
            title = f"Keep {network} out"
        return await self._propose(request, visit, fields, draft, title)

    async def remove(self, request: Request, visit: Visit) -> Response:
        """Take an address out of a list."""
        fields = await read_fields(request)
        listed_in, network = fields.get("list", ""), fields.get("network", "").strip()

        def draft(files: Files) -> Drafts:
            return {FILE: without_network(files[FILE].as_text(), listed_in, network)}

        title = f"Take {network} out of {listed_in}"
        return await self._propose(request, visit, fields, draft, title)

    async def _propose(
        self,
        request: Request,
        visit: Visit,
        fields: Mapping[str, str],
        draft: _Draft,
        title: str,
    ) -> Response:
        async def again(troubles: Troubles) -> Response:
            return await self._show(request, troubles, fields)

        prefix, _, name = fields.get("list", "").partition(".")
        proposal = Proposal(
            fields=fields,
            draft=draft,
            again=again,
            back="/allowlist",
            title=title,
            account=AccountId(name) if prefix == ACCOUNTS else None,
        )
        return await self._saving.propose(request, visit, proposal)

    async def _show(
        self, request: Request, troubles: Troubles, typed: Mapping[str, str]
    ) -> Response:
        access = self._keeper.current
        asked = request.query_params
        trouble, answer = None, None
        if address := asked.get("address", "").strip():
            try:
                answer = may_connect(access, address, asked.get("as") or None)
            except UsageError as error:
                trouble = error.message
        look = await read(self._saving.desk.look)
        rules = _rules(access.allowlist, asked.get("list") or None)
        return page(
            request,
            "districts/allowlist.html",
            status=422 if troubles else 200,
            address=address,
            chosen=asked.get("as", ""),
            answer=answer,
            words=None if answer is None else _told(answer),
            trouble=trouble,
            troubles=troubles,
            typed=typed,
            pending=troubles_of(look.allowlist.mistakes),
            warnings=troubles_of(look.allowlist.warnings),
            rules=rules[:RULES_MAX],
            count=len(rules),
            only=asked.get("list", ""),
            accounts=sorted(access.accounts),
            may_save=await read(self._saving.desk.may_save),
            saved=asked.get("saved"),
        )


def _rules(allowlist: Allowlist, listed_in: str | None) -> list[Rule]:
    lists = (allowlist.deny, allowlist.everyone, *allowlist.accounts.values())
    return [rule for rules in lists for rule in rules if listed_in in {None, rule.listed_in}]


def _told(answer: Answer) -> str:
    """Return what the rules say of an address, in a sentence."""
    decision = answer.decision
    who = "connect" if answer.account is None else f"try {answer.account}"
    verb = "may" if decision.admitted else "may not"
    because = {
        "listed": "it is listed",
        "not_listed": "it is on no list",
        "denied": "deny wins over everything",
        "listed_for_another_account": "it is listed for another account",
    }[decision.reason]
    rule = "" if decision.rule is None else f": {decision.rule}"
    return f"{answer.address} {verb} {who}; {because}{rule}."


def _in_words(listed_in: str) -> str:
    return "everyone" if listed_in == "everyone" else listed_in.removeprefix(f"{ACCOUNTS}.")
