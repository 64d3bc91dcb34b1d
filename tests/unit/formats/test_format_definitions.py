"""Formats are literals: the same columns, with the same limits, whenever they are loaded."""

from __future__ import annotations

import runpy
from importlib import import_module

import pytest

from ingestd.formats.fields import FileFormat
from ingestd.formats.names import FormatName
from ingestd.intake.handling import HANDLINGS


def file_of(name: FormatName) -> FileFormat:
    return HANDLINGS[name].format.file


@pytest.mark.parametrize("name", FormatName)
def test_a_format_is_what_its_definition_says(name: FormatName) -> None:
    """What the samples and the tables of the docs are held against is what the code writes down."""
    module = import_module(f"ingestd.formats.kinds.{name}")
    assert module.__file__ is not None
    anew = runpy.run_path(module.__file__, run_name=module.__name__)["FORMAT"]
    assert module.FORMAT is HANDLINGS[name].format
    assert (anew.file, anew.key) == (module.FORMAT.file, module.FORMAT.key)


@pytest.mark.parametrize("name", FormatName)
def test_no_column_has_two_names(name: FormatName) -> None:
    """A title that is another column's name would make a header of it that says something else."""
    columns = file_of(name).columns
    names = [*(column.name for column in columns), *(c.title for c in columns if c.title)]
    assert len(set(names)) == len(names)
