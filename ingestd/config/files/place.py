"""Where the config is, when a command does not say: in this folder, or where the machine says.

`/etc/ingestd/environment` names the machine's installation and may hold the variables that its
daemon runs with. systemd gives them to the daemon; commands read the same file by themselves, so
that they need no folder to stand in and never work with another ledger than the daemon.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Final, NoReturn

from ingestd.values.errors import ConfigError, Mistake

DEFAULT_CONFIG: Final = Path("config/ingestd.toml")
SYSTEM_FILE: Final = Path("/etc/ingestd/environment")
CONFIG_VARIABLE: Final = "INGESTD_CONFIG"

_SYSTEM_FILE_BYTES_MAX = 65_536
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_QUOTED = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")


def find_config(
    asked: Path | None,
    *,
    system_file: Path = SYSTEM_FILE,
    environment: MutableMapping[str, str] = os.environ,
) -> Path:
    """Return the main config file: the one asked for, this folder's, or the machine's.

    This folder's comes before the machine's, as it always did. When the machine's it is, however
    a command came to it, the variables of `system_file` that are not set are set in `environment`.
    Raises ConfigError when only the machine's could be meant and its file cannot be understood.
    """
    if asked is None and not _is_here(DEFAULT_CONFIG):
        variables = _read(system_file)
        named = variables.get(CONFIG_VARIABLE)
        if named is None:
            return DEFAULT_CONFIG
        if not Path(named).is_absolute():
            _refuse(system_file, None, "is no absolute path.", "Start it with /.", CONFIG_VARIABLE)
        _set_unset(variables, environment)
        return Path(named)
    chosen = DEFAULT_CONFIG if asked is None else asked
    try:
        variables = _read(system_file)
    except ConfigError:
        # It is about another installation, or for the daemon's user alone.
        return chosen
    if _is_same(chosen, variables.get(CONFIG_VARIABLE)):
        _set_unset(variables, environment)
    return chosen


def _is_here(path: Path) -> bool:
    """Tell whether a file is there, or behind a folder of this one that may not be entered."""
    try:
        return path.exists()
    except PermissionError:
        # With sudo a command often stands in a home folder that its user may not enter.
        return os.access(".", os.X_OK, effective_ids=True)


def _is_same(path: Path, named: str | None) -> bool:
    return named is not None and os.path.realpath(path) == os.path.realpath(named)


def _set_unset(variables: dict[str, str], environment: MutableMapping[str, str]) -> None:
    for name, value in variables.items():
        if name.startswith("INGESTD_") and name != CONFIG_VARIABLE:
            environment.setdefault(name, value)


def _read(path: Path) -> dict[str, str]:
    """Return the variables of an environment file; none when there is no such file."""
    try:
        with path.open("rb") as file:
            text = file.read(_SYSTEM_FILE_BYTES_MAX).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        _refuse(
            path,
            None,
            "this file is not for this user to read.",
            "Run the command as the daemon's user: sudo -u ingestd ingestd …",
        )
    except (OSError, UnicodeDecodeError) as error:
        _refuse(path, None, f"this file cannot be read: {error}.", "It holds lines of NAME=value.")
    return dict(_variables(path, text))


def _variables(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield each NAME=value as systemd understands it. Source: systemd.exec(5), EnvironmentFile."""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        name, equals, value = (part.strip() for part in stripped.partition("="))
        if not equals or not _NAME.fullmatch(name):
            _refuse(path, number, "is no NAME=value.", "systemd takes no `export` either.")
        if _QUOTED.fullmatch(value):
            value = value[1:-1]
        elif any(sign in value for sign in "'\"\\"):
            # What systemd makes of half a quote or a backslash would be a surprise to most.
            _refuse(
                path,
                number,
                "has a value that is not plain.",
                "Put all of it in 'single quotes', without a backslash.",
                name,
            )
        yield name, value


def _refuse(path: Path, line: int | None, message: str, remedy: str, key: str = "") -> NoReturn:
    mistake = Mistake(where=str(path), line=line, key=key, message=message, remedy=remedy)
    raise ConfigError((mistake,))
