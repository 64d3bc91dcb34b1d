"""Rows that a program wrote about the rows: dashes under the header, their number, their total."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ingestd.formats.findings.codes import Code, Finding, Verdict, shorten

# sqlcmd: ----,-----  psql: -----+------  mysql: +----+----+
_DASHES = "-=+ "
# (3 rows affected)   (3 row(s) affected)   (1,234 rows)   3 rows selected.
# 3 rows in set (0.00 sec)   Query OK, 3 rows affected   no rows selected
_COUNT = re.compile(
    r"(?:query ok, ?)?\(?(?:[0-9][0-9,. ]{0,20}|no )\s?(?:rows?|records?)(?:\(s\))?"
    r"(?: [a-z ]{1,40})?\)?(?: \([0-9.]{1,10} [a-z]{1,12}\))?\.?",
    re.IGNORECASE | re.ASCII,
)
# Total   Grand total:   Sub-Totals   *** Report total amount
_TOTAL = re.compile(
    r"\W{0,4}(?:(?:grand|sub|report|overall|file)[ -]?)?(?:totals?|sum)"
    r"(?: (?:of|all|amounts?|charges|fees|payments|rows|records|due)){0,3}\W{0,4}",
    re.IGNORECASE | re.ASCII,
)
_NUMBER = re.compile(r"[^0-9]{0,4}[0-9][0-9.,' ]*[^0-9]{0,4}")
_TEXT_CHARACTERS_MAX = 200

UNDERLINE = "This row of dashes underlines the header, as SQL tools do. Export the file without it."
COUNT = (
    "A SQL tool wrote here how many rows it found. Export the file without this line; no charge or "
    "payment is missing for it."
)
TOTAL = "This row seems to be a total of the others. Leave totals out of the export."


def is_underline(fields: Sequence[str]) -> bool:
    """Tell whether a row has nothing but dashes, in one field or in all of them."""
    if any(field.strip(_DASHES) for field in fields):
        return False
    return any("--" in field or "==" in field for field in fields)


def may_count(text: str) -> bool:
    """Tell whether some row may say how many there are, by a look at all first fields at once."""
    lowered = text.lower()
    return "row" in lowered or "record" in lowered


def is_count(fields: Sequence[str], delimiter: str) -> bool:
    """Tell whether a row says how many rows there are."""
    text = delimiter.join(field[:_TEXT_CHARACTERS_MAX] for field in fields[:4])
    return not any(fields[4:]) and _COUNT.fullmatch(text.strip(f" {delimiter}")) is not None


def noise_in(fields: Sequence[str], delimiter: str) -> str | None:
    """Return what is said of a row that is none, by its words alone; None for any other row."""
    if is_underline(fields):
        return UNDERLINE
    if is_count(fields, delimiter):
        return COUNT
    return TOTAL if _is_total(fields) else None


def noise_in_rejected(
    fields: Sequence[str], delimiter: str, amounts: Collection[int]
) -> str | None:
    """Return the same of a row that is rejected; a total is one that has nothing but amounts, too.

    `amounts` are the positions of columns that hold money.
    """
    filled = {place: text for place, field in enumerate(fields) if (text := field.strip())}
    if filled and set(amounts).issuperset(filled) and all(map(_NUMBER.fullmatch, filled.values())):
        return TOTAL
    return noise_in(fields, delimiter)


def noise_row(message: str, fields: Sequence[str], delimiter: str, row: int, line: int) -> Finding:
    """Return the one finding on such a row."""
    return Finding(
        code=Code.NOISE_ROW,
        verdict=Verdict.ROW,
        message=message,
        row=row,
        line=line,
        value=shorten(delimiter.join(fields)),
    )


def _is_total(fields: Sequence[str]) -> bool:
    """Tell whether a row has a word for a total, and beside it only numbers."""
    filled = [text for field in fields if (text := field.strip())]
    words = [text for text in filled if _TOTAL.fullmatch(text[:_TEXT_CHARACTERS_MAX])]
    return bool(words) and all(text in words or _NUMBER.fullmatch(text) for text in filled)
