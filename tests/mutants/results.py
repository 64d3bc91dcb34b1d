"""What mutmut left of a run: every mutant, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

FOLDER = Path("mutants")

# Tests that do not end are noticed, too, by whoever waits for them.
NOTICED = frozenset({"killed", "timeout"})
UNTRIED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One small change: mutmut's name of it, where it is made, and what became of it."""

    name: str
    path: Path
    status: str

    @property
    def module(self) -> str:
        """The module in which it is made."""
        return ".".join(self.path.with_suffix("").parts)

    @property
    def function(self) -> str:
        """The function in which it is made, by its full name."""
        function, class_name = orig_function_and_class_names_from_key(self.name)
        return ".".join(filter(None, (self.module, class_name, function)))

    def change(self) -> str:
        """Return the lines that the change takes away and puts in their place."""
        lines = get_diff_for_mutant(self.name, path=self.path).splitlines()
        return "\n".join(
            line for line in lines if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}
        )


def read_mutants() -> Iterator[Mutant]:
    """Yield the mutants of the last run, module by module."""
    for path in sorted(walk_mutatable_files()):
        mutation = SourceFileMutationData(path=path)
        mutation.load()
        for name, exit_code in mutation.exit_code_by_key.items():
            yield Mutant(name=name, path=path, status=status_by_exit_code[exit_code])


def write_verdicts(exit_codes: Mapping[str, int]) -> None:
    """Note what became of mutants, by name."""
    for path in walk_mutatable_files():
        mutation = SourceFileMutationData(path=path)
        mutation.load()
        mutation.exit_code_by_key |= {
            name: exit_codes[name] for name in mutation.exit_code_by_key if name in exit_codes
        }
        mutation.save()
