"""Homes: an account's books are kept in one database, whatever the config says by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingestd.config.files.settings import MAIN_DATABASE
from ingestd.config.judging.databases import SECTION
from ingestd.database.engine import Database
from ingestd.ledger.books.head import list_heads, look_at_head
from ingestd.spool.folders import Folders
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId


class Shard(Protocol):
    """One of the databases that the config names, with the files of the accounts that it keeps."""

    @property
    def shard(self) -> str:
        """Its name in `[databases]`; nothing for `database_url`."""

    @property
    def database(self) -> Database:
        """Where the books are."""

    @property
    def folders(self) -> Folders:
        """Where the files are."""

    def keeps(self, account: AccountId) -> bool:
        """Tell whether the config says that an account's books are here."""


def require_homes(shards: Sequence[Shard]) -> None:
    """Return if every account that has books has them where the config says.

    Accounts that are configured no longer are asked about, too: one that comes back must not begin
    a second time elsewhere. Raises UsageError with all that is wrong, and DatabaseError.
    """
    if len(shards) == 1:
        return
    wrong: list[str] = []
    for shard in shards:
        with shard.database.reading() as connection:
            heads = list_heads(connection)
        wrong += [
            _misplaced(account, shard, _own(shards, account))
            for account, batch_no, _ in heads
            if batch_no and not shard.keeps(account)
        ]
    if wrong:
        raise UsageError("\n".join(wrong))


def require_at_home(shards: Sequence[Shard], account: AccountId) -> None:
    """Return if no other database holds the books of an account. Raises as `require_homes` does.

    A daemon has asked about each account that has folders here.
    """
    own = _own(shards, account)
    if len(shards) == 1 or own.folders.incoming(account).exists():
        return
    for shard in shards:
        if shard is not own:
            with shard.database.reading() as connection:
                if look_at_head(connection, account).batch_no:
                    raise UsageError(_misplaced(account, shard, own))


def name_of_shard(shard: Shard) -> str:
    """Return what the config calls a shard's database."""
    return "database_url" if shard.shard == MAIN_DATABASE else f"{SECTION}.{shard.shard}"


def _own(shards: Sequence[Shard], account: AccountId) -> Shard:
    return next(shard for shard in shards if shard.keeps(account))


def _misplaced(account: AccountId, found: Shard, told: Shard) -> str:
    home = name_of_shard(found)
    remedy = (
        f"Take {account} out of [{name_of_shard(told)}]."
        if found.shard == MAIN_DATABASE
        else f"List {account} in the accounts of [{home}]."
    )
    return (
        f"The books of {account} are in {home}, and the config says {name_of_shard(told)}. {remedy}"
    )
