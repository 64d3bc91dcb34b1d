"""The settings of `ingestd.toml`: every key, its default and its bounds, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ingestd.config.files.environment import read_overrides
from ingestd.config.judging.console import (
    check_console,
    parse_console_address,
    parse_issuer,
)
from ingestd.config.judging.databases import SECTION, DatabaseSettings, check_databases
from ingestd.config.judging.http import check_http
from ingestd.config.judging.mail import check_mail
from ingestd.config.judging.values import (
    ListenAddress,
    Network,
    parse_archive_url,
    parse_command,
    parse_database_url,
    parse_folder,
    parse_host,
    parse_ledger_name,
    parse_listen,
    parse_mail_address,
    parse_network,
    parse_size,
)
from ingestd.config.toml.document import TomlDocument, read_toml
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes
from ingestd.config.toml.positions import KeyPath
from ingestd.config.toml.validation import check_values
from ingestd.values.errors import ConfigError, Mistake
from ingestd.values.identifiers import AccountId

DEFAULT_DATA_DIR = "../data"
MAIN_DATABASE = ""
"""The name of `database_url` among the databases: of all accounts that no other one names."""

LISTED_MAX = 1000
_DAY_SECONDS = 86_400
_SECRET_FILE: KeyPath = ("console", "oidc", "client_secret_file")

Listen = Annotated[ListenAddress, BeforeValidator(parse_listen)]
Networks = Annotated[
    tuple[Annotated[Network, BeforeValidator(parse_network)], ...], Field(max_length=LISTED_MAX)
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class SftpSettings(_Section):
    """`[sftp]`: where SFTP listens, and how much one peer may ask of it."""

    listen: Annotated[tuple[Listen, ...], Field(min_length=1, max_length=64)] = (
        ListenAddress(host="0.0.0.0", port=2222),  # noqa: S104 - the allowlist guards it
        ListenAddress(host="::", port=2222),
    )
    proxy_protocol_from: Networks = ()
    max_connections: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 256
    max_connections_per_address: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 16
    max_sessions_per_connection: Annotated[int, Field(strict=True, ge=1, le=100)] = 10
    max_files_waiting: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1000
    max_temporary_files: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1000
    max_open_files: Annotated[int, Field(strict=True, ge=1, le=1024)] = 64
    max_upload_bytes: Annotated[int, BeforeValidator(parse_size), Field(ge=1, le=2**36)] = 2**29
    login_seconds: Annotated[float, Field(strict=True, ge=0.1, le=600)] = 30.0
    idle_seconds: Annotated[float, Field(strict=True, ge=0.1, le=_DAY_SECONDS)] = 300.0
    keepalive_seconds: Annotated[float, Field(strict=True, ge=0.1, le=3600)] = 30.0
    max_auth_tries: Annotated[int, Field(strict=True, ge=1, le=100)] = 6
    ban_after_failures: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 10
    ban_seconds: Annotated[float, Field(strict=True, ge=0.1, le=30 * _DAY_SECONDS)] = 900.0
    never_ban: Networks = ()


class IntakeSettings(_Section):
    """`[intake]`: when a published file is claimed, by how many workers, and what is kept."""

    settle_seconds: Annotated[float, Field(strict=True, ge=0, le=3600)] = 1.0
    rescan_seconds: Annotated[float, Field(strict=True, ge=0.1, le=3600)] = 30.0
    workers: Annotated[int, Field(strict=True, ge=1, le=64)] = 2
    receipt_days: Annotated[int, Field(strict=True, ge=1, le=3650)] = 90
    partial_hours: Annotated[float, Field(strict=True, ge=0.01, le=8760)] = 24.0
    disk_reserve_bytes: Annotated[int, BeforeValidator(parse_size), Field(ge=0, le=2**40)] = 2**28


class HttpSettings(_Section):
    """`[http]`: where health, metrics and the console are served, and how they are encrypted."""

    listen: Listen = ListenAddress(host="127.0.0.1", port=8080)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: Networks = ()

    @property
    def has_tls(self) -> bool:
        """Whether the port speaks TLS."""
        return self.tls_certificate is not None


class OidcSettings(_Section):
    """`[console.oidc]`: who else may say who somebody is, by OpenID Connect."""

    issuer: Annotated[str, BeforeValidator(parse_issuer)] | None = None
    client_id: Annotated[str, Field(strict=True, min_length=1, max_length=500)] | None = None
    client_secret: Annotated[str | None, Field(strict=True, repr=False)] = None
    client_secret_file: Path | None = None
    name: Annotated[str, Field(strict=True, min_length=1, max_length=50)] = "single sign-on"


class ConsoleSettings(_Section):
    """`[console]`: how it is reached from outside, and what whoever signs in has to prove."""

    address: Annotated[str, BeforeValidator(parse_console_address)] | None = None
    totp: Literal["optional", "required"] = "optional"
    oidc: OidcSettings = OidcSettings()


class EvidenceSettings(_Section):
    """`[evidence]`: under which name the books are signed, and who keeps what was signed."""

    name: Annotated[str, BeforeValidator(parse_ledger_name)] | None = None
    witness_folder: Path | None = None
    witness_command: Annotated[tuple[str, ...], BeforeValidator(parse_command)] = ()

    @property
    def has_witness(self) -> bool:
        """Whether anybody outside keeps what is signed."""
        return self.witness_folder is not None or bool(self.witness_command)


class LogSettings(_Section):
    """`[log]`: how and how much is written to stderr."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MailSettings(_Section):
    """`[mail]`: the server that invoices are handed to, when somebody says so."""

    host: Annotated[str, BeforeValidator(parse_host)] | None = None
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[str, Field(strict=True, min_length=1, max_length=320)] | None = None
    password: Annotated[str | None, Field(strict=True, repr=False)] = None
    password_file: Path | None = None
    from_: Annotated[str, BeforeValidator(parse_mail_address)] | None = Field(
        default=None, alias="from"
    )


class Settings(_Section):
    """Every setting in force. Folders are absolute; `database_url` is a SQLAlchemy URL."""

    data_dir: Path
    database_url: Annotated[str, Field(repr=False)]  # it may hold a password
    databases: Mapping[str, DatabaseSettings] = {}
    host_keys_dir: Path | None = None
    archive_url: Annotated[str, BeforeValidator(parse_archive_url)] | None = None
    archive_when_away: Literal["refuse", "local"] = "refuse"
    drain_seconds: Annotated[float, Field(strict=True, ge=0, le=3600)] = 0.0
    shutdown_seconds: Annotated[float, Field(strict=True, ge=0, le=3600)] = 20.0
    sftp: SftpSettings = SftpSettings()
    intake: IntakeSettings = IntakeSettings()
    http: HttpSettings = HttpSettings()
    console: ConsoleSettings = ConsoleSettings()
    mail: MailSettings = MailSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    log: LogSettings = LogSettings()

    def database_of(self, account: AccountId) -> str:
        """Return the name of the further database that keeps an account's books, or nothing."""
        return next(
            (name for name, one in self.databases.items() if account in one.accounts), MAIN_DATABASE
        )


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read `ingestd.toml` and what the environment overrides. Raises ConfigError, complete.

    A relative path is relative to the file's folder, or to the working directory when it
    comes from the environment.
    """
    overrides = read_overrides(Settings, environment)
    try:
        document = read_toml(path)
    except ConfigError as error:
        raise ConfigError((*error.mistakes, *overrides.mistakes)) from error
    settings, mistakes = _check(document, path.parent, overrides.values, overrides.variables)
    if settings is None or overrides.mistakes:
        raise ConfigError((*mistakes, *overrides.mistakes))
    return settings


def _check(
    document: TomlDocument,
    folder: Path,
    overrides: Mapping[KeyPath, object],
    variables: Mapping[KeyPath, str],
) -> tuple[Settings | None, tuple[Mistake, ...]]:
    mistakes = Mistakes(document, variables)
    values = _overridden(document.values, overrides)

    for key, parse in (
        ("data_dir", parse_folder),
        ("database_url", parse_database_url),
        ("host_keys_dir", parse_folder),
    ):
        if key not in values:
            continue
        try:
            values[key] = parse(values[key], base=Path.cwd() if (key,) in variables else folder)
        except InvalidValueError as error:
            mistakes.add_invalid((key,), error)
            del values[key]
    data_dir = values.setdefault("data_dir", parse_folder(DEFAULT_DATA_DIR, base=folder))
    values.setdefault("database_url", f"sqlite:///{data_dir}/ledger.db")
    if SECTION in values:
        values[SECTION] = check_databases(
            values[SECTION],
            main_url=values["database_url"],
            variables=variables,
            folder=folder,
            mistakes=mistakes,
        )
    mail_base = Path.cwd() if ("mail", "password_file") in variables else folder
    check_mail(document.values.get("mail"), values.get("mail"), base=mail_base, mistakes=mistakes)
    check_http(values.get("http"), variables, folder=folder, mistakes=mistakes)
    secret_base = Path.cwd() if _SECRET_FILE in variables else folder
    check_console(
        document.values.get("console"), values.get("console"), base=secret_base, mistakes=mistakes
    )
    _place_witness(values.get("evidence"), variables, folder, mistakes)
    settings = check_values(Settings, values, keys=(), mistakes=mistakes)
    return (None if mistakes.found else settings), mistakes.found


def _place_witness(
    evidence: object, variables: Mapping[KeyPath, str], folder: Path, mistakes: Mistakes
) -> None:
    """Make the witness's folder absolute, as all paths are."""
    keys = ("evidence", "witness_folder")
    if isinstance(evidence, dict) and "witness_folder" in evidence:
        base = Path.cwd() if keys in variables else folder
        try:
            evidence["witness_folder"] = parse_folder(evidence["witness_folder"], base=base)
        except InvalidValueError as error:
            mistakes.add_invalid(keys, error)
            del evidence["witness_folder"]


def _overridden(
    values: Mapping[str, object], overrides: Mapping[KeyPath, object]
) -> dict[str, object]:
    result = _copied(values)
    for keys, value in overrides.items():
        table = result
        for key in keys[:-1]:
            inner = table.setdefault(str(key), {})
            # A section that is no table in the file is told of when the model is checked.
            if not isinstance(inner, dict):
                break
            table = inner
        else:
            table[str(keys[-1])] = value
    return result


def _copied(values: Mapping[str, object]) -> dict[str, object]:
    """Return tables that may be changed; what is written in the file stays as it is."""
    return {
        key: _copied(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
    }
