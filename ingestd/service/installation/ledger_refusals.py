"""Why a ledger is not used, in words for whoever started the command or the daemon."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingestd.database.identity import FoundLedger
from ingestd.service.installation.standing import Standing
from ingestd.spool.known_ledger import KnownLedger
from ingestd.values.errors import LedgerGoneError, OtherLedgerError

_RUNBOOK = "docs/operate/runbook.md, “The ledger is not there”"
_ADOPT = "If this database is the right one from now on: ingestd init --adopt-ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A data folder, the database at hand, and how they stand to each other."""

    standing: Standing
    known: KnownLedger | None
    found: FoundLedger | None
    place: str
    data_dir: Path
    is_initialised: bool
    is_embedded: bool


def require_usable(judged: Judged) -> None:
    """Return if the ledger may be used from this folder.

    Raises OtherLedgerError for another ledger than the folder's, LedgerGoneError where there is
    none; each message says what to do.
    """
    match judged.standing:
        case Standing.OWN | Standing.FIRST | Standing.ANEW:
            return
        case Standing.OTHER:
            raise OtherLedgerError(_text_of_other(judged))
        case Standing.GONE:
            raise LedgerGoneError(_text_of_gone(judged))
        case Standing.UNMADE:
            raise LedgerGoneError(_text_of_unmade(judged))


def _text_of_other(judged: Judged) -> str:
    if judged.known is None:
        return (
            f"{judged.data_dir} holds uploads that the ledger in {judged.place} does not know: it "
            f"is another one. Correct database_url or INGESTD_DATABASE_URL. {_ADOPT}"
        )
    holds = "no ledger" if judged.found is None else "another one"
    if judged.found is not None and judged.found.ledger_id is not None:
        holds = f"the ledger {judged.found.ledger_id}"
    return (
        f"{judged.data_dir} belongs to {_named(judged.known)}, but {judged.place} holds {holds}. "
        f"Set INGESTD_DATABASE_URL, or database_url, as the daemon has it. {_ADOPT}"
    )


def _text_of_gone(judged: Judged) -> str:
    whose = "holds uploads" if judged.known is None else f"belongs to {_named(judged.known)}"
    return (
        f"{judged.data_dir} {whose}, but there is no ledger in {judged.place}. A volume may be "
        f"late, or a backup not restored yet; see {_RUNBOOK}. None was made."
    )


def _text_of_unmade(judged: Judged) -> str:
    if judged.known is not None or judged.is_initialised:
        remedy = "ingestd init" if judged.is_embedded else "ingestd db upgrade"
        return f"There is no ledger in {judged.place} yet. To make it: {remedy}"
    return (
        f"{judged.data_dir} was never initialised. If a volume belongs there, it is late; see "
        f"{_RUNBOOK}. Otherwise: ingestd init"
    )


def _named(known: KnownLedger) -> str:
    return f"the ledger {known.ledger_id} ({known.place or 'of an unknown place'})"
