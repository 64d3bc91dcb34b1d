"""Keys: what somebody's `--id` may be, and what else is given beside it."""

from __future__ import annotations

from ulid import ULID

from ingestd.formats.judging.texts import IdentifierJudge
from ingestd.formats.kinds.student_billing import CHARGE_TRACKING_ID
from ingestd.ledger.entries.keys import KEY_CHARACTERS_MAX
from ingestd.values.errors import LedgerRefusal, UsageError

_JUDGE_KEY = IdentifierJudge(CHARGE_TRACKING_ID)


def tracking_key(key: str | None, *, event: str, option: str = "--id") -> str:
    """Return the key of a new charge: as it was typed, read as files are, or a new one.

    Raises UsageError for one that no file could name to take the charge back.
    """
    if key is None:
        return f"{event.upper()}-{ULID()}"
    judged = _JUDGE_KEY(key)
    if isinstance(judged, str):
        return judged
    message = judged.message if key.strip() else "It is empty. Fill it in, or leave it out."
    raise UsageError(f"{option} cannot be taken. {message}")


def checked_text(option: str, text: str | None, *, characters_max: int = KEY_CHARACTERS_MAX) -> str:
    """Return what an option says, or nothing. Raises UsageError for what is empty or too long."""
    if text is None:
        return ""
    if not 0 < len(text.strip()) <= characters_max or not text.isprintable():
        raise UsageError(f"{option} takes 1 to {characters_max} printable characters.")
    return text.strip()


def other_content(what: str) -> LedgerRefusal:
    """Return the refusal of a key that stands for something else."""
    return LedgerRefusal(
        f"{what} exists with other content and stays as it is. If this is another one, give it "
        "an --id of its own.",
        refusal="other_content",
    )
