"""The guide of a business office, followed from an empty folder: what it shows is what is seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import free_port_fixture, need
from tests.integration.office.guide import COLUMNS, Reader, Saved, Shown, Typed, read_guide

__all__ = ["free_port_fixture"]

# What no two readers see alike: ids of uploads and those made of them, instants, hashes. Where the
# page shows one for the first time the reader sees another; from then on the one stands for the
# other, in what is typed, too.
VOLATILE = re.compile(r"\b[0-9A-Z]{26}\b|\b[0-9a-f]{64}\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z")
# The day on which the page was written; each reader has another one.
TODAY, ANY_DAY = re.escape(" as of 2025-06-12:"), r" as of \d{4}-\d\d-\d\d:"
# What the page says it leaves out, where it does not show it: that a terminal is narrow, and what
# stands under every report.
LEFT_OUT = re.compile(
    r"^Not shown at this width: .*\n|^identities .*\n(?:· .*\n)*|^ledger head .*\n", re.MULTILINE
)
# In a line: whatever stands there; alone: any lines.
ANYTHING = "…"


class Eyes:
    """Compares what the page shows with what the terminal does."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def read(self, command: str) -> str:
        """Return a command of the page as its reader types it."""
        return VOLATILE.sub(lambda told: self._seen.get(told[0], told[0]), command)

    def compare(self, typed: Typed, shown: Shown) -> None:
        """Fail where the terminal shows something else; where the page shows nothing, if it failed.

        A line that the page shows is one of the terminal's, letter by letter.
        """
        assert "≠" not in shown.text
        if not typed.told:
            assert shown.exit_code == 0, f"{typed.command}\n{shown.text}"
            return
        text = shown.text
        if not any(LEFT_OUT.match(f"{line}\n") for line in typed.told):
            text = LEFT_OUT.sub("", text)
        page = "\n".join(typed.told)
        news = [told for told in VOLATILE.findall(page) if told not in self._seen]
        found = re.fullmatch(self._pattern(typed.told), text.rstrip("\n") + "\n")
        assert found, f"{typed.command}\n\nthe page:\n{page}\n\nthe terminal:\n{text}"
        for told, seen in zip(news, found.groups(), strict=True):
            assert self._seen.setdefault(told, seen) == seen

    def _pattern(self, told: list[str]) -> str:
        return "".join(
            r"(?:.*\n)*" if line == ANYTHING else f"{self._pattern_of(line)}\n" for line in told
        )

    def _pattern_of(self, line: str) -> str:
        pattern, at = "", 0
        for told in VOLATILE.finditer(line):
            seen = self._seen.get(told[0])
            pattern += _literal(line[at : told.start()])
            pattern += f"({VOLATILE.pattern})" if seen is None else re.escape(seen)
            at = told.end()
        return pattern + _literal(line[at:])


def _literal(text: str) -> str:
    return ".*".join(map(re.escape, text.split(ANYTHING))).replace(TODAY, ANY_DAY)


@pytest.fixture
def reader(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    """A reader of the guide, who has typed nothing yet."""
    for program in ("bash", "scp", "ssh-keygen"):
        need(program)
    ports = {"2222": str(free_port()), "8080": str(free_port())}
    reader = Reader(tmp_path, ports, monkeypatch)
    yield reader
    reader.leave()


def test_the_guide_shows_what_its_reader_sees(reader: Reader) -> None:
    """An office that follows it from an empty folder finds every figure on its own screen."""
    eyes = Eyes()
    for step in read_guide():
        if isinstance(step, Saved):
            reader.save(step)
        else:
            eyes.compare(step, reader.type(eyes.read(step.command)))


def test_the_guide_is_read() -> None:
    """The test above is no test if it finds nothing to type, or nothing to compare."""
    steps = read_guide()
    typed = [step for step in steps if isinstance(step, Typed)]
    assert len(typed) > 60
    assert len(steps) - len(typed) > 9
    assert sum(len(step.told) for step in typed) > 150
    commands = " ".join(step.command for step in typed)
    for word in ("collections", "arrears", "statement", "tax", "revenue", "changes", "pledges"):
        assert f"ingestd report {word} " in commands
    for word in ("refund", "void", "write-off", "transfers add", "payouts add", "ledger close"):
        assert f" {word} " in commands


def test_a_wrong_figure_would_be_found() -> None:
    """Nor is it one if anything passes it."""
    told = ["day         amount", "2025-05-04    7.00", ANYTHING, "in all …"]
    good = "day         amount\n2025-05-04    7.00\n\nin all 7.00\nledger head 0\n"
    Eyes().compare(Typed(command="c", told=told), Shown(text=good, exit_code=0))
    for wrong in (good.replace("7.00\n\n", "8.00\n\n"), good + "more\n", f"before\n{good}"):
        with pytest.raises(AssertionError):
            Eyes().compare(Typed(command="c", told=told), Shown(text=wrong, exit_code=0))
    with pytest.raises(AssertionError):
        Eyes().compare(Typed(command="c"), Shown(text="refused", exit_code=1))


def test_the_guide_fits_a_terminal() -> None:
    """What is typed and shown stands on one line each of the terminal that most people have."""
    for step in read_guide():
        if isinstance(step, Typed):
            for line in (*f"$ {step.command}".splitlines(), *step.told):
                assert len(line) <= COLUMNS, line
