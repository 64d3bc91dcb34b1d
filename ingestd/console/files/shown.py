"""How files are shown: times in the account's zone, sizes and states in words."""

from __future__ import annotations

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Right, Visit
from ingestd.formats.findings.codes import Code
from ingestd.formats.findings.explanations import EXPLANATIONS
from ingestd.values.clock import from_microseconds
from ingestd.values.money import decimals_of, format_amount

_SOURCES = {
    "sftp": "SFTP",
    "folder": "folder",
    "console": "console",
    "api": "API",
}
_STATE_WORDS = {
    "waiting": "waiting",
    "working": "being processed",
    "failed": "failed",
    "processed": "processed",
    "processed_with_findings": "with findings",
    "rejected": "refused",
    "interrupted": "interrupted",
}
_STEP = 1024


def story_words(state: str) -> str:
    """Return the same where there is room to say more."""
    return "processed, with findings" if state == "processed_with_findings" else state_words(state)


def remedies() -> dict[str, str]:
    """Return what is to be done about each code, as plain text."""
    return {code.value: EXPLANATIONS[code].remedy.replace("`", "") for code in Code}


def state_words(state: str) -> str:
    """Return how far an upload is, in a few words."""
    return _STATE_WORDS.get(state, state)


def source_words(source: str) -> str:
    """Return by which way a file came."""
    return _SOURCES.get(source, source)


def local_time(account: Account, microseconds: int) -> str:
    """Return an instant as the account's clocks show it, to the second."""
    return f"{from_microseconds(microseconds).astimezone(account.timezone):%Y-%m-%d %H:%M:%S}"


def size_words(size_bytes: int) -> str:
    """Return a size as people say it."""
    if size_bytes < _STEP:
        return f"{size_bytes} bytes"
    kibibytes = size_bytes / _STEP
    return f"{kibibytes:.1f} KiB" if kibibytes < _STEP else f"{kibibytes / _STEP:.1f} MiB"


def amount_words(account: Account, amount: int) -> str:
    """Return an amount of the account's currency."""
    return f"{format_amount(amount, decimals_of(account.currency))} {account.currency}"


def may_try_again(visit: Visit) -> bool:
    """Tell whether somebody may have uploads tried again: the office, and operators of all."""
    everywhere = {role.kind for role in visit.user.roles if role.account is None}
    return visit.acts or bool(Right.WATCH_ACT.value & everywhere)
