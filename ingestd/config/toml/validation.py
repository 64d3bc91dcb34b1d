"""Checking a document's values against a pydantic model, with mistakes in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ingestd.config.toml.mistakes import InvalidValueError, Mistakes, shown
from ingestd.config.toml.positions import KeyPath

Model = TypeVar("Model", bound=BaseModel)

_WANTED = {
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": 'a text in quotes: "…"',
    "tuple_type": 'a list: ["…", "…"]',
    "model_type": "a table of its own",
    "dict_type": "a table of its own",
    "path_type": 'a path in quotes: "…"',
}


def check_values(
    model: type[Model], values: object, *, keys: KeyPath, mistakes: Mistakes
) -> Model | None:
    """Return the model of a table's values, or None when one of them cannot be.

    Every mistake is noted; beside a model that can be unknown keys alone.
    """
    if isinstance(values, Mapping):
        _note_unknown_keys(model, values, keys=keys, mistakes=mistakes)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _note(detail, keys=keys, mistakes=mistakes)
        return None


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a table's fields by the keys that the file has for them: `from` is `from_` in code."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def section_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the model of the table that a key of a model holds, or None for a plain value."""
    annotation = fields_of(model)[key].annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _note_unknown_keys(
    model: type[BaseModel], values: Mapping[str, Any], *, keys: KeyPath, mistakes: Mistakes
) -> None:
    fields = fields_of(model)
    for key, value in values.items():
        if key not in fields:
            mistakes.add_unknown_key((*keys, key), fields)
        elif (section := section_of(model, key)) and isinstance(value, Mapping):
            _note_unknown_keys(section, value, keys=(*keys, key), mistakes=mistakes)


def _note(detail: ErrorDetails, *, keys: KeyPath, mistakes: Mistakes) -> None:
    path = (*keys, *detail["loc"])
    given = detail["input"]
    context = detail.get("ctx", {})
    error = context.get("error")
    if isinstance(error, InvalidValueError):
        mistakes.add_invalid(path, error)
        return
    match detail["type"]:
        case "too_short" if given:
            return  # its elements were refused one by one, and said so
        case "missing":
            mistakes.add(path, "is missing.", f"Add a line `{detail['loc'][-1]} = …`.")
        case "literal_error":
            mistakes.add(path, f"{shown(given)} is not one of {context['expected']}.")
        case "greater_than_equal":
            mistakes.add(path, f"{shown(given)} is too small.", f"At least {context['ge']}.")
        case "less_than_equal":
            mistakes.add(path, f"{shown(given)} is too large.", f"At most {context['le']}.")
        case "too_short" | "string_too_short":
            mistakes.add(path, f"holds too few; at least {context['min_length']}.")
        case "too_long" | "string_too_long":
            mistakes.add(path, f"holds too many; at most {context['max_length']}.")
        case kind if kind in _WANTED:
            # What is not even of the right kind may be a misplaced secret: it is not shown.
            mistakes.add(path, f"must be {_WANTED[kind]}.")
        case _:
            mistakes.add(path, f"{detail['msg']}.")
