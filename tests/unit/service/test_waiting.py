"""A start that waits takes up a mended config only when it is saved whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.console.app import make_console
from ingestd.service.daemon import waiting
from ingestd.service.daemon.reload import QUIET_SECONDS, SAVE_SECONDS_MAX, STEP_SECONDS
from ingestd.values.errors import UsageError

SOUND = 'everyone = []\ndeny = ["203.0.113.0/24"]\n\n[accounts]\nSPRINGFIELD = ["192.0.2.0/24"]\n'


class Clock:
    """A clock that only sleeping moves on; what is to be written by then is written."""

    def __init__(self, path: Path, writes: Sequence[tuple[float, str]]) -> None:
        self.now = 0.0
        self._path = path
        self._writes = sorted(writes, key=lambda write: write[0])

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self._writes and self._writes[0][0] <= self.now:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(self._writes.pop(0)[1])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return where a config is whose allowlist was saved empty."""
    path = tmp_path / "ingestd.toml"
    path.write_text("")
    (tmp_path / "allowlist.toml").write_text("")
    return path


def starts(
    config: Path, monkeypatch: pytest.MonkeyPatch, writes: Sequence[tuple[float, str]]
) -> list[tuple[float, str]]:
    """Return when a start was tried until all was written, and what the allowlist was then."""
    allowlist = config.parent / "allowlist.toml"
    allowlist.write_text("")
    clock = Clock(allowlist, writes)
    whole = "".join(content for _, content in writes)
    tried: list[tuple[float, str]] = []

    def serve(_path: Path, _console: object) -> int:
        tried.append((clock.now, allowlist.read_text()))
        if tried[-1][1] != whole:
            raise UsageError("The allowlist lacks its keys.")
        return 0

    monkeypatch.setattr(waiting, "serve", serve)
    monkeypatch.setattr(
        waiting, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep)
    )
    assert waiting.serve_when_sound(config, make_console) == 0
    return tried


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.floats(0.1, 20),
    gaps=st.lists(st.floats(0.01, QUIET_SECONDS - STEP_SECONDS), max_size=6),
)
def test_only_a_whole_save_is_taken_up(
    config: Path, monkeypatch: pytest.MonkeyPatch, first: float, gaps: list[float]
) -> None:
    """Half an allowlist has `everyone` and not yet `deny`: nothing starts with it."""
    lines = SOUND.splitlines(keepends=True)[: len(gaps) + 1]
    moments = [first + sum(gaps[:place]) for place in range(len(lines))]
    writes = list(zip(moments, lines, strict=True))
    (_, before), (when, taken_up) = starts(config, monkeypatch, writes)
    assert before == ""
    assert taken_up == "".join(lines)
    assert when - moments[-1] >= QUIET_SECONDS - STEP_SECONDS
    assert when - moments[-1] <= 2 * QUIET_SECONDS + STEP_SECONDS


def test_a_file_that_changes_all_the_time_is_looked_at_in_the_end(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's sync that writes for ever must not keep the daemon from starting for ever."""
    writes = [(1 + number * QUIET_SECONDS, f"# {number}\n") for number in range(25)]
    tried = starts(config, monkeypatch, writes)
    assert tried[1][0] == pytest.approx(1 + SAVE_SECONDS_MAX, abs=2 * QUIET_SECONDS)
    assert tried[-1][1].endswith("# 24\n")
