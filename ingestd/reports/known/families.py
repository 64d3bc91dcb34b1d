"""Families as they were known: who belonged to whom, and since when.

A student's family is the one that the roster gives, less the moves of which a question does not
know yet. Moves are facts: what a family's statement said of last spring does not change when a
student moves in the autumn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.extent import Extent
from ingestd.ledger.books.parties import look_up_party
from ingestd.values.days import Day
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A student goes from one family to another, on a day, by a batch; None is no family."""

    student_id: str
    effective_on: int
    batch_no: int
    old: str | None
    new: str | None

    @property
    def moment(self) -> tuple[int, int]:
        """What is earlier belongs to the old family, all else to the new one."""
        return self.effective_on, self.batch_no


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The moves of one student that are known, in order, and the family before the first."""

    first_family: str | None
    known: tuple[Move, ...] = ()

    def family_at(self, day: int, batch_no: int) -> str | None:
        """Return the family to which what a batch says of a day belongs."""
        family = self.first_family
        for move in self.known:
            if move.moment > (day, batch_no):
                break
            family = move.new
        return family


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A party, and which family it belongs to when."""

    party_no: int
    kind: PartyKind
    code: str
    moves: Moves


def chosen_parties(
    connection: Connection, extent: Extent, *, party: str | None, family: str | None
) -> tuple[int, ...] | None:
    """Return the numbers of a party, of a family's members in an extent, or of who is both.

    None where neither is asked for. Raises UsageError as `look_up_party` does.
    """
    chosen: set[int] | None = None
    if family is not None:
        name = f"{PartyKind.PARENT}:{family}"
        named = look_up_party(connection, extent.account, name, with_past=True)
        members = read_members(connection, extent.account, named.code, known_batch=extent.batch_no)
        last = (Day.of(extent.as_of), extent.batch_no)
        chosen = {each.party_no for each in members if each.moves.family_at(*last) == named.code}
    if party is not None:
        number = look_up_party(connection, extent.account, party).party_no
        alone = set() if number is None else {number}
        chosen = alone if chosen is None else chosen & alone
    return None if chosen is None else tuple(sorted(chosen))


def read_members(
    connection: Connection, account: AccountId, family: str, *, known_batch: int
) -> list[Member]:
    """Return everybody who belongs to a family or did at some time, as known by a batch.

    Those who never owed or paid anything have no number, and are left out.
    """
    rows = _SQL.run(connection, "find_members", {"account": account, "family": family}).all()
    return _with_moves(connection, account, rows, known_batch=known_batch)


def read_member(
    connection: Connection, account: AccountId, party_no: int, *, known_batch: int
) -> Member:
    """Return one party, and which family it belongs to when."""
    rows = _SQL.run(connection, "find_one", {"account": account, "party_no": party_no}).all()
    [member] = _with_moves(connection, account, rows, known_batch=known_batch)
    return member


def read_parent_code(connection: Connection, account: AccountId, student_id: str) -> str | None:
    """Return the family that the roster gives a student now; None where it gives none."""
    values = {"account": account, "code": student_id}
    found = _SQL.run(connection, "find_parent_code", values).scalar()
    return None if found is None else str(found)


def read_all_moves(connection: Connection, account: AccountId) -> Mapping[int, list[Move]]:
    """Return the moves of all students, by party number, in the order in which they were known."""
    return _by_party(_SQL.run(connection, "find_all_moves", {"account": account}))


def moves_known(moves: Iterable[Move], *, roster_family: str | None, known_batch: int) -> Moves:
    """Return what of a student's moves, in the order of their batches, was known by a batch.

    `roster_family` is where the roster has the student now.
    """
    in_order = list(moves)
    known = [move for move in in_order if move.batch_no <= known_batch]
    first = in_order[0].old if in_order else roster_family
    return Moves(first_family=first, known=tuple(sorted(known, key=lambda move: move.moment)))


def _with_moves(
    connection: Connection, account: AccountId, rows: Iterable[Row[Any]], *, known_batch: int
) -> list[Member]:
    found = list(rows)
    values = {"account": account, "members": [row.party_no for row in found]}
    moves = _by_party(_SQL.run(connection, "find_moves", values))
    return [
        Member(
            party_no=row.party_no,
            kind=PartyKind(row.kind),
            code=row.party_code,
            moves=moves_known(
                moves.get(row.party_no, ()),
                roster_family=row.party_code if row.kind == PartyKind.PARENT else row.parent_code,
                known_batch=known_batch,
            ),
        )
        for row in found
    ]


def _by_party(rows: Iterable[Row[Any]]) -> Mapping[int, list[Move]]:
    moves: defaultdict[int, list[Move]] = defaultdict(list)
    for row in rows:
        moves[row.party_no].append(
            Move(
                student_id=row.party_code,
                effective_on=row.effective_on,
                batch_no=row.batch_no,
                old=row.old_parent_code,
                new=row.new_parent_code,
            )
        )
    return moves
