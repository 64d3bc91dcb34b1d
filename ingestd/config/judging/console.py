"""What `[console]` may not hold: a secret that others can read, and half of what OIDC needs."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ingestd.config.judging.values import parse_file
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes, shown

_OIDC = ("console", "oidc")


def parse_console_address(value: object) -> str:
    """Return the address at which browsers reach the console, without a path."""
    remedy = 'Write it such as "https://ledger.example.org".'
    parts = _parts_of(value)
    if parts is None or parts.path not in {"", "/"}:
        raise InvalidValueError(f"{shown(value)} is no address of the console.", remedy)
    return f"{parts.scheme}://{parts.netloc}"


def parse_issuer(value: object) -> str:
    """Return the address that an issuer calls itself by, as it stands."""
    if _parts_of(value) is None:
        raise InvalidValueError(
            f"{shown(value)} is no issuer.", 'Write it such as "https://accounts.google.com".'
        )
    return str(value)


def check_console(written: object, values: object, *, base: Path, mistakes: Mistakes) -> None:
    """Note what is wrong with the whole of `[console]`, and make `client_secret_file` absolute.

    `written` is the table as the file has it, `values` the same with what the environment
    overrides; neither needs to be a table, which is told of elsewhere. `base` is what a relative
    path is relative to.
    """
    stands = written.get("oidc") if isinstance(written, dict) else None
    if isinstance(stands, dict) and "client_secret" in stands:
        # The main file is readable by everybody on the machine, and ends up in tickets.
        mistakes.add(
            _OIDC,
            "the client's secret does not belong into this file.",
            "Set INGESTD_CONSOLE__OIDC__CLIENT_SECRET, or name a file that holds it in "
            "client_secret_file.",
        )
    oidc = values.get("oidc") if isinstance(values, dict) else None
    if not isinstance(values, dict) or not isinstance(oidc, dict) or not oidc:
        return
    if "client_secret_file" in oidc:
        try:
            oidc["client_secret_file"] = parse_file(oidc["client_secret_file"], base=base)
        except InvalidValueError as error:
            mistakes.add_invalid((*_OIDC, "client_secret_file"), error)
            del oidc["client_secret_file"]
    for key in ("issuer", "client_id"):
        if key not in oidc:
            mistakes.add(_OIDC, f"{key} is missing.", "The issuer tells what to write.")
    if len({"client_secret", "client_secret_file"} & oidc.keys()) != 1:
        mistakes.add(
            _OIDC, "one secret of the client is needed.", "Name one file in client_secret_file."
        )
    if "address" not in values:
        mistakes.add(
            ("console",),
            "address is missing.",
            "The issuer sends browsers back to it: write how they reach the console.",
        )


def _parts_of(value: object) -> SplitResult | None:
    """Return an address's parts; None unless what is sent there is encrypted, or stays here."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        named = parts.hostname is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    encrypted = parts.scheme == "https" or (
        parts.scheme == "http" and _is_loopback(parts.hostname or "")
    )
    return parts if named and plain and encrypted else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
