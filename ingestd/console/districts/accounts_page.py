"""The accounts: what is in force, adding one, and each one's keys and policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args, get_origin

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.access.keeper import AccessKeeper
from ingestd.config.editing.account_values import with_key, with_policy, without_key
from ingestd.config.editing.new_account import NewAccount, with_account
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.config.files.accounts_file import PolicyEntry
from ingestd.console.districts.saving import (
    Files,
    Proposal,
    Saving,
    Troubles,
    troubles_of,
    verbatim,
)
from ingestd.console.door.rights import Asked, Right, Visit, refuse
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.service.districts.desk import Drafts
from ingestd.values.identifiers import AccountId

FILE = accounts_file.FILE_NAME
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_Draft = Callable[[Files], Drafts]


class AccountsPage:
    """The pages of the districts' accounts."""

    def __init__(self, saving: Saving, keeper: AccessKeeper) -> None:
        self._saving = saving
        self._keeper = keeper

    def asked(self) -> Iterable[Asked]:
        """Return these pages, each with its right."""
        govern = Right.GOVERN
        yield Asked(
            path="/accounts",
            right=govern,
            answer=self.show_all,
            entry="Accounts",
            section="Districts",
        )
        yield Asked(path="/accounts/new", right=govern, answer=self.show_new)
        yield Asked(path="/accounts/new", right=govern, answer=self.add, method="POST")
        yield Asked(path="/districts/{id}", right=govern, answer=self.show)
        for path, answer in (
            ("/districts/{id}/keys", self.add_key),
            ("/districts/{id}/keys/remove", self.remove_key),
            ("/districts/{id}/policy", self.set_policy),
        ):
            yield Asked(path=path, right=govern, answer=answer, method="POST")

    async def show_all(self, request: Request, _visit: Visit) -> Response:
        """Show the accounts in force, and what waits for being mended."""
        access = self._keeper.current
        look = await read(self._saving.desk.look)
        return page(
            request,
            "districts/accounts.html",
            lines=[
                (access.accounts[each], len(access.allowlist.accounts.get(each, ())))
                for each in sorted(access.accounts)
            ],
            pending=troubles_of(look.accounts.mistakes),
            warnings=troubles_of(look.accounts.warnings),
            may_save=await read(self._saving.desk.may_save),
            saved=request.query_params.get("saved"),
        )

    async def show_new(self, request: Request, _visit: Visit) -> Response:
        """Ask what is to be added."""
        return _ask_new(request, {}, ())

    async def add(self, request: Request, visit: Visit) -> Response:
        """Add an account, and the addresses that may try it, as `ingestd account add` does."""
        fields = await read_fields(request)
        account = NewAccount(
            account_id=fields.get("id", "").strip(),
            name=fields.get("name", "").strip(),
            timezone=fields.get("timezone", "").strip(),
            currency=fields.get("currency", "").strip(),
            authorized_keys=_lines(fields.get("keys", "")),
            networks=_lines(fields.get("networks", "")),
        )

        def draft(files: Files) -> Drafts:
            accounts, allowlist = files[FILE], files[allowlist_file.FILE_NAME]
            both = with_account(accounts.as_text(), allowlist.as_text(), account)
            return dict(zip((accounts.name, allowlist.name), both, strict=True))

        async def again(troubles: Troubles) -> Response:
            return _ask_new(request, fields, troubles)

        proposal = Proposal(
            fields=fields,
            draft=draft,
            again=again,
            back="/accounts",
            title=f"Add {account.account_id}",
            account=AccountId(account.account_id),
        )
        return await self._saving.propose(request, visit, proposal)

    async def show(self, request: Request, _visit: Visit) -> Response:
        """Show one account."""
        return await self._show(request, (), {})

    async def add_key(self, request: Request, visit: Visit) -> Response:
        """Let one more key open an account."""
        fields = await read_fields(request)
        account_id = request.path_params["id"]

        def draft(files: Files) -> Drafts:
            return {FILE: with_key(files[FILE].as_text(), account_id, fields.get("key", ""))}

        return await self._propose(request, visit, fields, draft, f"Add a key to {account_id}")

    async def remove_key(self, request: Request, visit: Visit) -> Response:
        """Let a key open an account no more."""
        fields = await read_fields(request)
        account_id = request.path_params["id"]

        def draft(files: Files) -> Drafts:
            fingerprint = fields.get("fingerprint", "")
            return {FILE: without_key(files[FILE].as_text(), account_id, fingerprint)}

        return await self._propose(request, visit, fields, draft, f"Take a key of {account_id} out")

    async def set_policy(self, request: Request, visit: Visit) -> Response:
        """Change one value of an account's policy."""
        fields = await read_fields(request)
        account_id = request.path_params["id"]

        def draft(files: Files) -> Drafts:
            key, written = fields.get("policy", ""), fields.get("value", "")
            if key == "delimiter":
                written = _DELIMITERS.get(written, written)
            return {FILE: with_policy(files[FILE].as_text(), account_id, key, written)}

        return await self._propose(
            request, visit, fields, draft, f"Change how {account_id} is judged"
        )

    async def _propose(
        self, request: Request, visit: Visit, fields: Mapping[str, str], draft: _Draft, title: str
    ) -> Response:
        account_id = AccountId(request.path_params["id"])
        if account_id not in self._keeper.current.accounts:
            return refuse(request, 404)

        async def again(troubles: Troubles) -> Response:
            return await self._show(request, troubles, fields)

        proposal = Proposal(
            fields=fields,
            draft=draft,
            again=again,
            back=f"/districts/{account_id}",
            title=title,
            account=account_id,
        )
        return await self._saving.propose(request, visit, proposal)

    async def _show(
        self, request: Request, troubles: Troubles, typed: Mapping[str, str]
    ) -> Response:
        access = self._keeper.current
        account = access.accounts.get(AccountId(request.path_params["id"]))
        if account is None:
            return refuse(request, 404)
        return page(
            request,
            "districts/account.html",
            status=422 if troubles else 200,
            account=account,
            keys=[
                (key, _others(key.blob, account, access.accounts))
                for key in account.authorized_keys
            ],
            policies=_policies(account),
            networks=access.allowlist.accounts.get(account.account_id, ()),
            troubles=troubles,
            typed=typed,
            may_save=await read(self._saving.desk.may_save),
            saved=request.query_params.get("saved"),
        )


def _ask_new(request: Request, typed: Mapping[str, str], troubles: Troubles) -> Response:
    return page(
        request,
        "districts/new_account.html",
        status=422 if troubles else 200,
        typed=typed,
        typed_keys=verbatim(typed.get("keys", "")),
        typed_networks=verbatim(typed.get("networks", "")),
        troubles=troubles,
    )


def _others(blob: bytes, account: Account, known: Mapping[AccountId, Account]) -> list[str]:
    """Return the other accounts that a key opens."""
    return [
        other.account_id
        for other in known.values()
        if other != account and any(blob == each.blob for each in other.authorized_keys)
    ]


def _policies(account: Account) -> list[tuple[str, str, tuple[str, ...] | None, bool]]:
    """Return each policy: its value, what it may be if that is a choice, whether it is many."""
    found = []
    for key, field in PolicyEntry.model_fields.items():
        value = getattr(account.policy, key)
        choices: tuple[str, ...] | None = None
        is_list = isinstance(value, tuple)
        shown = "\n".join(value) if is_list else str(value)
        if get_origin(field.annotation) is Literal:
            choices = get_args(field.annotation)
        elif isinstance(value, bool):
            choices, shown = ("true", "false"), str(value).lower()
        elif key == "delimiter":
            names = {sign: name for name, sign in _DELIMITERS.items()}
            choices, shown = tuple(_DELIMITERS), names[value]
        found.append((key, shown, choices, is_list))
    return found


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
