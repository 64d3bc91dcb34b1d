"""What `[http]` may not hold: half of what TLS needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ingestd.config.judging.values import parse_file
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes
from ingestd.config.toml.positions import KeyPath

_PAIR = ("tls_certificate", "tls_key")


def check_http(
    values: object, variables: Mapping[KeyPath, str], *, folder: Path, mistakes: Mistakes
) -> None:
    """Note what is wrong with the whole of `[http]`, and make its paths absolute.

    A path is relative to `folder`, or to the working directory where one of the environment's
    `variables` gives it. `values` needs to be no table, which is told of elsewhere.
    """
    if not isinstance(values, dict):
        return
    given = [key for key in _PAIR if key in values]
    for key in given:
        base = Path.cwd() if ("http", key) in variables else folder
        try:
            values[key] = parse_file(values[key], base=base)
        except InvalidValueError as error:
            mistakes.add_invalid(("http", key), error)
            del values[key]
    if len(given) == 1:
        [missing] = set(_PAIR) - set(given)
        mistakes.add(
            ("http", given[0]),
            f"{missing} is missing.",
            "TLS needs both: the certificate and its key.",
        )
