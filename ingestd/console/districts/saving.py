"""Saving: whatever is to become of the two files is shown as a difference first, and judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.console.door.rights import Visit
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.service.districts.desk import (
    FILES,
    ChangedMeanwhileError,
    Desk,
    Drafts,
    Judged,
    OpenFile,
)
from ingestd.service.districts.differences import Line, find_differences
from ingestd.service.districts.hidden_hashes import hide_hashes
from ingestd.service.people.audit import Doer, Via
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import ConfigError, Mistake, StorageError, UsageError
from ingestd.values.identifiers import AccountId

Files = Mapping[str, OpenFile]
Troubles = Sequence["Trouble"]
ShowAgain = Callable[[Troubles], Awaitable[Response]]

_OPENED = "opened."
_SAVE = "save"

log = get_logger("ingestd.console")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong, where, and what to do about it."""

    message: str
    where: str = ""
    line: int | None = None
    key: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that somebody asks for.

    `draft` makes the new contents from the files as they are, and raises UsageError or ConfigError
    where it cannot. `again` shows the page that asked, with what is wrong. `back` is where to go
    when it is done.
    """

    fields: Mapping[str, str]
    draft: Callable[[Files], Drafts]
    again: ShowAgain
    back: str
    title: str
    account: AccountId | None = None
    undoes: int | None = None


class Saving:
    """What all pages share that change one of the two files."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def propose(self, request: Request, visit: Visit, proposal: Proposal) -> Response:
        """Show what would change; save it once that was seen, unless a file changed meanwhile."""
        notice = None
        try:
            files = await read(self._open_all)
            drafts, judged = await read(self._judge, proposal, files)
            if _SAVE in proposal.fields:
                notice = await self._save(visit, drafts, proposal)
                if notice is None:
                    return RedirectResponse(f"{proposal.back}?saved=yes", 303)
        except ConfigError as error:
            return await proposal.again(troubles_of(error.mistakes))
        except (UsageError, StorageError) as error:
            return await proposal.again([Trouble(message=error.message)])
        return await self._show(request, proposal, files, drafts, judged, notice)

    def _judge(self, proposal: Proposal, files: Files) -> tuple[Drafts, Judged]:
        """Return what would change, and what is said of it. Raises ConfigError and UsageError."""
        drafts = {
            name: content
            for name, content in proposal.draft(files).items()
            if content != files[name].content
        }
        judged = self.desk.judge(drafts)
        if judged.mistakes:
            raise ConfigError(judged.mistakes)
        if not drafts:
            raise UsageError("Nothing would change.")
        return drafts, judged

    async def _save(self, visit: Visit, drafts: Drafts, proposal: Proposal) -> str | None:
        """Save what was seen; return why it has to be looked at again, if it has."""
        opened = {name: proposal.fields.get(f"{_OPENED}{name}", "") for name in FILES}
        try:
            await write(
                self.desk.save,
                drafts,
                opened,
                by=Doer(name=visit.user.name, via=Via.CONSOLE),
                account=proposal.account,
                undoes=proposal.undoes,
            )
        except ChangedMeanwhileError as error:
            return f"{error.message} This is what would change now."
        for name in drafts:
            log.info(Event.CONFIG_SAVED, file=name, user=visit.user.name)
        return None

    async def _show(
        self,
        request: Request,
        proposal: Proposal,
        files: Files,
        drafts: Drafts,
        judged: Judged,
        notice: str | None,
    ) -> Response:
        changes = [
            (name, shown_lines(files[name].shown, hide_hashes(_text_of(drafts[name]))))
            for name in FILES
            if name in drafts
        ]
        kept = {
            name: value
            for name, value in proposal.fields.items()
            if name != _SAVE and not name.startswith(_OPENED)
        }
        kept |= {f"{_OPENED}{name}": files[name].sha256 for name in drafts}
        return page(
            request,
            "districts/difference.html",
            status=200 if notice is None else 409,
            heading=proposal.title,
            changes=changes,
            fields=[(name, verbatim(value)) for name, value in kept.items()],
            beside=judged.beside,
            warnings=judged.warnings,
            may_save=await read(self.desk.may_save),
            notice=notice,
            back=proposal.back,
        )

    def _open_all(self) -> Files:
        return {name: self.desk.open(name) for name in FILES}


def troubles_of(mistakes: Sequence[Mistake]) -> list[Trouble]:
    """Return mistakes as pages show them: the file by its name."""
    return [
        Trouble(
            message=mistake.message,
            where=mistake.where.rpartition("/")[2],
            line=mistake.line,
            key=mistake.key,
            remedy=mistake.remedy,
        )
        for mistake in mistakes
    ]


def shown_lines(before: str, after: str) -> list[tuple[Line, Markup]]:
    """Return differences, each line with its text as it stands, spaces and all."""
    return [(line, verbatim(line.text)) for line in find_differences(before, after)]


def verbatim(text: str) -> Markup:
    """Return text for a template that shows it as it is, and not made readable on one line."""
    return Markup(escape(text))  # noqa: S704 - escaped here


def _text_of(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")
