"""`accounts.toml`: the districts, checked so that what loads will also work."""

from __future__ import annotations

import codecs
import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.config.toml.document import TomlDocument, read_toml
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes, shown, suggest
from ingestd.config.toml.validation import check_values
from ingestd.values.identifiers import ACCOUNT_ID_PATTERN, RESERVED_ACCOUNT_IDS, AccountId
from ingestd.values.money import is_currency, successor_of
from ingestd.values.public_keys import PublicKey

FILE_NAME = "accounts.toml"
ACCOUNTS_MAX = 10_000
KEYS_MAX = 100
NAME_CHARACTERS_MAX = 200
LABELS_MAX = 100
LABEL_CHARACTERS_MAX = 200
SOURCES_MAX = 1_000
PATTERN_CHARACTERS_MAX = 255
SOURCE_CHARACTERS_MAX = 64

_PASSWORD_HASH = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2})"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,171}",
    re.ASCII,
)
_HASH_MEMORY_KIB_MAX = 2**20  # a log-in must not be able to take the machine's memory
_HASH_LANES_MAX = 64  # each is a thread
_DELIMITERS = (",", ";", "\t", "|")
_ASCII = bytes(range(128))
# Codecs that read most ASCII as itself, but give some of it a meaning of their own.
_NO_FILE_ENCODINGS = ("unicode-escape", "raw-unicode-escape", "charmap", "idna", "iso2022")


def _check_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InvalidValueError("must be a name in quotes, on one line.")
    if len(value) > NAME_CHARACTERS_MAX:
        raise InvalidValueError(f"is longer than {NAME_CHARACTERS_MAX} characters.")
    return value


def _check_timezone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        if isinstance(value, str):
            return ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    remedy = suggest(str(value), zoneinfo.available_timezones())
    raise InvalidValueError(
        f"{shown(value)} is no IANA time zone.", remedy or 'Such as "America/Chicago".'
    )


def _check_currency(value: object) -> str:
    if isinstance(value, str) and is_currency(value):
        return value
    capitals = value.strip().upper() if isinstance(value, str) else ""
    if is_currency(capitals):
        raise InvalidValueError(f"{shown(value)} is not in capitals.", f'Write "{capitals}".')
    if successor := successor_of(capitals):
        raise InvalidValueError(
            f"{shown(value)} has left ISO 4217.", f'Its successor is "{successor}".'
        )
    raise InvalidValueError(
        f"{shown(value)} is no currency of ISO 4217.", 'Three capitals, such as "USD".'
    )


def _check_password_hash(value: object) -> str:
    found = _PASSWORD_HASH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidValueError(
            "this is no argon2id hash.", "`ingestd password` makes one; paste its whole line."
        )
    memory, rounds, lanes = (int(number) for number in found.groups())
    sound = rounds >= 1 and 1 <= lanes <= _HASH_LANES_MAX
    if not (sound and 8 * lanes <= memory <= _HASH_MEMORY_KIB_MAX):
        raise InvalidValueError(
            f"the hash's costs (m={memory}, t={rounds}, p={lanes}) are out of bounds.",
            "`ingestd password` makes one with sound costs.",
        )
    return found.string


def _check_encoding(value: object) -> str:
    remedy = 'Such as "utf-8", "windows-1252" or "iso-8859-1".'
    try:
        codec = codecs.lookup(value) if isinstance(value, str) else None
    except (LookupError, ValueError):
        codec = None
    if codec is None:
        raise InvalidValueError(f"{shown(value)} is no encoding that Python knows.", remedy)
    if codec.name.startswith(_NO_FILE_ENCODINGS) or not _reads_ascii(codec.name):
        raise InvalidValueError(f"{shown(value)} does not read plain ASCII as itself.", remedy)
    return str(value)


def _reads_ascii(encoding: str) -> bool:
    try:
        return _ASCII.decode(encoding) == _ASCII.decode("ascii")
    except (LookupError, ValueError):  # LookupError: rot13 and its kind read no bytes
        return False


def _check_delimiter(value: object) -> str:
    if isinstance(value, str) and value in _DELIMITERS:
        return value
    raise InvalidValueError(f"{shown(value)} is no delimiter.", r'One of ",", ";", "\t", "|".')


def _check_label(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InvalidValueError("must be a column's label in quotes, as it stands in the header.")
    if len(value) > LABEL_CHARACTERS_MAX:
        raise InvalidValueError(f"is longer than {LABEL_CHARACTERS_MAX} characters.")
    return value


def _check_source(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InvalidValueError("must be the name of a place of sale in quotes, on one line.")
    if len(value) > SOURCE_CHARACTERS_MAX:
        raise InvalidValueError(f"is longer than {SOURCE_CHARACTERS_MAX} characters.")
    return value.strip()


class PolicyEntry(BaseModel):
    """`[ID.policy]`: how the account's files are judged, and what commands must say."""

    model_config = ConfigDict(frozen=True)

    students: Literal["roster", "register"] = "roster"
    file: Literal["partial", "all_or_nothing"] = "partial"
    last_row_without_newline: Literal["complete", "reject", "accept"] = "complete"
    encoding: Annotated[str, BeforeValidator(_check_encoding)] = "utf-8"
    delimiter: Annotated[str, BeforeValidator(_check_delimiter)] = ","
    naive_time: Literal["account_timezone", "reject"] = "account_timezone"
    resume: StrictBool = False
    ignore_columns: Annotated[
        tuple[Annotated[str, BeforeValidator(_check_label)], ...], Field(max_length=LABELS_MAX)
    ] = ()
    reasons: Literal["optional", "required"] = "optional"
    anonymous_sales: Literal["reject", "cash"] = "reject"


class AccountEntry(BaseModel):
    """`[ID]`: one district. Without a key and a password it stands, but nobody can log in."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    name: Annotated[str, BeforeValidator(_check_name)]
    timezone: Annotated[ZoneInfo, BeforeValidator(_check_timezone)]
    currency: Annotated[str, BeforeValidator(_check_currency)] = "USD"
    authorized_keys: Annotated[
        tuple[Annotated[PublicKey, BeforeValidator(parse_authorized_key)], ...],
        Field(max_length=KEYS_MAX),
    ] = ()
    certificate_authorities: Annotated[
        tuple[Annotated[PublicKey, BeforeValidator(parse_authorized_key)], ...],
        Field(max_length=KEYS_MAX),
    ] = ()
    password_hash: Annotated[str | None, BeforeValidator(_check_password_hash)] = Field(
        default=None, repr=False
    )
    catalog_over_sftp: StrictBool = False
    policy: PolicyEntry = PolicyEntry()
    sources: Annotated[
        dict[str, Annotated[str, BeforeValidator(_check_source)]], Field(max_length=SOURCES_MAX)
    ] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsFile:
    """A file of accounts without a mistake in it."""

    accounts: Mapping[AccountId, AccountEntry]
    where: str
    content: bytes = field(repr=False)  # it may hold password hashes
    sha256: str


def read_accounts(path: Path) -> AccountsFile:
    """Read `accounts.toml`. Raises ConfigError, which names every mistake."""
    return check_accounts(read_toml(path))


def check_accounts(document: TomlDocument) -> AccountsFile:
    """Return a document's accounts. Raises ConfigError, which names every mistake."""
    mistakes = Mistakes(document)
    accounts: dict[AccountId, AccountEntry] = {}
    _check_account_ids(document.values, mistakes)
    for name, values in document.values.items():
        if not isinstance(values, Mapping):
            mistakes.add((name,), "stands outside of an account.", "Put it below an [ID] line.")
            continue
        _check_patterns(name, values.get("sources"), mistakes)
        if entry := check_values(AccountEntry, values, keys=(name,), mistakes=mistakes):
            accounts[AccountId(name)] = entry
    _check_keys_are_distinct(accounts, mistakes)
    mistakes.raise_if_any()
    return AccountsFile(
        accounts=accounts,
        where=document.where,
        content=document.content,
        sha256=document.sha256,
    )


def _check_account_ids(names: Iterable[str], mistakes: Mistakes) -> None:
    by_folded_name: dict[str, str] = {}
    for name in names:
        if not ACCOUNT_ID_PATTERN.fullmatch(name):
            mistakes.add(
                (name,),
                f"{shown(name)} cannot be an account ID.",
                "Use 1 to 64 of A-Z a-z 0-9 _ -, a letter or digit first.",
            )
        if name.casefold() in RESERVED_ACCOUNT_IDS:
            mistakes.add(
                (name,),
                f"{shown(name)} is the name of a folder that every account has.",
                f"Choose another ID, such as {name}-1.",
            )
        # Some file systems would give both the same folder.
        first = by_folded_name.setdefault(name.casefold(), name)
        if first != name:
            mistakes.add((name,), f"differs from account {first} only in case.", "Rename one.")
    if len(by_folded_name) > ACCOUNTS_MAX:
        mistakes.add((), f"more than {ACCOUNTS_MAX} accounts.", "Run a second ingestd.")


def _check_patterns(account_id: str, sources: object, mistakes: Mistakes) -> None:
    """Note patterns of sources that cannot be, and those that stand twice."""
    by_folded_pattern: dict[str, str] = {}
    for pattern in sources if isinstance(sources, Mapping) else ():
        keys = (account_id, "sources", pattern)
        if not pattern.strip() or not pattern.isprintable():
            mistakes.add(keys, "this is no pattern.", 'Such as "destiny*".')
        elif len(pattern) > PATTERN_CHARACTERS_MAX:
            mistakes.add(keys, f"is longer than {PATTERN_CHARACTERS_MAX} characters.")
        # Both would fit the same names, and neither is the longer.
        first = by_folded_pattern.setdefault(pattern.casefold(), pattern)
        if first != pattern:
            mistakes.add(keys, f"differs from {shown(first)} only in case.", "Take one out.")


def _check_keys_are_distinct(
    accounts: Mapping[AccountId, AccountEntry], mistakes: Mistakes
) -> None:
    """Note keys that stand twice in one account. Several accounts may have the same key."""
    for account_id, entry in accounts.items():
        for setting in ("authorized_keys", "certificate_authorities"):
            keys: tuple[PublicKey, ...] = getattr(entry, setting)
            seen: set[bytes] = set()
            for index, key in enumerate(keys):
                if key.blob in seen:
                    mistakes.add(
                        (account_id, setting, index),
                        f"the key {key.fingerprint} stands here twice.",
                        "Take one of the two lines out.",
                    )
                seen.add(key.blob)
