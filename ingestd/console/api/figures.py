"""Figures: reports, payments, parties, and where the books end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from http import HTTPStatus
from itertools import islice
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.engine import Connection
from starlette.responses import Response

import ingestd
from ingestd.console.api import answers
from ingestd.console.api.answers import answer_json
from ingestd.console.api.callers import Caller, Needs
from ingestd.console.api.problems import ProblemError
from ingestd.console.api.spooled import SpooledResponse, spool
from ingestd.console.api.strictness import Day, Name
from ingestd.console.page.threads import read, read_long
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.head import read_head_hash, read_known_at
from ingestd.ledger.evidence.checkpoints import continue_from, read_newest_note
from ingestd.ledger.evidence.tree_log import note_signed
from ingestd.reports.asking.kinds import REPORTS, ask
from ingestd.reports.asking.questions import Asked
from ingestd.reports.asking.written import json_pieces
from ingestd.reports.families.people import list_people, show_person
from ingestd.reports.figures.payment_page import FIRST, list_payments
from ingestd.reports.figures.payments import Status
from ingestd.reports.figures.report import Question, Row
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.scopes import TokenScope
from ingestd.values.clock import format_instant, from_microseconds, to_microseconds
from ingestd.values.errors import UnknownNameError, UsageError
from ingestd.values.money import decimals_of

Reader = Annotated[Caller, Depends(Needs(TokenScope.READ))]
Acquainted = Annotated[Caller, Depends(Needs(TokenScope.CONTACTS))]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Number = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")
]
Instant = Annotated[
    Name | None, Query(description="An instant such as 2026-03-02T12:00:00Z; a day: its end.")
]

WITHHELD = frozenset({"name", "email", "phone", "payee", "text"})
"""What of a report tells who people are, or is written about them: for tokens with `contacts`."""

_ABOUT = "; ".join(f"`{name}`: {kind.about}" for name, kind in REPORTS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """What a report is asked; each report says which of it means anything to it."""

    since: Annotated[Day | None, Query(alias="from")] = None
    until: Annotated[Day | None, Query(alias="to")] = None
    as_of: Annotated[Day | None, Query(description="The last day that counts.")] = None
    as_known: Instant = None
    party: Name | None = None
    family: Name | None = None
    product: Name | None = None
    source: Name | None = None
    status: Name | None = None
    by: Name | None = None
    known_since: Annotated[Name | None, Query(alias="since")] = None


class Figures:
    """The endpoints that only read the books."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._database = installation.database
        self._clock = installation.clock

    def routes(self, router: APIRouter) -> None:
        """Add the endpoints to a router."""
        get = router.get
        get(
            "/reports/{name}",
            response_model=answers.ReportAnswer,
            responses={304: {"description": "The books have not changed since."}},
            tags=["figures"],
        )(self.report)
        get("/payments", response_model=answers.PaymentPage, tags=["figures"])(self.payments)
        get("/parties", response_model=answers.PartyPage, tags=["parties"])(self.parties)
        get("/parties/{party:path}", response_model=answers.PartyAnswer, tags=["parties"])(
            self.party
        )
        get("/ledger/head", response_model=answers.HeadAnswer, tags=["ledger"])(self.head)
        get(
            "/ledger/checkpoint",
            response_class=_Note,
            response_model=str,
            tags=["ledger"],
        )(self.checkpoint)

    async def report(
        self,
        request: Request,
        caller: Reader,
        name: Annotated[Name, Path(description=_ABOUT, json_schema_extra={"enum": [*REPORTS]})],
        query: Annotated[ReportQuery, Depends()],
    ) -> Response:
        """Answer a report; `If-None-Match` with the `ETag` of an earlier answer costs nothing."""
        if name not in REPORTS:
            raise UnknownNameError(f"There is no report {name}: {', '.join(REPORTS)}.")
        asked = Asked(**asdict(query))
        _refuse_senseless(name, asked)
        known = request.headers.get("if-none-match", "")
        etag, file = await read_long(self._answer, caller, name, asked, known)
        if file is None:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
        return SpooledResponse(file, media_type="application/json", headers={"ETag": etag})

    def _answer(
        self, caller: Caller, name: str, asked: Asked, known: str
    ) -> tuple[str, IO[bytes] | None]:
        """Return an answer's mark, and the answer unless it is known by its mark."""
        account, now = caller.account, self._clock.now()
        with self._database.reading_twice() as (connection, _):
            question = asked.question(connection, account, now=now)
            more = asked.known_before(connection, account, now=now)
            etag = _mark_of(connection, name, question, (more, caller.sees_contacts))
            if etag in [one.strip().removeprefix("W/") for one in known.split(",")]:
                return etag, None
            report = ask(name, connection, question, **more)
            if not caller.sees_contacts:
                report.rows = _without_contacts(report.rows)
            pieces = (piece.encode("utf-8", "backslashreplace") for piece in json_pieces(report))
            return etag, spool(self._database, pieces)

    async def payments(
        self,
        caller: Reader,
        status: Status | None = None,
        payer: Name | None = None,
        limit: Limit = 100,
        cursor: Number = None,
    ) -> Response:
        """List payments, the latest first, as they stand now."""
        account = caller.account

        def work() -> dict[str, object]:
            with self._database.reading() as connection:
                page = list_payments(
                    connection,
                    account.account_id,
                    decimals=decimals_of(account.currency),
                    limit=limit,
                    before=FIRST if cursor is None else int(cursor),
                    status=None if status is None else status.value,
                    payer=payer,
                )
            return {"payments": page.rows, "next": None if page.next is None else str(page.next)}

        return answer_json(await read(work))

    async def parties(
        self,
        caller: Acquainted,
        kind: PartyKind | None = None,
        limit: Limit = 100,
        cursor: Annotated[Name | None, Query(description="`next` of the page before.")] = None,
    ) -> Response:
        """List everybody whom the catalogs or the books know, by kind and code."""

        def work() -> dict[str, object]:
            with self._database.reading() as connection:
                people = list_people(connection, self._question(connection, caller), kind=kind)
                later = (one for one in people if cursor is None or _place(one) > _place_of(cursor))
                found = [*islice(later, limit + 1)]
            ends = len(found) <= limit
            last = None if ends else f"{found[limit - 1]['kind']}:{found[limit - 1]['party']}"
            return {"parties": found[:limit], "next": last}

        return answer_json(await read(work))

    async def party(self, caller: Acquainted, party: Name) -> Response:
        """Tell all of one party: how it is reached, its balances, charges and payments."""

        def work() -> dict[str, object]:
            with self._database.reading() as connection:
                return show_person(connection, self._question(connection, caller), party)

        return answer_json(await read(work))

    async def head(self, caller: Reader) -> Response:
        """Tell where the account's books end."""
        account_id = caller.account.account_id

        def work() -> dict[str, object]:
            with self._database.reading() as connection:
                known_at = read_known_at(connection, account_id)
                head = read_head_hash(connection, account_id, known_at=known_at or 0)
            last = None if known_at is None else format_instant(from_microseconds(known_at))
            return {"account": account_id, "ledger_head": head, "as_known": last}

        return answer_json(await read(work))

    async def checkpoint(
        self,
        caller: Reader,
        since: Annotated[
            int | None,
            Query(ge=0, le=FIRST, description="With the proof that it continues so many batches."),
        ] = None,
    ) -> Response:
        """Hand out the newest signed checkpoint of the account's books."""
        account_id = caller.account.account_id
        signed_trees = self._installation.signed_trees

        def work() -> str:
            with self._database.reading() as connection:
                if since is None:
                    text = read_newest_note(connection, account_id)
                else:
                    text = continue_from(connection, account_id, since).to_text()
                note_signed(connection, account_id, signed_trees)
            return text

        return _Note(await read(work))

    def _question(self, connection: Connection, caller: Caller) -> Question:
        return Asked().question(connection, caller.account, now=self._clock.now())


class _Note(Response):
    """A signed note, byte for byte."""

    media_type = "text/plain"


def _refuse_senseless(name: str, asked: Asked) -> None:
    """Refuse what a report cannot be asked: it would be passed over. Raises UsageError."""
    kind = REPORTS[name]
    given = {
        "from": asked.since if not kind.has_days else None,
        "to": asked.until if not kind.has_days else None,
        "since": asked.known_since if not kind.has_since else None,
        "status": asked.status if asked.status not in kind.statuses else None,
        "by": asked.by if asked.by not in kind.by else None,
    } | {
        field: getattr(asked, field)
        for field in ("party", "family", "product", "source")
        if field not in kind.narrows_to
    }
    senseless = [field for field, value in given.items() if value is not None]
    if senseless:
        choices = {"status": kind.statuses, "by": kind.by}.get(senseless[0], ())
        remedy = f"It is one of {', '.join(choices)}." if choices else "Leave it out."
        raise UsageError(f"{name} cannot be asked so by `{senseless[0]}`. {remedy}")


def _mark_of(connection: Connection, name: str, question: Question, more: object) -> str:
    """Return what is the same as long as an answer is: the books' head, and what is asked."""
    known_at = to_microseconds(question.as_known)
    head = read_head_hash(connection, question.account, known_at=known_at)
    text = repr((ingestd.__version__, head, name, question, more))
    return f'"{sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'


def _without_contacts(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        yield {field: None if field in WITHHELD else value for field, value in row.items()}


def _place(row: Row) -> tuple[str, bytes]:
    return str(row["kind"]), str(row["party"]).encode()


def _place_of(cursor: str) -> tuple[str, bytes]:
    kind, colon, code = cursor.partition(":")
    if not colon or kind not in set(PartyKind):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "The cursor is none of an earlier page."
        )
    return kind, code.encode()
