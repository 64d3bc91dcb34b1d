"""Agreement: what the books' facts hold twice has to be the same. Each check is one statement.

Most are differences of two sides: one side is added, the other one taken away, and whatever is
left over differs. That costs one sort, however many rows agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two places that should say the same, and the batch that they belong to."""

    batch_no: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """A statement that finds what disagrees, and how each row that it finds is told.

    The statement binds `account`; its rows have a `batch_no`, which may be NULL.
    """

    statements: Statements
    name: str
    tell: Callable[[Row[Any]], str]

    def find(self, connection: Connection, account: AccountId) -> Iterator[Disagreement]:
        """Yield what disagrees in an account's books."""
        for row in self.statements.run(connection, self.name, {"account": account}):
            yield Disagreement(batch_no=row.batch_no, message=self.tell(row))


def _tell_charge(row: Row[Any]) -> str:
    return f"charge {row.charge_no} has no posting that fits it"


def _tell_posting(row: Row[Any]) -> str:
    return f"a posting of charge {row.charge_no} fits no charge"


def _tell_posted_twice(row: Row[Any]) -> str:
    return f"charge {row.charge_no} is posted more than once"


def _tell_paid(row: Row[Any]) -> str:
    return (
        f"payment {row.payment_no} and charge {row.charge_no}: allocations and what was posted as"
        f" paid differ by {row.amount} minor units"
    )


def _tell_realised(row: Row[Any]) -> str:
    return (
        f"payment {row.payment_no} and charge {row.charge_no}: allocations and what was posted as"
        f" realised differ by {row.amount} minor units"
    )


def _tell_moved(row: Row[Any]) -> str:
    of = "" if row.charge_no is None else f" of charge {row.charge_no}"
    return f"{row.event}{of}: the fact and what was posted of it differ by {row.amount} minor units"


def _tell_reversal(row: Row[Any]) -> str:
    return f"posting {row.posting_no} is not the mirror of the one that it reverses"


def _tell_reversed_twice(row: Row[Any]) -> str:
    return f"posting {row.posting_no} is reversed more than once"


def _tell_stray(row: Row[Any]) -> str:
    return f"a row of {row.part} belongs to nothing in its batch"


AGREEMENTS_OF_FACTS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "charge_postings": (
            Check(_SQL, "find_charges_without_posting", _tell_charge),
            Check(_SQL, "find_postings_without_charge", _tell_posting),
            Check(_SQL, "find_charges_posted_twice", _tell_posted_twice),
        ),
        "allocation_postings": (
            Check(_SQL, "find_paid_otherwise", _tell_paid),
            Check(_SQL, "find_realised_otherwise", _tell_realised),
        ),
        "facts_posted": (Check(_SQL, "find_moved_otherwise", _tell_moved),),
        "reversals": (
            Check(_SQL, "find_wrong_reversals", _tell_reversal),
            Check(_SQL, "find_reversed_twice", _tell_reversed_twice),
        ),
        "parts": (Check(_SQL, "find_stray_parts", _tell_stray),),
    }
)
"""Every check of facts with each other, by its public name."""
