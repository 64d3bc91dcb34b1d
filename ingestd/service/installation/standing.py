"""How a data folder and the ledger at hand stand to each other: one pure verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ingestd.database.identity import FoundLedger
from ingestd.spool.known_ledger import KnownLedger


class Standing(Enum):
    """What a data folder and the database at hand are to each other."""

    OWN = auto()
    """The database holds the folder's ledger."""
    FIRST = auto()
    """The folder knows no ledger yet, and nothing speaks against this one."""
    ANEW = auto()
    """The folder knows another ledger, but nothing was processed: it may be bound to this one."""
    OTHER = auto()
    """The folder belongs to another ledger, or this one knows nothing of the folder."""
    GONE = auto()
    """There was a ledger, and there is none."""
    UNMADE = auto()
    """There is no ledger here yet, and never was: `init` makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict is made of.

    `is_default`: the database is the file in the folder that is used when none is named.
    `is_initialised`: `init` was here before. `holds_uploads`: something was processed here.
    `knows_uploads`: the ledger at hand knows what was, or there is nothing to know.
    `own_has_batches`: the ledger that the folder knows lies in the folder, and holds books.
    `daemon_runs`: another process serves the folder.
    """

    known: KnownLedger | None
    found: FoundLedger | None
    place: str
    is_default: bool
    is_initialised: bool
    holds_uploads: bool
    knows_uploads: bool
    own_has_batches: bool
    daemon_runs: bool

    @property
    def may_move(self) -> bool:
        """Whether the folder may leave the ledger that it knows.

        Never from elsewhere for the file that is used when no database is named: the name was
        left out, not changed.
        """
        is_used = self.holds_uploads or self.own_has_batches or self.daemon_runs
        was_named = self.known is not None and self.known.place != self.place
        return not is_used and not (self.is_default and was_named)


def decide_standing(evidence: Evidence) -> Standing:
    """Judge by the id alone; where there is none to compare, by what the folder holds."""
    if evidence.known is None:
        return _decide_first(evidence)
    if evidence.found is None:
        if evidence.place == evidence.known.place:
            return Standing.GONE
        return Standing.UNMADE if evidence.may_move else Standing.OTHER
    if evidence.found.ledger_id == evidence.known.ledger_id:
        return Standing.OWN
    return Standing.ANEW if evidence.may_move else Standing.OTHER


def _decide_first(evidence: Evidence) -> Standing:
    if evidence.found is None:
        return Standing.GONE if evidence.holds_uploads else Standing.UNMADE
    if not evidence.knows_uploads:
        return Standing.OTHER
    # A database elsewhere says nothing of this folder: it may be a mount point without its volume.
    is_made = evidence.is_initialised or evidence.is_default or evidence.holds_uploads
    return Standing.FIRST if is_made else Standing.UNMADE
