"""Formats are literals: the same columns, with the same limits, whenever they are loaded."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest

from ingestd.formats.checking import check_file
from ingestd.formats.findings.codes import Code
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.names import PAYMENT_NAMES, FormatName
from ingestd.formats.rows import payment_columns
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.intake.handling import HANDLINGS, KNOWN
from tests.unit.formats.test_payment_rows import ROWS
from tests.verdicts import RULES

FORMATS: Mapping[str, JudgedFormat[Any]] = {
    **{str(kind): CATALOG_FORMATS[kind] for kind in CatalogKind},
    **{str(name): HANDLINGS[name].format for name in FormatName},
}


def loaded_anew(module_name: str) -> dict[str, Any]:
    """Return what a module defines when it is run once more."""
    module = import_module(module_name)
    assert module.__file__ is not None
    return runpy.run_path(module.__file__, run_name=module_name)


def format_anew(name: str) -> JudgedFormat[Any]:
    kinds = "ingestd.formats.kinds"
    if name in set(FormatName):
        return loaded_anew(f"{kinds}.{name}")["FORMAT"]  # type: ignore[no-any-return]
    return loaded_anew(f"{kinds}.references")[name.upper()]  # type: ignore[no-any-return]


def judged(content: str, judged_format: JudgedFormat[Any]) -> tuple[list[Any], list[Code]]:
    """Return a file's rows, and the codes of what was found in it."""
    batches = list(check_file([content.encode()], judged_format, RULES, known=KNOWN))
    findings = [finding for batch in batches for finding in batch.findings]
    return [row for batch in batches for row in batch.rows], [finding.code for finding in findings]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_what_its_definition_says(name: str) -> None:
    """What the samples and the tables of the docs are held against is what the code writes down."""
    anew = format_anew(name)
    assert (anew.file, anew.key) == (FORMATS[name].file, FORMATS[name].key)


def test_columns_that_formats_share_are_what_their_definition_says() -> None:
    """One limit for one thing, whichever file names it."""
    assert loaded_anew(payment_columns.__name__)["FIRST_18"] == payment_columns.FIRST_18


@pytest.mark.parametrize("name", sorted(PAYMENT_NAMES))
def test_a_payment_is_judged_by_all_that_its_format_says(name: FormatName) -> None:
    """Its fields come to their places, and to the sum that the row says."""
    good = list(ROWS[name].values())
    wrong = [good[0], "1.00", *good[2:]]
    content = "".join(f"{','.join(row)}\n" for row in (good, wrong))
    rows, codes = judged(content, format_anew(name))
    assert (len(rows), codes) == (1, [Code.SUM_MISMATCH])
    assert (rows, codes) == judged(content, FORMATS[name])


@pytest.mark.parametrize("kind", CatalogKind)
def test_a_catalog_needs_no_more_than_a_key(kind: CatalogKind) -> None:
    """What a school does not know of a thing it need not say."""
    content = f"{FORMATS[kind].file.columns[0].name}\n7\n"
    rows, codes = judged(content, format_anew(kind))
    assert [row.values[0] for row in rows] == ["7"]
    assert (rows, codes) == judged(content, FORMATS[kind])


@pytest.mark.parametrize("name", FormatName)
def test_no_column_has_two_names(name: FormatName) -> None:
    """A title that is another column's name would make a header of it that says something else."""
    columns = FORMATS[name].file.columns
    names = [*(column.name for column in columns), *(c.title for c in columns if c.title)]
    assert len(set(names)) == len(names)
