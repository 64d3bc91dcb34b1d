"""Mutants that no test notices, and why that is so of those that have a name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.mutants.results import NOTICED, UNTRIED, Mutant

NAMED_IN = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """An entry of `survivors.toml`: what is changed, where, and why no test can or need notice.

    `where` are patterns of functions' full names; one of them is to fit.
    """

    where: tuple[str, ...]
    change: str
    why: str

    def fits(self, mutant: Mutant, change: str) -> bool:
        """Tell whether this says why of a mutant."""
        is_there = any(fnmatchcase(mutant.function, pattern) for pattern in self.where)
        return is_there and re.search(self.change, change, re.MULTILINE) is not None

    def __str__(self) -> str:
        return f"{' | '.join(self.where)}: {self.change}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A mutant that no test noticed; `why` is None while nobody has said why."""

    mutant: Mutant
    change: str
    why: Name | None

    def __str__(self) -> str:
        why = self.why.why if self.why else "nobody has said why"
        return f"{self.mutant.name} ({self.mutant.status}): {why}\n{self.change}\n"

    @staticmethod
    def unused(survivors: Iterable[Survivor]) -> list[Name]:
        """Return the names that fit nothing that survived."""
        used = {survivor.why for survivor in survivors}
        return [name for name in read_names() if name not in used]


def read_names() -> list[Name]:
    """Return the entries of `survivors.toml`, in their order."""
    written = tomllib.loads(NAMED_IN.read_text(encoding="utf-8"))
    return [_name(**entry) for entry in written["survivor"]]


def _name(*, where: str | list[str], change: str, why: str) -> Name:
    patterns = (where,) if isinstance(where, str) else tuple(where)
    return Name(where=patterns, change=change, why=why)


def told_of(mutants: Iterable[Mutant]) -> Sequence[Survivor]:
    """Return what survived, with the first name that fits each; less what was not tried."""
    names = read_names()
    survivors = []
    for mutant in mutants:
        if mutant.status in NOTICED or mutant.status == UNTRIED:
            continue
        change = mutant.change()
        why = next((name for name in names if name.fits(mutant, change)), None)
        survivors.append(Survivor(mutant=mutant, change=change, why=why))
    return survivors
