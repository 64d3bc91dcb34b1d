"""The two files as text: edited whole, with what was saved before, and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import quote_plus

from starlette.requests import Request
from starlette.responses import Response

from ingestd.config.editing.layout import as_saved
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.console.districts.saving import (
    Files,
    Proposal,
    Saving,
    Troubles,
    shown_lines,
    troubles_of,
    verbatim,
)
from ingestd.console.door.rights import Answering, Asked, Right, Visit, refuse
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.console.page.times import shown_time
from ingestd.service.districts.changes import LAST, KeptTexts
from ingestd.service.districts.desk import Drafts, OpenFile
from ingestd.service.districts.differences import put_side_by_side
from ingestd.service.districts.hidden_hashes import hide_hashes, restore_hashes
from ingestd.service.http.bounds import allow_body
from ingestd.values.errors import ConfigError

PLACES = {accounts_file.FILE_NAME: "/accounts", allowlist_file.FILE_NAME: "/allowlist"}
CHANGES_MAX = 50
BODY_BYTES_MAX = 2**20
"""How long a form with a whole file in it may be; what is longer is edited elsewhere."""

_BESIDE_BYTES = 1024  # what a form sends beside the text


class TextPage:
    """The pages on which a file is edited as it stands."""

    def __init__(self, saving: Saving) -> None:
        self._saving = saving

    def asked(self) -> Iterable[Asked]:
        """Return these pages, each with its right."""
        for name, place in PLACES.items():
            pages: tuple[tuple[str, str, Answering], ...] = (
                ("GET", "edit", partial(self.show, name)),
                ("POST", "edit", partial(self.edit, name)),
                ("GET", "history", partial(self.show_history, name)),
                ("GET", "history/{number}", partial(self.show_change, name)),
                ("POST", "history/{number}", partial(self.undo, name)),
            )
            for method, path, answer in pages:
                yield Asked(
                    path=f"{place}/{path}", right=Right.GOVERN, answer=answer, method=method
                )

    async def show(self, name: str, request: Request, _visit: Visit) -> Response:
        """Show a file's text, to be changed."""
        try:
            file = await read(self._saving.desk.open, name)
        except ConfigError as error:
            return _show_text(request, name, None, "", troubles_of(error.mistakes))
        look = await read(self._saving.desk.look)
        seen = look.accounts if name == accounts_file.FILE_NAME else look.allowlist
        return _show_text(request, name, file, file.shown, (), troubles_of(seen.mistakes))

    async def edit(self, name: str, request: Request, visit: Visit) -> Response:
        """Save a text that was typed, unless the file was changed since it was opened."""
        allow_body(request.scope, BODY_BYTES_MAX)
        fields = await read_fields(request)
        typed = fields.get("text", "")
        try:
            file = await read(self._saving.desk.open, name)
        except ConfigError as error:
            return _show_text(request, name, None, typed, troubles_of(error.mistakes))
        if fields.get(f"opened.{name}", "") != file.sha256:
            return _show_both(request, name, file, typed)

        def draft(files: Files) -> Drafts:
            content = files[name].content
            return {name: as_saved(restore_hashes(typed, files[name].text), content)}

        async def again(troubles: Troubles) -> Response:
            return _show_text(request, name, file, typed, troubles)

        proposal = Proposal(
            fields=fields, draft=draft, again=again, back=PLACES[name], title=f"Save {name}"
        )
        return await self._saving.propose(request, visit, proposal)

    async def show_history(self, name: str, request: Request, _visit: Visit) -> Response:
        """Show what was saved of a file, and by whom."""
        written = request.query_params.get("before", "")
        before = int(written) if written.isdecimal() and len(written) < 19 else LAST
        list_changes = self._saving.desk.list_changes
        changes = await read(list_changes, name, limit=CHANGES_MAX + 1, before=before)
        return page(
            request,
            "districts/history.html",
            name=name,
            place=PLACES[name],
            lines=[(change, shown_time(change.changed_at)) for change in changes[:CHANGES_MAX]],
            earlier=changes[CHANGES_MAX - 1].number if len(changes) > CHANGES_MAX else None,
        )

    async def show_change(self, name: str, request: Request, _visit: Visit) -> Response:
        """Show what one save changed."""
        kept = await self._find(name, request)
        return refuse(request, 404) if kept is None else _show_kept(request, name, kept, ())

    async def undo(self, name: str, request: Request, visit: Visit) -> Response:
        """Save again what was there before a change: a save like any other."""
        fields = await read_fields(request)
        kept = await self._find(name, request)
        if kept is None:
            return refuse(request, 404)

        async def again(troubles: Troubles) -> Response:
            return _show_kept(request, name, kept, troubles)

        proposal = Proposal(
            fields=fields,
            draft=lambda _files: {name: kept.before},
            again=again,
            back=PLACES[name],
            title=f"{name} as it was before change {kept.change.number}",
            undoes=kept.change.number,
        )
        return await self._saving.propose(request, visit, proposal)

    async def _find(self, name: str, request: Request) -> KeptTexts | None:
        written = request.path_params["number"]
        if not (written.isdecimal() and written.isascii() and len(written) < 19):
            return None
        return await read(self._saving.desk.find_change, name, int(written))


def _show_text(
    request: Request,
    name: str,
    file: OpenFile | None,
    text: str,
    troubles: Troubles,
    pending: Troubles = (),
) -> Response:
    return page(
        request,
        "districts/text.html",
        status=422 if troubles else 200,
        name=name,
        place=PLACES[name],
        sha256="" if file is None else file.sha256,
        text=verbatim(text),
        rows=min(max(text.count("\n") + 3, 12), 40),
        is_editable=file is not None and file.is_text and _fits_a_form(text),
        troubles=troubles,
        pending=pending,
    )


def _show_both(request: Request, name: str, file: OpenFile, typed: str) -> Response:
    """Refuse a text that was made from another one than is there; lose neither."""
    pairs = put_side_by_side(file.shown, typed)
    return page(
        request,
        "districts/both.html",
        status=409,
        name=name,
        place=PLACES[name],
        sha256=file.sha256,
        text=verbatim(typed),
        rows=min(max(typed.count("\n") + 3, 12), 40),
        pairs=[
            (
                None if pair.left is None else verbatim(pair.left),
                None if pair.right is None else verbatim(pair.right),
                pair.left != pair.right,
            )
            for pair in pairs
        ],
    )


def _show_kept(request: Request, name: str, kept: KeptTexts, troubles: Troubles) -> Response:
    before, after = (
        hide_hashes(text.decode("utf-8-sig", "replace")) for text in (kept.before, kept.after)
    )
    return page(
        request,
        "districts/change.html",
        status=422 if troubles else 200,
        name=name,
        place=PLACES[name],
        change=kept.change,
        at=shown_time(kept.change.changed_at),
        lines=shown_lines(before, after),
        troubles=troubles,
    )


def _fits_a_form(text: str) -> bool:
    return len(quote_plus(text.replace("\n", "\r\n"))) < BODY_BYTES_MAX - _BESIDE_BYTES
