"""Letters: what goes to one household, ready to be shown, printed or mailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.families.household import Household
from ingestd.reports.figures.report import Question
from ingestd.reports.invoices.invoice import Person
from ingestd.reports.known.contacts import UNKNOWN, Contact, read_contacts
from ingestd.values.money import decimals_of, format_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter as it was written: whose, to whom, as a page and in plain text.

    `email` is where it can be sent, where an address is known.
    """

    title: str
    issuer: str
    day: date
    addressee: Person
    email: str | None
    page: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who writes: the district by its account and name, and the currency of its amounts."""

    account: str
    name: str
    currency: str

    def written(self, amount: int) -> str:
        """Return an amount with the decimals of the account's currency."""
        return format_amount(amount, decimals_of(self.currency))

    def priced(self, amount: int) -> str:
        """Return an amount with its decimals and the currency's code."""
        return f"{self.written(amount)} {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is in a household, by party number, and who answers for it."""

    addressee: Person
    email: str | None
    members: dict[int, Person]


def read_people(connection: Connection, question: Question, household: Household) -> People:
    """Return how everybody in a household is called, as it was known."""
    codes = {(member.kind, member.code) for member in household.members}
    codes.add((household.kind, household.code))
    contacts: dict[tuple[PartyKind, str], Contact] = {}
    for kind in {kind for kind, _ in codes}:
        found = read_contacts(
            connection,
            question.account,
            kind,
            known_batch=household.known_batch,
            codes=[code for each, code in codes if each is kind],
        )
        contacts |= {(kind, code): contact for code, contact in found.items()}

    def person(kind: PartyKind, code: str) -> Person:
        return Person(kind=kind, code=code, name=contacts.get((kind, code), UNKNOWN).name)

    return People(
        addressee=person(household.kind, household.code),
        email=contacts.get((household.kind, household.code), UNKNOWN).email or None,
        members={member.party_no: person(member.kind, member.code) for member in household.members},
    )
