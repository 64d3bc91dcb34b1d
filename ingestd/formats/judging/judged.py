"""Judging the texts of a column: a clean value or a problem for each, remembered where it pays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ingestd.formats.findings.codes import Code, Verdict

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

REMEMBERED_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Generic[T_co]):
    """What is wrong with one text; a warning comes with the value that is taken all the same."""

    code: Code
    message: str
    verdict: Verdict = Verdict.ROW
    clean: T_co | None = None


class Judgements(dict[str, T | None]):
    """A column's texts and what they mean, so that a text met again costs one lookup.

    Only clean values are remembered, `REMEMBERED_MAX` at most. `has_problems` says that a
    text judged since it was last set to False has a problem.
    """

    def __init__(self, judge: Callable[[str], T | Problem[T] | None]) -> None:
        super().__init__()
        self.has_problems = False
        self._judge = judge

    def __missing__(self, text: str) -> T | Problem[T] | None:
        """Judge a text that is not remembered."""
        judged = self._judge(text)
        if isinstance(judged, Problem):
            self.has_problems = True
        elif len(self) < REMEMBERED_MAX:
            self[text] = judged
        return judged

    def of(self, texts: Iterable[str]) -> list[T | Problem[T] | None]:
        """Return the meaning of each text, in order."""
        return list(map(self.__getitem__, texts))
