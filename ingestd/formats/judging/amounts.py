"""Amounts: ASCII digits with as many decimals as the currency has, and nothing else."""

from __future__ import annotations

import re

from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem

WHOLE_DIGITS_MAX = 10
MONEY_DIGITS_MAX = 10  # money(10,2): ten digits, the decimals among them

_NEGATIVE = re.compile(r"-[0-9]+(?:\.[0-9]+)?")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NUMBER_WORDS = {1: "one decimal", 2: "two decimals", 3: "three decimals"}


def is_complete_amount(text: str, decimals: int) -> bool:
    """Tell whether an amount has all the decimals of its currency, so that no digit can follow.

    Of a currency without decimals nobody can tell.
    """
    fraction = text.partition(".")[2]
    return decimals > 0 and len(fraction) == decimals and _NUMBER.fullmatch(text) is not None


class AmountJudge:
    """Judges amounts of a currency with so many decimals."""

    def __init__(self, decimals: int) -> None:
        fraction = rf"(?:\.([0-9]{{1,{decimals}}}))?" if decimals else "()"
        self._decimals = decimals
        self._pattern = re.compile(rf"([0-9]{{1,{WHOLE_DIGITS_MAX}}}){fraction}")

    def __call__(self, text: str) -> int | Problem[int] | None:
        """Return minor units, None for an empty text, or what is wrong with it."""
        if not text:
            return None
        match = self._pattern.fullmatch(text)
        if match is None:
            return self._problem(text)
        whole, fraction = match.groups(default="")
        return int(whole + fraction.ljust(self._decimals, "0"))

    def _problem(self, text: str) -> Problem[int]:
        if _NEGATIVE.fullmatch(text) and text.strip("-0."):
            return Problem(
                code=Code.AMOUNT_NEGATIVE,
                message="A charge cannot be negative. To give money back, send a refund file "
                "(student_refunds.csv) that names the charge.",
            )
        whole, _, fraction = text.partition(".")
        too_many_digits = len(whole) > WHOLE_DIGITS_MAX and len(fraction) <= self._decimals
        if too_many_digits and _NUMBER.fullmatch(text):
            return Problem(
                code=Code.AMOUNT_TOO_LARGE,
                message=f"Write the amount with at most {WHOLE_DIGITS_MAX} digits before the "
                "decimal point.",
            )
        return Problem(code=Code.AMOUNT_INVALID, message=self._how_to_write())

    def _how_to_write(self) -> str:
        if not self._decimals:
            return "Write the amount as digits without decimals, such as 100."
        words = _NUMBER_WORDS.get(self._decimals, f"{self._decimals} decimals")
        example = "100." + "0" * self._decimals
        return f"Write the amount as digits with up to {words}, such as {example}."


class MoneyJudge:
    """Judges money(10,2) of payment files: ten digits in all, and zero only where it may be."""

    def __init__(self, decimals: int, *, must_be_positive: bool) -> None:
        self._amount = AmountJudge(decimals)
        self._largest = 10**MONEY_DIGITS_MAX - 1
        self._whole_digits = MONEY_DIGITS_MAX - decimals
        self._must_be_positive = must_be_positive

    def __call__(self, text: str) -> int | Problem[int]:
        """Return minor units, or what is wrong with the text."""
        judged = self._amount(text.strip(" "))
        match judged:
            case None:
                return Problem(
                    code=Code.VALUE_MISSING, message="This field is mandatory. Fill in an amount."
                )
            case Problem(code=Code.AMOUNT_NEGATIVE):
                return Problem(
                    code=Code.AMOUNT_NEGATIVE,
                    message="An amount of a payment cannot be negative. A payment that bounced "
                    "is returned by the business office.",
                )
            case Problem():
                return judged
        if judged > self._largest:
            return Problem(
                code=Code.AMOUNT_TOO_LARGE,
                message=f"Write the amount with at most {self._whole_digits} digits before the "
                "decimal point.",
            )
        if self._must_be_positive and judged == 0:
            return Problem(
                code=Code.AMOUNT_NOT_POSITIVE, message="This amount must be more than nothing."
            )
        return judged
