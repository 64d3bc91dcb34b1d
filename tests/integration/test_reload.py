"""The config folder under a running daemon: real files, real file events."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from ingestd.access.accounts import Access
from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.settings import Settings
from ingestd.service.daemon.reload import (
    POLL_SECONDS,
    QUIET_SECONDS,
    SAVE_SECONDS_MAX,
    STEP_SECONDS,
    ConfigWatch,
)
from ingestd.service.in_force.access_look import look_at_start
from ingestd.service.in_force.config_check import check_config, require
from ingestd.service.in_force.last_good import LastGood
from ingestd.service.in_force.need import Need
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import AccountId

DEADLINE_SECONDS = 10
HOME = ip_address("10.0.0.1")
ACCOUNT = '[A]\nname = "A District"\ntimezone = "America/Chicago"\n'
NOBODY = "everyone = []\ndeny = []\n[accounts]\n"
ADMITS_HOME = NOBODY.replace("[]", '["10.0.0.1"]', 1)


class Daemon:
    """A watch that runs, what it keeps, and what it has logged."""

    def __init__(self, folder: Path, logged: list[EventDict]) -> None:
        self.folder = folder
        self.logged = logged
        self.settings: list[Settings] = []
        self.last_good = LastGood(folder.parent / "data")
        look = look_at_start(folder / "ingestd.toml", self.last_good.read())
        require(look, Need.SERVING)
        self.keeper = AccessKeeper(look.access)
        self.metrics = Metrics()
        self.watch = ConfigWatch(
            config_path=folder / "ingestd.toml",
            keeper=self.keeper,
            good=look.good,
            last_good=self.last_good,
            metrics=self.metrics,
            on_settings=self.settings.append,
        )

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def admits_home(self) -> bool:
        return self.keeper.current.allowlist.admits(HOME)

    def events(self, event: Event) -> list[EventDict]:
        return [line for line in self.logged if line["event"] == event]

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Block until a condition holds; fail when it still does not at the deadline."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():  # noqa: ASYNC110 - the condition has no event of its own
                await asyncio.sleep(0.01)

    async def wait_for(self, event: Event, count: int = 1) -> EventDict:
        await self.wait_until(lambda: len(self.events(event)) >= count)
        return self.events(event)[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = tmp_path / "config"
    config.mkdir()
    (config / "ingestd.toml").write_text("#\n")
    (config / "accounts.toml").write_text(ACCOUNT)
    (config / "allowlist.toml").write_text(NOBODY)
    return config


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def daemon(folder: Path, logged: list[EventDict]) -> AsyncIterator[Daemon]:
    daemon = Daemon(folder, logged)
    running = asyncio.create_task(daemon.watch.run())
    await daemon.wait_for(Event.ALLOWLIST_LOADED)
    await daemon.wait_for(Event.ACCOUNTS_LOADED)
    yield daemon
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_saved_address_is_admitted_at_once(daemon: Daemon) -> None:
    """A district on the phone can connect as soon as its address is saved."""
    daemon.save("allowlist.toml", ADMITS_HOME)
    await daemon.wait_until(daemon.admits_home)
    line = await daemon.wait_for(Event.ALLOWLIST_LOADED, 2)
    assert (line["networks"], len(line["sha256"])) == (1, 64)
    assert not daemon.events(Event.ALLOWLIST_REJECTED)


async def test_a_saved_mistake_changes_nothing_and_is_told_once(daemon: Daemon) -> None:
    """A slip of the pen neither locks districts out nor lets strangers in."""
    daemon.save("allowlist.toml", ADMITS_HOME)
    await daemon.wait_until(daemon.admits_home)
    daemon.save("allowlist.toml", ADMITS_HOME.replace('"10.0.0.1"', '"10.0.0.1/8", "x"'))
    line = await daemon.wait_for(Event.ALLOWLIST_REJECTED)
    assert line["log_level"] == "error"
    assert len(line["mistakes"]) == 2
    assert "10.0.0.0/8" in line["mistakes"][0]
    assert daemon.admits_home()

    (daemon.folder / "allowlist.toml").touch()
    daemon.save("accounts.toml", ACCOUNT + "# looked at again\n")
    await daemon.wait_for(Event.ACCOUNTS_LOADED, 2)
    assert len(daemon.events(Event.ALLOWLIST_REJECTED)) == 1


async def test_a_mended_file_is_told_even_when_it_is_the_old_one(daemon: Daemon) -> None:
    """Whoever undoes a mistake sees that it is undone."""
    daemon.save("allowlist.toml", "everyone = 1\n")
    await daemon.wait_for(Event.ALLOWLIST_REJECTED)
    daemon.save("allowlist.toml", NOBODY)
    await daemon.wait_for(Event.ALLOWLIST_LOADED, 2)


@pytest.mark.parametrize("content", [None, ""])
async def test_an_emptied_or_vanished_file_closes_nothing(
    daemon: Daemon, content: str | None
) -> None:
    """An accident with the file is told, and the last good list stays in force."""
    daemon.save("allowlist.toml", ADMITS_HOME)
    await daemon.wait_until(daemon.admits_home)
    if content is None:
        (daemon.folder / "allowlist.toml").unlink()
    else:
        daemon.save("allowlist.toml", content)
    await daemon.wait_for(Event.ALLOWLIST_REJECTED)
    assert daemon.admits_home()


async def test_an_editor_that_saves_in_two_steps_causes_no_complaint(daemon: Daemon) -> None:
    """Empty first, written a moment later: that is how some editors save."""
    for save in range(1, 4):
        daemon.save("allowlist.toml", "")
        await asyncio.sleep(0)
        daemon.save("allowlist.toml", ADMITS_HOME + f"# {save}\n")
        await daemon.wait_for(Event.ALLOWLIST_LOADED, save + 1)
    assert not daemon.events(Event.ALLOWLIST_REJECTED)


async def test_a_file_put_in_place_by_renaming_applies(daemon: Daemon) -> None:
    """Careful editors and deployments write beside the file and rename."""
    daemon.save("allowlist.toml.new", ADMITS_HOME)
    (daemon.folder / "allowlist.toml.new").rename(daemon.folder / "allowlist.toml")
    await daemon.wait_until(daemon.admits_home)


async def test_a_replaced_folder_applies_and_is_watched_on(daemon: Daemon, tmp_path: Path) -> None:
    """A deployment swaps the whole folder; file events of the old one say nothing more."""
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    for name in ("ingestd.toml", "accounts.toml"):
        (swapped / name).write_bytes((daemon.folder / name).read_bytes())
    (swapped / "allowlist.toml").write_text(ADMITS_HOME)
    daemon.folder.rename(tmp_path / "former")
    swapped.rename(daemon.folder)
    await daemon.wait_until(daemon.admits_home)
    daemon.save("allowlist.toml", NOBODY)
    await daemon.wait_until(lambda: not daemon.admits_home())


async def test_a_file_behind_a_link_applies(daemon: Daemon, tmp_path: Path) -> None:
    """Kubernetes mounts config files as links into a folder that it swaps."""
    (tmp_path / "one.toml").write_text(NOBODY + "# one\n")
    (tmp_path / "two.toml").write_text(ADMITS_HOME)
    (tmp_path / "link").symlink_to("one.toml")
    (daemon.folder / "allowlist.toml").unlink()
    (daemon.folder / "allowlist.toml").symlink_to(tmp_path / "link")
    await daemon.wait_for(Event.ALLOWLIST_LOADED, 2)
    (tmp_path / "new").symlink_to("two.toml")
    (tmp_path / "new").rename(tmp_path / "link")
    await daemon.wait_until(daemon.admits_home)


async def test_one_good_file_applies_while_the_other_is_bad(daemon: Daemon) -> None:
    """A new district is not kept waiting by a slip in the other file."""
    daemon.save("allowlist.toml", "everyone = 1\n")
    daemon.save("accounts.toml", ACCOUNT + ACCOUNT.replace("A]", "B]"))
    await daemon.wait_until(lambda: "B" in daemon.keeper.current.accounts)
    daemon.save("accounts.toml", "[A]\n")
    await daemon.wait_for(Event.ACCOUNTS_REJECTED)
    daemon.save("allowlist.toml", NOBODY + 'B = ["10.0.0.1"]\n')
    await daemon.wait_until(lambda: daemon.keeper.current.allowlist.admits(HOME, AccountId("B")))


@pytest.mark.parametrize("other", ["good", "bad"])
async def test_an_account_that_is_taken_out_is_out_whatever_the_allowlist_says(
    daemon: Daemon, other: str
) -> None:
    """Revoking waits for nobody: not for the other file's stale line, and not for its mistakes."""
    daemon.save("allowlist.toml", NOBODY + 'A = ["10.0.0.1"]\n')
    await daemon.wait_until(daemon.admits_home)
    if other == "bad":
        daemon.save("allowlist.toml", "everyone = 1\n")
        await daemon.wait_for(Event.ALLOWLIST_REJECTED)
    daemon.save("accounts.toml", "# none\n")
    await daemon.wait_until(lambda: not daemon.keeper.current.accounts)
    if other == "good":
        await daemon.wait_until(lambda: "warnings" in daemon.events(Event.ALLOWLIST_LOADED)[-1])
        told = daemon.events(Event.ALLOWLIST_LOADED)[-1]
        assert told["log_level"] == "warning"
        assert "A" in told["warnings"][0]
        assert not daemon.events(Event.ALLOWLIST_REJECTED)


async def test_a_save_in_two_steps_applies_as_one(daemon: Daemon) -> None:
    """As long as something is written, nothing of it counts: a pair is saved one by one, too."""
    heard: list[Access] = []
    daemon.keeper.on_change(heard.append)
    before = len(daemon.events(Event.ALLOWLIST_LOADED))
    text = NOBODY + 'A = ["10.0.0.1"]\nB = ["10.0.0.2"]\n'
    daemon.save("allowlist.toml", "")
    with (daemon.folder / "allowlist.toml").open("a") as file:
        for line in text.splitlines(keepends=True):
            file.write(line)
            file.flush()
            await asyncio.sleep(0)
    daemon.save("accounts.toml", ACCOUNT + ACCOUNT.replace("A]", "B]"))
    await daemon.wait_until(lambda: "B" in daemon.keeper.current.accounts)
    assert len(daemon.events(Event.ALLOWLIST_LOADED)) == before + 1
    assert not daemon.events(Event.ALLOWLIST_REJECTED)
    assert len(heard) == 1


async def test_a_file_that_is_written_all_the_time_is_looked_at_all_the_same(
    daemon: Daemon,
) -> None:
    """A script gone wild cannot keep an admin's change out for ever."""
    stop = asyncio.Event()

    async def write_on() -> None:
        while not stop.is_set():
            daemon.save("accounts.toml", ACCOUNT)
            await asyncio.sleep(QUIET_SECONDS / 5)

    writing = asyncio.create_task(write_on())
    daemon.save("allowlist.toml", ADMITS_HOME)
    try:
        async with asyncio.timeout(SAVE_SECONDS_MAX + 2 * DEADLINE_SECONDS):
            while not daemon.admits_home():  # noqa: ASYNC110 - as in wait_until, but longer
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await writing


async def test_a_mistake_is_pending_until_it_is_mended(daemon: Daemon) -> None:
    """Monitoring sees that a saved file is not in force, though everything works."""

    def gauge() -> float | None:
        return daemon.metrics.registry.get_sample_value(
            "ingestd_config_pending", {"file": "allowlist.toml"}
        )

    daemon.save("allowlist.toml", "everyone = 1\n")
    await daemon.wait_until(lambda: daemon.watch.pending == ("allowlist.toml",))
    assert gauge() == 1
    daemon.save("allowlist.toml", NOBODY)
    await daemon.wait_until(lambda: not daemon.watch.pending)
    assert gauge() == 0


async def test_what_is_in_force_is_kept_for_the_next_start(daemon: Daemon) -> None:
    """The copies hold keys and password hashes: they are the daemon's alone."""
    daemon.save("allowlist.toml", ADMITS_HOME)
    copy = daemon.folder.parent / "data" / "last_good" / "allowlist.toml"
    await daemon.wait_until(lambda: copy.exists() and copy.read_text() == ADMITS_HOME)
    assert daemon.admits_home()
    assert daemon.last_good.read().names == {"A"}
    copies = [*(daemon.folder.parent / "data" / "last_good").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in copies} == {0o600}
    assert (daemon.folder.parent / "data" / "last_good").stat().st_mode & 0o777 == 0o700


def test_a_saved_change_applies_within_the_time_that_is_promised() -> None:
    """Two seconds: a poll that noticed it late, the quiet time, and how exactly both are known."""
    assert POLL_SECONDS + QUIET_SECONDS + 3 * STEP_SECONDS < 2
    assert SAVE_SECONDS_MAX == 5


async def test_listeners_hear_only_of_changes(daemon: Daemon) -> None:
    """Sessions are looked through when access changes, not when a comment does."""
    heard: list[Access] = []
    daemon.keeper.on_change(heard.append)
    daemon.save("accounts.toml", "# comment\n" + ACCOUNT)
    await daemon.wait_for(Event.ACCOUNTS_LOADED, 2)
    assert heard == []
    daemon.save("allowlist.toml", ADMITS_HOME)
    await daemon.wait_until(daemon.admits_home)
    assert heard == [daemon.keeper.current]


async def test_what_changed_between_loading_and_watching_applies(
    folder: Path, logged: list[EventDict]
) -> None:
    """No moment of the start is blind."""
    daemon = Daemon(folder, logged)
    stamp = (folder / "allowlist.toml").stat().st_mtime_ns
    daemon.save("allowlist.toml", ADMITS_HOME)
    os.utime(folder / "allowlist.toml", ns=(stamp, stamp))
    running = asyncio.create_task(daemon.watch.run())
    await daemon.wait_until(daemon.admits_home)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_reloading_now_reads_all_three_files(
    folder: Path, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGHUP answers at once, and says of each mistake where it is."""
    for name in [name for name in os.environ if name.startswith("INGESTD_")]:
        monkeypatch.delenv(name)
    daemon = Daemon(folder, logged)
    daemon.save("allowlist.toml", ADMITS_HOME)
    daemon.save("ingestd.toml", '[log]\nlevel = "debug"\n')
    assert await daemon.watch.reload_now()
    assert daemon.admits_home()
    assert [settings.log.level for settings in daemon.settings] == ["debug"]
    assert daemon.events(Event.CONFIG_LOADED)

    daemon.save("ingestd.toml", "x = 1\n")
    daemon.save("allowlist.toml", NOBODY.replace("[accounts]", "y = 1"))
    assert not await daemon.watch.reload_now()
    (rejected,) = daemon.events(Event.CONFIG_REJECTED)
    assert len(rejected["mistakes"]) == 2
    assert daemon.admits_home()
    assert len(daemon.settings) == 1


def test_a_first_start_with_mistakes_names_those_of_every_file(folder: Path) -> None:
    """Nothing was ever in force: every mistake is told, and the start refused."""
    for name in ("ingestd.toml", "accounts.toml", "allowlist.toml"):
        (folder / name).write_text("x = 1\n")
    mistakes, look = check_config(folder / "ingestd.toml", {})
    assert len(mistakes) == 3
    with pytest.raises(ConfigError) as caught:
        require(look, Need.SERVING)
    assert len(caught.value.mistakes) == 2
