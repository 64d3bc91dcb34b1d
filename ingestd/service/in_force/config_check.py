"""Whether the config files are good enough for what is to be done with them."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from dataclasses import replace
from pathlib import Path

from ingestd.config.files.settings import Settings, load_settings
from ingestd.config.judging.databases import SECTION
from ingestd.config.toml.document import read_config_bytes
from ingestd.service.in_force.access_look import AccessLook, ReadBytes, look_at_access
from ingestd.service.in_force.last_good import Good, LastGood
from ingestd.service.in_force.need import Need
from ingestd.service.in_force.tls import load_tls
from ingestd.spool.archive.opening import HOW_TO_INSTALL, can_speak_s3
from ingestd.values.errors import ConfigError, Mistake
from ingestd.values.identifiers import AccountId


def look_around(
    config_path: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    to_be: str | None = None,
    read: ReadBytes = read_config_bytes,
) -> AccessLook:
    """Look at the two access files for a command that needs nothing else.

    Without sound settings no copies are known: the files are then judged by themselves. `to_be`
    is an account that is about to be added: its addresses may be listed already. `read` gives
    the files' bytes, so that a text can be judged before it is saved.
    """
    try:
        good = LastGood(load_settings(config_path, environment).data_dir).read()
    except ConfigError:
        good = Good()
    if to_be is not None:
        good = replace(good, names=good.names | {AccountId(to_be)})
    return look_at_access(config_path, good, read)


def require(look: AccessLook, need: Need) -> None:
    """Raise ConfigError with all the mistakes when what is needed cannot be done with them."""
    is_missing = look.good.accounts is None
    match need:
        case Need.READING:
            pass
        case Need.CHANGING:
            is_missing = is_missing or bool(look.accounts.mistakes)
        case Need.EDITING:
            is_missing = bool(look.mistakes)
        case Need.SERVING:
            is_missing = is_missing or look.good.allowlist is None
    if is_missing:
        raise ConfigError(look.mistakes)


def check_config(
    config_path: Path, environment: Mapping[str, str] = os.environ
) -> tuple[tuple[Mistake, ...], AccessLook]:
    """Return every mistake of the three files and of the environment, and how the two look."""
    found: tuple[Mistake, ...] = ()
    try:
        settings = load_settings(config_path, environment)
        load_tls(settings.http, where=config_path)
        found = _archive_mistakes(settings, config_path)
    except ConfigError as error:
        found = error.mistakes
    look = look_around(config_path, environment)
    return found + look.mistakes, look


def list_awaited(
    config_path: Path, environment: Mapping[str, str] = os.environ
) -> tuple[Mistake, ...]:
    """Return the accounts of `[databases]` that accounts.toml does not have, each as a warning.

    One may be to come, or be gone; one that is misspelt is served from `database_url` meanwhile.
    """
    try:
        settings = load_settings(config_path, environment)
    except ConfigError:
        return ()
    accounts = look_around(config_path, environment).access.accounts
    return awaited_in(settings, accounts, where=config_path)


def awaited_in(
    settings: Settings, accounts: Container[AccountId], *, where: Path
) -> tuple[Mistake, ...]:
    """Return the same, where all accounts are known."""
    return tuple(
        Mistake(
            where=str(where),
            line=None,
            key=f"{SECTION}.{name}.accounts",
            message=f"accounts.toml has no account {account}.",
            remedy="Take it out if it is misspelt. One that once had books stays where they are.",
        )
        for name, database in settings.databases.items()
        for account in database.accounts
        if account not in accounts
    )


def _archive_mistakes(settings: Settings, config_path: Path) -> tuple[Mistake, ...]:
    if settings.archive_url is None or can_speak_s3():
        return ()
    message = "the library for S3 is not installed."
    return (
        Mistake(
            where=str(config_path),
            line=None,
            key="archive_url",
            message=message,
            remedy=HOW_TO_INSTALL,
        ),
    )
