"""Places of sale: what a file's name tells, under the name that people know."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from ingestd.access.accounts import Account
from ingestd.values.identifiers import AccountId

ACCOUNT = Account(
    account_id=AccountId("A"),
    name="District A",
    timezone=ZoneInfo("America/Chicago"),
    currency="USD",
    sources=(
        ("*", "Elsewhere"),
        ("pos-4*", "North"),
        ("pos-41", "Coffee cart"),
        ("POS-??", "South"),
        ("café", "Café"),
    ),
)


@pytest.mark.parametrize(
    ("source", "location"),
    [
        (None, None),
        ("pos-41", "Coffee cart"),
        ("POS-41", "Coffee cart"),
        ("pos-412", "North"),
        ("pos-51", "South"),
        ("pos-5", "Elsewhere"),
        ("CAFÉ", "Café"),
    ],
)
def test_the_longest_pattern_that_fits_names_the_place(
    source: str | None, location: str | None
) -> None:
    """An exception for one register needs no new list of all the others."""
    assert ACCOUNT.location_of(source) == location
    backwards = replace(ACCOUNT, sources=ACCOUNT.sources[::-1])
    assert backwards.location_of(source) == location


def test_what_has_no_name_stands_as_it_is() -> None:
    """A district that sets nothing up reads what its files' names say, as far as it goes."""
    account = replace(ACCOUNT, sources=(("pos*", "North"),))
    assert account.location_of("Destiny") == "Destiny"
    assert account.location_of("x" * 65) == "x" * 64
    assert replace(account, sources=()).location_of("pos-4") == "pos-4"
