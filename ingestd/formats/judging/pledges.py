"""Pledges of donors: a list of numbers, each with the sum that was promised, where one was."""

from __future__ import annotations

from typing import NamedTuple

from ingestd.formats.fields import LIST_SEPARATOR, Column
from ingestd.formats.findings.codes import Code, shorten
from ingestd.formats.judging.amounts import AmountJudge
from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.texts import DigitsJudge, ListJudge

_SIGN = "="

_NO_SUM: Problem[str] = Problem(
    code=Code.AMOUNT_INVALID,
    message="Write the sum that was promised behind the sign, such as 1007=200.00, or the number "
    "alone.",
)
_NO_NUMBER: Problem[str] = Problem(
    code=Code.NUMBER_INVALID,
    message="Write the number of the pledge before its sum, such as 1007=200.00.",
)
_NOTHING: Problem[str] = Problem(
    code=Code.AMOUNT_NOT_POSITIVE,
    message="What is promised is more than nothing. Correct the sum, or write the number alone.",
)


class Pledge(NamedTuple):
    """A pledge's number, and what was promised in minor units, or None where no sum was."""

    number: str
    promised: int | None


class PledgesJudge:
    """Judges the pledges of one column, in a currency with so many decimals."""

    def __init__(self, column: Column, decimals: int) -> None:
        self._number = DigitsJudge(column)
        self._amount = AmountJudge(decimals)
        self._list = ListJudge(self._judge_one)

    def __call__(self, text: str) -> str | Problem[str]:
        """Return the clean list, its sums in minor units, or what is wrong with it.

        A pledge stands in it once: of two sums nobody knows which was promised.
        """
        listed = self._list(text)
        if isinstance(listed, Problem):
            return listed
        numbers: set[str] = set()
        for pledge in map(read_pledge, listed.split(LIST_SEPARATOR)):
            if pledge.number in numbers:
                return Problem(
                    code=Code.KEY_REPEATED,
                    message=f"“{shorten(pledge.number)}” stands here twice, and once with another "
                    "sum. Keep one of the two.",
                )
            numbers.add(pledge.number)
        return listed

    def _judge_one(self, text: str) -> str | Problem[str]:
        number, sign, written = text.partition(_SIGN)
        if not number:
            return _NO_NUMBER
        judged = self._number(number)
        if isinstance(judged, Problem) or not sign:
            return judged
        promised = self._amount(written.strip(" "))
        match promised:
            case None:
                return _NO_SUM
            case Problem(code=Code.AMOUNT_NEGATIVE) | 0:
                return _NOTHING
            case Problem():
                return Problem(code=promised.code, message=promised.message)
        return f"{judged}{_SIGN}{promised}"


def read_pledge(clean: str) -> Pledge:
    """Return a pledge as a clean list has it."""
    number, _, promised = clean.partition(_SIGN)
    return Pledge(number, int(promised) if promised else None)
