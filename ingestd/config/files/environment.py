"""Settings from environment variables: `INGESTD_<SECTION>__<KEY>`, for containers and tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import BaseModel

from ingestd.config.files.place import CONFIG_VARIABLE
from ingestd.config.toml.mistakes import suggest
from ingestd.config.toml.positions import KeyPath
from ingestd.config.toml.validation import fields_of, section_of
from ingestd.values.errors import Mistake

PREFIX = "INGESTD_"

# A table of the file may have any name; what is a secret in it comes from the environment.
_DATABASE_URL = re.compile(r"INGESTD_DATABASES__([A-Z][A-Z0-9_]*)__URL")

# Kubernetes and Docker links set these for a service that is itself named "ingestd".
_SERVICE_LINK = re.compile(
    r"INGESTD_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)"
    r"|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the environment sets: the value and the variable's name for each key."""

    values: Mapping[KeyPath, object]
    variables: Mapping[KeyPath, str]
    mistakes: tuple[Mistake, ...]


def read_overrides(model: type[BaseModel], environment: Mapping[str, str]) -> Overrides:
    """Read every `INGESTD_…` variable; one that names no setting is a mistake.

    An empty variable counts as not set, as `${NAME:-}` of a compose file leaves it.
    """
    known = dict(_variables(model))
    values: dict[KeyPath, object] = {}
    named: dict[KeyPath, str] = {}
    mistakes: list[Mistake] = []
    for name in sorted(environment):
        text = environment[name]
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or not text:
            continue
        if name in known:
            keys, annotation = known[name]
            named[keys] = name
            values[keys] = _value(text, annotation)
        elif database := _DATABASE_URL.fullmatch(name):
            keys = ("databases", database.group(1).lower(), "url")
            values[keys] = text
            named[keys] = name
        elif not _SERVICE_LINK.fullmatch(name):
            mistakes.append(
                Mistake(
                    where=name,
                    line=None,
                    key="",
                    message="unknown environment variable.",
                    remedy=suggest(name, known) or "Variables are INGESTD_<SECTION>__<KEY>.",
                )
            )
    return Overrides(values=values, variables=named, mistakes=tuple(mistakes))


def _variables(
    model: type[BaseModel], keys: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[KeyPath, Any]]]:
    for key, field in fields_of(model).items():
        path = (*keys, key)
        if section := section_of(model, key):
            yield from _variables(section, path)
        else:
            yield PREFIX + "__".join(path).upper(), (path, field.annotation)


def _value(text: str, annotation: object) -> object:
    """Return what a variable's text stands for; what cannot be read stays text, to be refused."""
    if annotation not in (int, float) and get_origin(annotation) is not tuple:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
