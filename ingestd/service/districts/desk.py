"""The desk at which accounts.toml and allowlist.toml are changed: opened, judged, saved, undone.

The files stay the truth: they may be edited by hand at any time, and what was changed meanwhile is
never written over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.config.editing.layout import Text
from ingestd.config.editing.replace import Change, only_editor, replace_all
from ingestd.config.files import accounts_file, allowlist_file
from ingestd.config.toml.document import read_config_bytes
from ingestd.database.engine import Database
from ingestd.service.districts.changes import (
    KeptChange,
    KeptTexts,
    find_change,
    keep_change,
    list_changes,
)
from ingestd.service.districts.hidden_hashes import hide_hashes
from ingestd.service.districts.saved import write_saved
from ingestd.service.in_force.access_look import AccessLook
from ingestd.service.in_force.config_check import look_around
from ingestd.service.people.audit import Doer
from ingestd.service.people.secrecy import Secrecy
from ingestd.values.clock import Clock
from ingestd.values.errors import ConfigError, IngestdError, Mistake
from ingestd.values.identifiers import AccountId

FILES = (accounts_file.FILE_NAME, allowlist_file.FILE_NAME)
"""In the order in which they are saved: an account without its addresses is no mistake."""


class ChangedMeanwhileError(IngestdError):
    """A file on disk is not what it was when somebody began to change it."""

    code = "changed_meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """One of the two files as it is on disk. `sha256` is of its bytes, in hex."""

    name: str
    path: Path
    content: bytes
    sha256: str

    @property
    def text(self) -> str:
        """Its text; bytes that are no UTF-8 stand there as replacement characters."""
        return self.content.decode("utf-8-sig", errors="replace")

    @property
    def shown(self) -> str:
        """Its text with every password hash out of sight."""
        return hide_hashes(self.text)

    @property
    def is_text(self) -> bool:
        """Whether its bytes are UTF-8."""
        try:
            self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return False
        return True

    def as_text(self) -> Text:
        """Return it as editing takes it."""
        return Text(str(self.path), self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What `ingestd config check` would say: of what is to be saved, and beside it."""

    mistakes: tuple[Mistake, ...]
    beside: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]


Drafts = Mapping[str, bytes]
"""What files are to hold, by their names."""


class Desk:
    """Opens, judges and saves the two files of one config folder."""

    def __init__(
        self, config_path: Path, database: Database, clock: Clock, secrecy: Secrecy
    ) -> None:
        self._config_path = config_path
        self._database = database
        self._clock = clock
        self._secrecy = secrecy

    def open(self, name: str) -> OpenFile:
        """Return a file as it is on disk. Raises ConfigError where it cannot be read."""
        path = self._path(name)
        content = read_config_bytes(path)
        return OpenFile(
            name=name, path=path, content=content, sha256=hashlib.sha256(content).hexdigest()
        )

    def look(self) -> AccessLook:
        """Return what `ingestd config check` finds in the two files."""
        return look_around(self._config_path)

    def may_save(self) -> bool:
        """Tell whether the config folder is this daemon's to write."""
        try:
            owners = {Path(os.path.realpath(self._path(name))).stat().st_uid for name in FILES}
        except OSError:
            return False
        is_owner = os.geteuid() == 0 or owners == {os.geteuid()}
        return is_owner and os.access(self._config_path.parent, os.W_OK)

    def judge(self, drafts: Drafts) -> Judged:
        """Return what would be said of drafts, were they saved. Nothing is."""
        by_path = {self._path(name): content for name, content in drafts.items()}

        def read(path: Path) -> bytes:
            return by_path[path] if path in by_path else read_config_bytes(path)

        look = look_around(self._config_path, read=read)
        seen = (look.accounts, look.allowlist)
        return Judged(
            mistakes=tuple(m for one in seen if one.path in by_path for m in one.mistakes),
            beside=tuple(m for one in seen if one.path not in by_path for m in one.mistakes),
            warnings=look.warnings,
        )

    def save(
        self,
        drafts: Drafts,
        opened: Mapping[str, str],
        *,
        by: Doer,
        account: AccountId | None = None,
        undoes: int | None = None,
    ) -> None:
        """Put drafts in the files' places, and keep what was there; all of it, or none.

        `opened` are the SHA-256 of the files that the drafts were made from, `account` is the one
        that the change is about. Raises ChangedMeanwhileError where a file is another one by now,
        ConfigError for drafts with a mistake, StorageError and DatabaseError.
        """
        with only_editor(self._config_path.parent), self._database.writing() as connection:
            changes = []
            for name in (each for each in FILES if each in drafts):
                file = self.open(name)
                if file.sha256 != opened.get(name):
                    raise ChangedMeanwhileError(f"{name} was changed meanwhile.")
                change = Change(path=file.path, before=file.content, after=drafts[name])
                changes.append(change)
                self._keep(connection, name, change, by=by, account=account, undoes=undoes)
            judged = self.judge(drafts)
            if judged.mistakes:
                raise ConfigError(judged.mistakes)
            # Last: what is kept goes again if this fails.
            replace_all(changes)

    def list_changes(self, name: str, *, limit: int, before: int) -> list[KeptChange]:
        """Return what was saved of a file, the newest first, before one of them."""
        with self._database.reading() as connection:
            return list_changes(connection, name, limit=limit, before=before)

    def find_change(self, name: str, number: int) -> KeptTexts | None:
        """Return one change of a file, if there is one. Raises StorageError without its key."""
        with self._database.reading() as connection:
            return find_change(connection, self._secrecy, name, number)

    def _keep(
        self,
        connection: Connection,
        name: str,
        change: Change,
        *,
        by: Doer,
        account: AccountId | None,
        undoes: int | None,
    ) -> None:
        now = self._clock.now()
        number = keep_change(
            connection,
            self._secrecy,
            file=name,
            before=change.before,
            after=change.after,
            by=by.name,
            at=now,
            undoes=undoes,
        )
        detail = {"change": number} if undoes is None else {"change": number, "undoes": undoes}
        write_saved(connection, change, by=by, at=now, account=account, detail=detail)

    def _path(self, name: str) -> Path:
        return self._config_path.parent / name
