"""Accounts: a district's name, money, time, keys, and how its files are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from ingestd.access.allowlist import Address, Allowlist
from ingestd.values.identifiers import AccountId
from ingestd.values.public_keys import PublicKey

LOCATION_CHARACTERS_MAX = 64


class StudentPolicy(StrEnum):
    """What happens to a row whose student is unknown: refused, or the student is added."""

    ROSTER = "roster"
    REGISTER = "register"


class FilePolicy(StrEnum):
    """Whether good rows of a file with bad rows apply."""

    PARTIAL = "partial"
    ALL_OR_NOTHING = "all_or_nothing"


class LastRowPolicy(StrEnum):
    """What happens to a last row without a line end: it may have been cut off.

    COMPLETE takes it where it is seen to be whole.
    """

    COMPLETE = "complete"
    REJECT = "reject"
    ACCEPT = "accept"


class NaiveTimePolicy(StrEnum):
    """What a time without an offset means."""

    ACCOUNT_TIMEZONE = "account_timezone"
    REJECT = "reject"


class AnonymousPolicy(StrEnum):
    """What happens to a charge of `ANONYMOUS` in a file: refused, or taken as sold for cash."""

    REJECT = "reject"
    CASH = "cash"


class ReasonPolicy(StrEnum):
    """Whether whoever takes back, gives up or moves money by command must say why."""

    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How an account's files are judged, and what commands must say. Nothing is guessed.

    `resume`: an interrupted upload is seen under its name, and may be continued. Labels of
    `ignore_columns` are never taken for misspelt ones.
    """

    students: StudentPolicy = StudentPolicy.ROSTER
    file: FilePolicy = FilePolicy.PARTIAL
    last_row_without_newline: LastRowPolicy = LastRowPolicy.COMPLETE
    encoding: str = "utf-8"
    delimiter: str = ","
    naive_time: NaiveTimePolicy = NaiveTimePolicy.ACCOUNT_TIMEZONE
    resume: bool = False
    ignore_columns: tuple[str, ...] = ()
    reasons: ReasonPolicy = ReasonPolicy.OPTIONAL
    anonymous_sales: AnonymousPolicy = AnonymousPolicy.REJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One district.

    `authorized_keys` open it; the same key may open other accounts, too, and the user name
    decides. A user certificate that one of the `certificate_authorities` signed for the
    account's name opens it like a key. `password_hash` is an argon2id hash.
    `catalog_over_sftp`: files of products, students and parents are taken like any other.
    `sources` are patterns of what files' names tell, each with the name of that place of sale.
    """

    account_id: AccountId
    name: str
    timezone: ZoneInfo
    currency: str
    authorized_keys: tuple[PublicKey, ...] = ()
    certificate_authorities: tuple[PublicKey, ...] = ()
    password_hash: str | None = None
    catalog_over_sftp: bool = False
    policy: Policy = field(default_factory=Policy)
    sources: tuple[tuple[str, str], ...] = ()

    def location_of(self, source: str | None) -> str | None:
        """Return the place of sale that a file comes from whose name tells this source, or None.

        The longest pattern that fits names it; in patterns `*` stands for anything and `?` for one
        character, and case means nothing. What fits none is taken as it stands, as far as it goes.
        """
        if source is None:
            return None
        fitting = [
            (len(pattern), pattern, name)
            for pattern, name in self.sources
            if fnmatchcase(source.casefold(), pattern.casefold())
        ]
        return max(fitting)[2] if fitting else source[:LOCATION_CHARACTERS_MAX]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The accounts and the allowlist that are in force together."""

    accounts: Mapping[AccountId, Account]
    allowlist: Allowlist

    def account_for(self, user_name: str, address: Address) -> Account | None:
        """Return the account that this user name may try from this address, or None.

        None says nothing about why: an unknown account and an account listed for other
        addresses only are to look alike from outside, also in the time that this takes.
        """
        admitted = self.allowlist.admits(address, AccountId(user_name))
        return self.accounts.get(AccountId(user_name)) if admitted else None

    def of_accounts(self, keeps: Callable[[AccountId], bool]) -> Access:
        """Return the same with those accounts alone that are kept."""
        kept = {one: account for one, account in self.accounts.items() if keeps(one)}
        return replace(self, accounts=kept)

    def takes_catalogs(self, account_id: AccountId) -> bool:
        """Tell whether an account's catalog files are taken over SFTP; an unknown one's are not."""
        account = self.accounts.get(account_id)
        return account is not None and account.catalog_over_sftp

    def resumes(self, account_id: AccountId) -> bool:
        """Tell whether an account's interrupted uploads may be continued; an unknown one's not."""
        account = self.accounts.get(account_id)
        return account is not None and account.policy.resume
