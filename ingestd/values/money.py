"""Money: whole minor units (cents) and their decimal text. Never a float."""

from __future__ import annotations

# The list stands here, and not in a package that an installation may upgrade by itself: stored
# amounts are whole minor units, so that another number of decimals would move every point in
# the books. A test holds it to a list that is kept.
_DECIMALS_NOT_TWO = dict.fromkeys(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0
) | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)

_CODES = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
    MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
    UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG""".split()
)

# What left ISO 4217 since 2011, and what took its place: an old list or habit may name it.
_SUCCESSORS = dict.fromkeys("BGN EEK HRK LTL LVL".split(), "EUR") | dict(
    zip(
        "ANG BYR CUC MRO SLL STD VEF ZWL".split(),
        "XCG BYN CUP MRU SLE STN VES ZWG".split(),
        strict=True,
    )
)


def is_currency(code: str) -> bool:
    """Tell whether a code is an active ISO 4217 currency; funds, metals and tests are none."""
    return code in _CODES


def successor_of(code: str) -> str | None:
    """Return the currency that took the place of one which has left ISO 4217."""
    return _SUCCESSORS.get(code)


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency's amounts are written with (ISO 4217 minor unit)."""
    return _DECIMALS_NOT_TWO.get(currency, 2)


def format_amount(minor_units: int, decimals: int = 2) -> str:
    """Write minor units as a decimal string: 3150 → `31.50`, -5 → `-0.05`."""
    sign = "-" if minor_units < 0 else ""
    if decimals == 0:
        return f"{sign}{abs(minor_units)}"
    whole, fraction = divmod(abs(minor_units), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}"
