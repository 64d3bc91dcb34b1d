"""The errors of the world: a code, a message for people, a detail for operators.

A bad *file* is never an exception; it is a `Finding` (see `ingestd.formats.findings.codes`).
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

EXIT_DONE = 0
EXIT_ANSWER_IS_NO = 1
EXIT_USAGE = 2
EXIT_WORLD = 3

FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a write found no room: on the disk, in a quota, under a limit."""


class IngestdError(Exception):
    """Base of every error that ingestd raises on purpose.

    `message` is one line for people: what happened, the value, the limit, what to do.
    `detail` is for operators and may be empty. Neither ever holds a row's contents or a secret.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = EXIT_WORLD

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class UsageError(IngestdError):
    """A command was asked for something that cannot be: an unknown account, a wrong argument."""

    code = "usage"
    exit_code = EXIT_USAGE


class UnknownNameError(UsageError):
    """A name that was given stands for nothing: no such payment, charge, payout or party."""

    code = "unknown"


class LedgerRefusal(IngestdError):  # noqa: N818 - the answer to a question, not a failure
    """The books say no: settled already, never settled, a closed month, a wrong control total.

    Nothing was written. `refusal` is the reason's public code, where it has one; `told` is what
    the answer in JSON says beside it.
    """

    code = "ledger_refusal"
    exit_code = EXIT_ANSWER_IS_NO

    def __init__(
        self, message: str, *, refusal: str = "", told: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.told = told or {}


class NoAddressError(IngestdError):
    """Mail is to be sent to somebody of whom no address is known."""

    code = "no_address"
    exit_code = EXIT_ANSWER_IS_NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a config file or an environment variable, with its remedy.

    `line` is 1-based and None where no line can be named (a missing file, an environment
    variable); `where` is the file's path or the variable's name as the admin wrote it.
    """

    where: str
    line: int | None
    key: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        subject = f"{place}: {self.key}" if self.key else place
        return f"{subject}: {self.message}" + (f" {self.remedy}" if self.remedy else "")


class ConfigError(IngestdError):
    """The config has mistakes; `mistakes` names every one of them, never only the first."""

    code = "config"
    exit_code = EXIT_USAGE

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class ListenError(IngestdError):
    """An address cannot be listened on: in use, not ours, or not permitted."""

    code = "listen"


class StorageError(IngestdError):
    """A folder or file of the installation cannot be read or written."""

    code = "storage"


class NoSpaceError(StorageError):
    """The disk or the quota is full; nothing that was acknowledged is lost."""

    code = "no_space"


class ArchiveAwayError(StorageError):
    """The shared archive cannot be reached, is too slow, or lets nobody in: it is tried again."""

    code = "archive_away"


class WrongBlobError(StorageError):
    """The shared archive gave other bytes than those that were put under this hash."""

    code = "wrong_blob"


class LibraryMissingError(IngestdError):
    """Software that only some commands need is not installed here."""

    code = "library_missing"


class MailError(IngestdError):
    """The mail server cannot be reached or trusted, or does not take the mail."""

    code = "mail"


class DatabaseError(IngestdError):
    """The database cannot be reached, or refuses to work."""

    code = "database"


class DatabaseFaultError(DatabaseError):
    """The database refuses what it was told, and will again: a fault of ours, not of the world."""

    code = "database_fault"


class NotPermittedError(DatabaseError):
    """The database's role has no right to what was asked of it."""

    code = "not_permitted"


class DatabaseFullError(NoSpaceError, DatabaseError):
    """The database has no space left where it keeps its files; what it holds is safe."""


class SchemaError(DatabaseError):
    """The database's schema is not the one that this version works with."""

    code = "schema"


class SchemaNewerError(SchemaError):
    """The database's schema is newer than this version can work with: it writes nothing more."""

    code = "schema_newer"


class NotInForceError(SchemaError):
    """The ledger was moved to another database, or is a copy that was not finished."""

    code = "not_in_force"
    exit_code = EXIT_USAGE


class CopyRefusedError(IngestdError):
    """A ledger is not copied: somebody works with it, or the target is somebody's.

    All is as it was.
    """

    code = "copy_refused"
    exit_code = EXIT_USAGE


class NodeTakenError(IngestdError):
    """Another daemon serves under this data folder's name: one of the two folders is a copy."""

    code = "node_taken"


class OtherLedgerError(IngestdError):
    """The database holds another ledger than the data folder belongs to; nothing was touched."""

    code = "other_ledger"
    exit_code = EXIT_USAGE


class LedgerGoneError(DatabaseError):
    """There is no ledger where there was one, or where none was ever made; none was made now."""

    code = "ledger_gone"


class ClockBehindError(IngestdError):
    """The clock is behind the account's last batch: nothing can be dated by it.

    Nothing was written. It passes when the clock is right, or somebody accepts it.
    """

    code = "clock_behind"


class LedgerRolledBackError(IngestdError):
    """The books do not continue what was signed last: an older database, or a rewritten one.

    Nothing was written. It passes when the right database is back, or somebody resumes.
    """

    code = "ledger_rolled_back"


class OutcomeInDoubtError(DatabaseError):
    """The database was lost while it committed: what was decided about a file may be stored."""

    code = "outcome_in_doubt"


class LeaseLostError(IngestdError):
    """Another worker holds the claim now; what this one computed must not be committed."""

    code = "lease_lost"
