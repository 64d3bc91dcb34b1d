"""Currencies: those of ISO 4217, held against a list that is kept up to date by others."""

from __future__ import annotations

import iso4217
import pytest

from ingestd.values.money import decimals_of, is_currency, successor_of

# Not flagged as funds by ISO, and yet nothing that anybody pays with: an index of pensions, and
# what Arab states settle among themselves.
UNITS_OF_ACCOUNT = {"UYW", "XAD"}
# What a release of ingestd took before ISO retired it. It stays: books kept in it are still read.
STILL_TAKEN: set[str] = set()
RETIRED = "ANG BGN BYR CUC EEK HRK LTL LVL MRO SLL STD VEF ZWL".split()


def _iso_list() -> dict[str, int]:
    """Return the decimals of every currency that people pay with, by its code."""
    listed = {}
    for entry in iso4217.raw_xml.iterfind("CcyTbl/CcyNtry"):
        name, code = entry.find("CcyNm"), entry.findtext("Ccy")
        decimals = entry.findtext("CcyMnrUnts") or ""
        if name is not None and code and "IsFund" not in name.attrib and decimals.isdigit():
            listed[code] = int(decimals)
    return {code: listed[code] for code in listed.keys() - UNITS_OF_ACCOUNT}


def _codes_taken() -> set[str]:
    capitals = [chr(letter) for letter in range(ord("A"), ord("Z") + 1)]
    return {
        code for a in capitals for b in capitals for c in capitals if is_currency(code := a + b + c)
    }


def test_the_currencies_are_those_of_iso_4217() -> None:
    """No district is told that its money does not exist, and none is billed in gold or in tests."""
    assert len(_iso_list()) > 150
    assert _codes_taken() - STILL_TAKEN == _iso_list().keys()


def test_every_currency_has_the_decimals_of_iso_4217() -> None:
    """An amount of 1.5 dinars is neither refused nor taken for 150."""
    iso_list = _iso_list()
    assert {code: decimals_of(code) for code in iso_list} == iso_list
    assert (decimals_of("JPY"), decimals_of("USD"), decimals_of("BHD")) == (0, 2, 3)


def test_the_caribbean_guilder_is_a_currency() -> None:
    """Schools on Curaçao and Sint Maarten bill in it since 2025."""
    assert is_currency("XCG")
    assert decimals_of("XCG") == 2


@pytest.mark.parametrize("code", [*"XXX XTS XAU XDR CHE UYW XAD USN".split(), "", "US", "USDX"])
def test_what_nobody_pays_with_is_no_currency(code: str) -> None:
    """A placeholder that was left in a config is told at once."""
    assert not is_currency(code)


@pytest.mark.parametrize("code", RETIRED)
def test_a_retired_currency_names_its_successor(code: str) -> None:
    """Whoever types from an old list reads what to write instead."""
    successor = successor_of(code)
    assert not is_currency(code)
    assert successor is not None
    assert is_currency(successor)


def test_no_currency_in_use_has_a_successor() -> None:
    """A district that bills in what it uses every day is never told that it is over."""
    assert not [code for code in _codes_taken() if successor_of(code)]
