"""Bootstrap: from a config file to the rooms, introduced to each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ingestd.access.accounts import Access, Account
from ingestd.config.files.settings import MAIN_DATABASE, Settings, load_settings
from ingestd.database.engine import Database, open_database
from ingestd.database.identity import find_ledger
from ingestd.intake.pipeline import Works
from ingestd.ledger.evidence.signing import SignedTrees, Signing
from ingestd.ledger.evidence.tree_log import find_ledger_name, find_origin
from ingestd.service.evidence.ledger_key import (
    make_ledger_key,
    read_seeds,
    write_public_keys,
)
from ingestd.service.evidence.signed_trees import SignedTreeFiles
from ingestd.service.in_force.access_look import AccessLook, look_at_access, look_at_start
from ingestd.service.in_force.config_check import require
from ingestd.service.in_force.last_good import Good, LastGood
from ingestd.service.in_force.need import Need
from ingestd.service.installation.folder_ledger import FolderLedger
from ingestd.service.installation.homes import require_at_home
from ingestd.service.installation.system_clock import SystemClock
from ingestd.spool.archive.archive import Archive
from ingestd.spool.archive.opening import open_archive
from ingestd.spool.files import make_folder, storage_errors, write_durably
from ingestd.spool.folders import Folders
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import Clock
from ingestd.values.errors import ConfigError, StorageError, UsageError
from ingestd.values.identifiers import AccountId, new_upload_id

log = get_logger("ingestd.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a config names: settings, accounts, folders, database.

    `look` says what was found in accounts.toml and allowlist.toml; of a file with a mistake, what
    was good last is in force.

    Where `[databases]` names further ones, each is a shard: an installation within this one, called
    `shard`, with a database and a tree of files of its own, for the accounts that it keeps.
    `further` are those shards, of the installation itself alone. It knows all accounts, and the
    folders of all; who may sign in is in its own database.
    """

    config_path: Path
    settings: Settings
    look: AccessLook
    access: Access
    folders: Folders
    database: Database
    clock: Clock
    shard: str = MAIN_DATABASE
    further: tuple[Installation, ...] = ()

    @property
    def shards(self) -> tuple[Installation, ...]:
        """Itself and the further shards, each with the accounts that it keeps."""
        return (self, *self.further)

    def shard_of(self, account: str) -> Installation:
        """Return the one that keeps an account's books."""
        name = self.settings.database_of(AccountId(account))
        return next((one for one in self.further if one.shard == name), self)

    @property
    def own_accounts(self) -> list[AccountId]:
        """The configured accounts that this one keeps, sorted."""
        return [one for one in sorted(self.access.accounts) if self.keeps(one)]

    def shard_named(self, name: str) -> Installation:
        """Return the shard of a name in `[databases]`. Raises UsageError for any other."""
        for one in self.shards:
            if one.shard == name:
                return one
        known = ", ".join(one.shard for one in self.further) or "none"
        raise UsageError(f"There is no database {name} in [databases]. Named there: {known}.")

    def keeps(self, account: AccountId) -> bool:
        """Tell whether this one keeps an account's books."""
        return self.settings.database_of(account) == self.shard

    @property
    def ledger(self) -> FolderLedger:
        """The data folder's ledger, which the database must hold before it is used."""
        return FolderLedger(folders=self.folders, database=self.database)

    def account(self, account_id: str) -> Account:
        """Return a configured account. Raises UsageError for any other."""
        account = self.access.accounts.get(AccountId(account_id))
        if account is None:
            known = ", ".join(sorted(self.access.accounts)) or "none yet"
            raise UsageError(f"There is no account {account_id}. Configured accounts: {known}.")
        return account

    def works(self) -> Works:
        """Return what the intake's journey needs from this installation."""
        return Works(
            database=self.database,
            clock=self.clock,
            node=node_of(self.folders),
            archive=self.archive(),
        )

    def archive(self) -> Archive:
        """Return where the bytes of uploads are kept. Raises LibraryMissingError."""
        settings = self.settings
        return open_archive(
            settings.archive_url, accepts_when_away=settings.archive_when_away == "local"
        )

    def signing(self) -> Signing | None:
        """Return what signs the books for a command; None where no key is for its user to read.

        Raises StorageError and DatabaseError.
        """
        key = self.folders.ledger_key
        return self._signing() if key.exists() and os.access(key, os.R_OK) else None

    def signing_of_daemon(self) -> Signing:
        """Return what signs the books, and make the key where there is none.

        Raises StorageError and DatabaseError.
        """
        make_ledger_key(self.folders.ledger_key)
        signing = replace(self._signing(), tells=True)
        if self.settings.evidence.name not in (None, signing.name):
            log.warning(
                Event.LEDGER_NAME_KEPT, kept=signing.name, configured=self.settings.evidence.name
            )
        write_public_keys(
            self.folders.ledger_key,
            self.origins(),
        )
        return signing

    @property
    def signed_trees(self) -> SignedTrees:
        """What was signed last of each account."""
        return SignedTreeFiles(self.folders.last_signed)

    def _signing(self) -> Signing:
        return Signing(
            name=self.ledger_name(),
            seeds=read_seeds(self.folders.ledger_key),
            signed_trees=self.signed_trees,
            for_witness=self.settings.evidence.has_witness,
        )

    def origins(self, account: AccountId | None = None) -> list[str]:
        """Return the origins that one account, or each configured one, is signed under by now."""
        name = self.ledger_name()
        accounts = self.own_accounts if account is None else [account]
        with self.database.reading() as connection:
            return [find_origin(connection, one, name=name) for one in accounts]

    def ledger_name(self) -> str:
        """Return the name that accounts are signed under from now on.

        It is the one that any was signed under before; else what `[evidence] name` says, else the
        ledger's id.
        """
        with self.database.reading() as connection:
            kept = find_ledger_name(connection)
        found = find_ledger(self.database)
        own = None if found is None else found.ledger_id
        return kept or self.settings.evidence.name or own or "ledger"

    def close(self) -> None:
        """Close its databases."""
        for one in self.shards:
            one.database.close()


def open_installation(config_path: Path, need: Need = Need.READING) -> Installation:
    """Read all three config files and open what they name; nothing is made or changed yet.

    Raises ConfigError with every mistake of the three files at once, when there is one that what
    is needed cannot do without.
    """
    try:
        settings = load_settings(config_path)
    except ConfigError as error:
        look = look_at_access(config_path, Good())
        raise ConfigError(error.mistakes + look.mistakes) from error
    folders = _folders_of(settings)
    good = LastGood(settings.data_dir).read()
    # Only a door must not be opened to who was taken out; a question may be about them.
    look = (look_at_start if need is Need.SERVING else look_at_access)(config_path, good)
    try:
        require(look, need)
    except ConfigError as error:
        if need is Need.SERVING and (good.trouble or not folders.node_id.exists()):
            # With the volume that is late there may be a good copy of each file.
            raise StorageError(
                f"{good.trouble or f'{settings.data_dir} was never initialised, or is late.'} "
                f"Without it, these mistakes cannot be passed over:\n{error.message}"
            ) from error
        raise
    installation = Installation(
        config_path=config_path,
        settings=settings,
        look=look,
        access=look.access,
        folders=folders,
        database=open_database(settings.database_url, temporary_folder=folders.temporary),
        clock=SystemClock(),
    )
    return replace(
        installation, further=tuple(_shard(installation, name) for name in settings.databases)
    )


def _folders_of(settings: Settings) -> Folders:
    """Return the folders of all accounts."""
    plain = Folders(settings.data_dir, host_keys_dir=settings.host_keys_dir)
    homes = {
        account: plain.database_home(name)
        for name, one in settings.databases.items()
        for account in one.accounts
    }
    return replace(plain, homes=homes)


def _shard(whole: Installation, name: str) -> Installation:
    """Return the shard of one of `[databases]`."""
    url = whole.settings.databases[name].url
    folders = Folders(whole.folders.database_home(name))
    settings = whole.settings.model_copy(update={"data_dir": folders.data_dir, "database_url": url})
    shard = replace(
        whole,
        settings=settings,
        folders=folders,
        database=open_database(url, temporary_folder=folders.temporary),
        shard=name,
    )
    return replace(shard, access=whole.access.of_accounts(shard.keeps))


@contextlib.contextmanager
def prepared_installation(
    config_path: Path, need: Need = Need.READING, account: str | None = None
) -> Iterator[Installation]:
    """Lend an installation whose database holds its ledger, at this version's schema.

    Every command that asks the ledger begins here. With an account it is the shard that keeps the
    account's books. Raises as `FolderLedger.use` and `require_at_home` do.
    """
    installation = open_installation(config_path, need)
    try:
        used = installation if account is None else installation.shard_of(account)
        used.ledger.use()
        if account is not None:
            require_at_home(installation.shards, AccountId(account))
        yield used
    finally:
        installation.close()


@contextlib.contextmanager
def prepared_shards(config_path: Path, need: Need) -> Iterator[tuple[Installation, ...]]:
    """Lend every shard as `prepared_installation` does, for what is about all accounts."""
    with prepared_installation(config_path, need) as installation:
        for one in installation.further:
            one.ledger.use()
        yield installation.shards


def node_of(folders: Folders) -> str:
    """Return the name of this data folder among all nodes that share a database.

    It stays with the folder, not with the machine: a container that is made anew must find
    the files that its predecessor had claimed.
    """
    path = folders.node_id
    with storage_errors(path):
        try:
            name = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            name = ""
    if not name:
        name = str(new_upload_id())
        make_folder(folders.data_dir)
        write_durably(path, name.encode() + b"\n")
    return name


def lock_data_folder(folders: Folders) -> int:
    """Become the only daemon on a data folder, for as long as the returned descriptor is open.

    Raises StorageError when another daemon has it.
    """
    make_folder(folders.data_dir)
    path = folders.daemon_lock
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StorageError(
            f"Another ingestd serves {folders.data_dir} already. "
            "Stop it first, or use another data_dir."
        ) from error
    return descriptor
