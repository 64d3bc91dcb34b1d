"""Formats are literals: the same columns, with the same limits, whenever they are loaded."""

from __future__ import annotations

import runpy
from types import ModuleType
from typing import Any

import pytest

from ingestd.formats.kinds import catalog, payment_files


def loaded_anew(module: ModuleType) -> dict[str, Any]:
    """Return what a module defines when it is run once more."""
    assert module.__file__ is not None
    return runpy.run_path(module.__file__, run_name=module.__name__)


def test_the_payment_formats_are_what_their_definitions_say() -> None:
    """What the samples and the tables of the docs are held against is what the code writes down."""
    anew = loaded_anew(payment_files)["PAYMENT_FORMATS"]
    assert anew == payment_files.PAYMENT_FORMATS


def test_the_catalog_formats_are_what_their_definitions_say() -> None:
    """A column of the catalog that changes its limits does so in its definition alone."""
    anew = loaded_anew(catalog)["CATALOG_FORMATS"]
    assert [str(kind) for kind in anew] == [str(kind) for kind in catalog.CATALOG_FORMATS]
    for now, then in zip(anew.values(), catalog.CATALOG_FORMATS.values(), strict=True):
        assert (now.key, now.file, now.subject) == (then.key, then.file, then.subject)


@pytest.mark.parametrize("kind", payment_files.PAYMENT_FORMATS)
def test_no_column_has_two_names(kind: str) -> None:
    """A title that is another column's name would make a header of it that says something else."""
    columns = payment_files.PAYMENT_FORMATS[kind].columns  # type: ignore[index]
    names = [*(column.name for column in columns), *(c.title for c in columns if c.title)]
    assert len(set(names)) == len(names)
