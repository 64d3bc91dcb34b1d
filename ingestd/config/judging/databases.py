"""What `[databases]` may not hold: an account in two places, or one database twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ingestd.config.judging.values import parse_database_url
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes
from ingestd.config.toml.positions import KeyPath
from ingestd.config.toml.validation import check_values
from ingestd.values.identifiers import ACCOUNT_ID_PATTERN, AccountId

SECTION = "databases"
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
NAME_CHARACTERS_MAX = 32


def _parse_account(value: str) -> AccountId:
    if not ACCOUNT_ID_PATTERN.fullmatch(value):
        raise InvalidValueError("this is no account's ID.")
    return AccountId(value)


class DatabaseSettings(BaseModel):
    """`[databases.NAME]`: a further database, and the accounts whose books it keeps."""

    model_config = ConfigDict(frozen=True)

    url: Annotated[str, Field(repr=False)]  # it may hold a password
    accounts: Annotated[
        tuple[Annotated[AccountId, AfterValidator(_parse_account)], ...], Field(min_length=1)
    ]


def check_databases(
    values: object,
    *,
    main_url: object,
    variables: Mapping[KeyPath, str],
    folder: Path,
    mistakes: Mistakes,
) -> dict[str, DatabaseSettings]:
    """Return what each table of `[databases]` says, and note what is wrong with it.

    A relative path is relative to `folder`, or to the working directory where one of the
    environment's `variables` gives it. `main_url` is the database of all other accounts.
    """
    if not isinstance(values, Mapping):
        mistakes.add((SECTION,), "must be tables of their own.", "Write [databases.NAME].")
        return {}
    found: dict[str, DatabaseSettings] = {}
    urls = {main_url: "database_url"}
    homes: dict[str, str] = {}
    for name, table in values.items():
        keys: KeyPath = (SECTION, name)
        if not NAME_PATTERN.fullmatch(name) or len(name) > NAME_CHARACTERS_MAX:
            mistakes.add(keys, "is no name of a database.", "Use small letters, digits and '_'.")
            continue
        database = _check_one(table, keys, variables, folder, mistakes)
        if database is None:
            continue
        if (other := urls.setdefault(database.url, f"{SECTION}.{name}")) != f"{SECTION}.{name}":
            mistakes.add((*keys, "url"), f"this is the database of {other}.", "Name another one.")
        for account in database.accounts:
            if (home := homes.setdefault(account, name)) != name:
                mistakes.add(
                    (*keys, "accounts"),
                    f"{account} is in {SECTION}.{home}, too.",
                    "An account's books are kept in one database.",
                )
        found[name] = database
    return found


def _check_one(
    table: object,
    keys: KeyPath,
    variables: Mapping[KeyPath, str],
    folder: Path,
    mistakes: Mistakes,
) -> DatabaseSettings | None:
    if isinstance(table, Mapping) and "url" in table:
        url: KeyPath = (*keys, "url")
        base = Path.cwd() if url in variables else folder
        try:
            table = {**table, "url": parse_database_url(table["url"], base=base)}
        except InvalidValueError as error:
            mistakes.add_invalid(url, error)
            return None
    return check_values(DatabaseSettings, table, keys=keys, mistakes=mistakes)
