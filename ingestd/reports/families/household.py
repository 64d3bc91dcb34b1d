"""Households: a family, or a party that has none, with all that ever moved its balances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.extent import Extent, read_known_batch
from ingestd.ledger.books.parties import look_up_party
from ingestd.reports.families.passbook import Passbook, read_passbook
from ingestd.reports.figures.report import Question
from ingestd.reports.known.families import (
    Member,
    read_member,
    read_members,
    read_parent_code,
)
from ingestd.values.clock import to_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """Who is asked about, up to a day as known by a batch.

    `family` is the parent's code, None for a party alone; `code` and `kind` say who answers for
    it. `members` have all who belong to it or did once, and have a number in the books.
    """

    kind: PartyKind
    code: str
    family: str | None
    members: Sequence[Member]
    passbook: Passbook
    day: int
    known_batch: int

    @property
    def belonging(self) -> frozenset[int]:
        """The numbers of those who belong to it at the end."""
        return frozenset(
            member.party_no
            for member in self.members
            if self.family is None
            or member.moves.family_at(self.day, self.known_batch) == self.family
        )


def small_extent(connection: Connection, question: Question) -> Extent:
    """Return what a question counts, for those who look nothing up that is later."""
    known_at = to_microseconds(question.as_known)
    return Extent(
        account=question.account,
        as_of=question.as_of,
        batch_no=read_known_batch(connection, question.account, known_at=known_at),
        postings_within=0,
    )


def read_household(
    connection: Connection, extent: Extent, name: str, *, day: int, with_family: bool
) -> Household:
    """Return the household that a name stands for: a parent's family, else the party alone.

    With its family, a student stands for the one that it belongs to on the day. Raises UsageError
    as `look_up_party` does, and for the anonymous party.
    """
    account, known_batch = extent.account, extent.batch_no
    named = look_up_party(connection, account, name, with_past=True)
    if named.kind is PartyKind.ANONYMOUS:
        raise UsageError(f"{name} is nobody in particular, and has no family.")
    alone = (
        []
        if named.party_no is None
        else [read_member(connection, account, named.party_no, known_batch=known_batch)]
    )
    family = named.code if named.kind is PartyKind.PARENT else None
    if with_family and named.kind is PartyKind.STUDENT:
        family = (
            alone[0].moves.family_at(day, known_batch)
            if alone
            else read_parent_code(connection, account, named.code)
        )
    members = (
        alone
        if family is None
        else read_members(connection, account, family, known_batch=known_batch)
    )
    return Household(
        kind=named.kind if family is None else PartyKind.PARENT,
        code=named.code if family is None else family,
        family=family,
        members=members,
        passbook=read_passbook(connection, account, [member.party_no for member in members]),
        day=day,
        known_batch=known_batch,
    )


def day_asked(question: Question) -> Day:
    """Return the last day that a question is about."""
    return Day.of(min(question.as_of, question.until or question.as_of))


def name_asked(question: Question) -> str | None:
    """Return whose household a question names, by party or by family; None where it names none.

    Raises UsageError where both are named: one of them would be left out of the answer.
    """
    if question.family is None:
        return question.party
    if question.party is not None:
        raise UsageError("Name one: --party or --family.")
    return f"{PartyKind.PARENT}:{question.family}"
