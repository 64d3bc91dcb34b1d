"""The table in which formats are introduced to what the ledger makes of them."""

from __future__ import annotations

import pickle

import pytest

from ingestd.formats.names import CATALOG_NAMES, PAYMENT_NAMES, FormatName
from ingestd.intake.handling import HANDLINGS, KNOWN


def test_every_name_that_is_taken_is_handled() -> None:
    """A file whose name is recognised is claimed, and then somebody has to know what it is."""
    assert list(HANDLINGS) == list(FormatName)


@pytest.mark.parametrize("name", FormatName)
def test_each_name_stands_for_the_format_that_calls_itself_so(name: FormatName) -> None:
    """Its name is in every payment's key and on every receipt."""
    assert HANDLINGS[name].format.file.name == name


@pytest.mark.parametrize("name", FormatName)
def test_a_payment_is_what_has_no_header_and_a_catalog_what_has_a_key(name: FormatName) -> None:
    """Receipts and outcomes go by the name alone, which has to say the same as the format."""
    judged = HANDLINGS[name].format
    assert judged.file.has_header is (name not in PAYMENT_NAMES)
    assert (judged.key is not None) is (name in CATALOG_NAMES)


def test_a_file_is_known_under_the_name_of_each_format_but_catalogs() -> None:
    """A payment under a charge's name is told which name it should have had."""
    known = {file.name for file in (*KNOWN.with_header, *KNOWN.payments)}
    assert known == set(FormatName) - CATALOG_NAMES


@pytest.mark.parametrize("name", FormatName)
def test_a_format_travels_to_the_process_that_judges_a_large_file(name: FormatName) -> None:
    """What cannot travel would be found out by the first large file of a district."""
    judged = HANDLINGS[name].format
    there = pickle.loads(pickle.dumps(judged))
    assert there.file == judged.file
