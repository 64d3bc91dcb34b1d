"""Money, instants and identifiers as values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.values.clock import (
    day_in,
    format_instant,
    format_second,
    from_microseconds,
    to_microseconds,
)
from ingestd.values.errors import (
    EXIT_USAGE,
    EXIT_WORLD,
    ConfigError,
    Mistake,
    NoSpaceError,
    UsageError,
)
from ingestd.values.identifiers import UPLOAD_ID_PATTERN, new_upload_id
from ingestd.values.money import decimals_of, format_amount, is_currency

instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(cents=st.integers(-(2**63), 2**63), decimals=st.integers(0, 3))
def test_an_amount_reads_back_as_exactly_what_was_written(cents: int, decimals: int) -> None:
    """Not a cent is lost between the ledger and a receipt."""
    text = format_amount(cents, decimals)
    assert Decimal(text).scaleb(decimals) == cents
    assert len(text.partition(".")[2]) == decimals


@pytest.mark.parametrize(
    ("cents", "decimals", "text"),
    [(3150, 2, "31.50"), (-5, 2, "-0.05"), (0, 2, "0.00"), (-7, 0, "-7"), (1, 3, "0.001")],
)
def test_amounts_are_written_as_people_write_them(cents: int, decimals: int, text: str) -> None:
    """A receipt never says `-.5` or `0.050`."""
    assert format_amount(cents, decimals) == text


@pytest.mark.parametrize(("code", "decimals"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("EUR", 2)])
def test_a_currency_has_its_own_decimals(code: str, decimals: int) -> None:
    """Yen have none and dinars three."""
    assert is_currency(code)
    assert decimals_of(code) == decimals


@pytest.mark.parametrize("code", ["", "usd", "XXX", "DEM", "US"])
def test_what_is_no_currency_is_not_taken_for_one(code: str) -> None:
    """A typing mistake in the config is told at the start."""
    assert not is_currency(code)


@given(instant=instants)
def test_an_instant_reads_back_to_the_microsecond(instant: datetime) -> None:
    """The database keeps instants as whole numbers and loses nothing."""
    assert from_microseconds(to_microseconds(instant)) == instant
    assert datetime.fromisoformat(format_instant(instant)) == instant


def test_instants_are_written_in_utc_with_z() -> None:
    """Every time in a receipt means the same everywhere."""
    chicago = datetime(2026, 3, 2, 12, 0, 1, 500, tzinfo=timezone(timedelta(hours=-6)))
    assert format_instant(chicago) == "2026-03-02T18:00:01.000500Z"
    assert format_second(chicago) == "2026-03-02T18:00:01Z"


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-03-08T05:59:59+00:00", 7),
        ("2026-03-08T06:00:00+00:00", 8),
        ("2026-03-09T04:59:59+00:00", 8),
    ],
)
def test_a_day_is_the_accounts_day(instant: str, day: int) -> None:
    """On the day the clocks change, too, which has 23 hours."""
    zone = ZoneInfo("America/Chicago")
    assert day_in(zone, datetime.fromisoformat(instant)) == date(2026, 3, day)


def test_upload_identifiers_are_ulids_and_never_the_same() -> None:
    """Receipts of any node can lie in one folder."""
    made = {new_upload_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(UPLOAD_ID_PATTERN.fullmatch(each) for each in made)


def test_errors_carry_their_exit_code_and_their_mistakes() -> None:
    """Scripts tell a wrong command from a broken world."""
    mistakes = (
        Mistake(
            where="accounts.toml", line=3, key="timezone", message="is unknown.", remedy="Fix."
        ),
        Mistake(where="INGESTD_X", line=None, key="", message="is unknown."),
    )
    error = ConfigError(mistakes)
    assert error.message == "accounts.toml:3: timezone: is unknown. Fix.\nINGESTD_X: is unknown."
    assert (error.exit_code, UsageError.exit_code, NoSpaceError.exit_code) == (
        EXIT_USAGE,
        EXIT_USAGE,
        EXIT_WORLD,
    )
