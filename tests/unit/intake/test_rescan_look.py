"""The rescan: what is ready, what waits, what is left alone. Real folders, a clock of our own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingestd.intake.looking.rescan import Rescan
from ingestd.intake.work.upkeep import Upkeep
from ingestd.spool.folders import Folders
from ingestd.telemetry.events import Event
from ingestd.values.identifiers import AccountId

A = AccountId("A")
NAME = "student_billing.csv"


class HandClock:
    """A clock that stands still until it is moved; it starts at the real time, as files do.

    The system dates every change of a file by its own clock: `files_change_now` says that what
    changes from here on happens at this clock's time.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._of_files = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds - self._of_files)

    def files_change_now(self) -> None:
        self._of_files = self.seconds

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders(tmp_path)
    folders.create_for(A)
    return folders


@pytest.fixture
def rescan(folders: Folders, clock: HandClock) -> Rescan:
    return Rescan(
        folders=folders,
        clock=clock,
        settle_seconds=2.0,
        temporary_seconds=24 * 3600.0,
        temporary_max=3,
    )


def put(folders: Folders, name: str = NAME, content: bytes = b"x") -> Path:
    path = folders.incoming(A) / name
    path.write_bytes(content)
    return path


def test_a_file_is_ready_when_it_has_been_quiet_for_long_enough(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """A file that is still being copied in by hand is not read half."""
    put(folders)
    first = rescan.look(A, takes_catalogs=False)
    assert first.ready == ()
    assert first.next_look_seconds == pytest.approx(2.0, abs=0.4)
    clock.seconds = 1.0
    assert rescan.look(A, takes_catalogs=False).next_look_seconds == pytest.approx(1.0, abs=0.4)
    clock.seconds = 2.0
    found = rescan.look(A, takes_catalogs=False)
    assert (found.ready, found.next_look_seconds) == ((NAME,), None)


def test_an_event_that_comes_late_costs_no_time(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """A file's quiet time begins when it was placed, not when somebody was told of it."""
    put(folders)
    clock.seconds = 0.5
    assert rescan.look(A, takes_catalogs=False).next_look_seconds == pytest.approx(1.5)
    clock.seconds = 2.0
    assert rescan.look(A, takes_catalogs=False).ready == (NAME,)


def test_a_file_that_another_clock_dated_waits_all_the_same(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """A file server whose clock is behind does not get a half-copied file read."""
    put(folders)
    clock.seconds = 300.0
    assert rescan.look(A, takes_catalogs=False).next_look_seconds == pytest.approx(1.5)
    clock.seconds = 301.5
    assert rescan.look(A, takes_catalogs=False).ready == (NAME,)


@pytest.mark.parametrize("change", ["size", "time", "another"])
def test_a_change_starts_the_wait_anew(
    folders: Folders, clock: HandClock, rescan: Rescan, change: str
) -> None:
    """Growing, touched or replaced: it has not settled yet."""
    path = put(folders)
    rescan.look(A, takes_catalogs=False)
    clock.seconds = 1.9
    clock.files_change_now()
    match change:
        case "size":
            path.write_bytes(b"xx")
        case "time":
            os.utime(path, ns=(1, 1))
        case _:
            path.rename(path.with_name("other.bin"))
            put(folders)
    rescan.look(A, takes_catalogs=False)
    clock.seconds = 2.0
    assert rescan.look(A, takes_catalogs=False).ready == ()
    clock.seconds = 3.9
    assert rescan.look(A, takes_catalogs=False).ready == (NAME,)


def test_a_file_that_somebody_still_writes_is_not_ready(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """A slow copy that pauses is waited for."""
    path = put(folders)
    rescan.look(A, takes_catalogs=False)
    clock.seconds = 10.0
    with path.open("ab"):
        found = rescan.look(A, takes_catalogs=False)
        assert (found.ready, found.next_look_seconds) == ((), 2.0)
    assert rescan.look(A, takes_catalogs=False).ready == (NAME,)


def test_a_writer_that_comes_during_the_look_does_not_end_the_daemon(tmp_path: Path) -> None:
    """While we ask the kernel about writers, one may come; its signal must not kill us."""
    (tmp_path / NAME).write_bytes(b"x")
    program = f"""
import fcntl, os, subprocess, sys
from pathlib import Path
import ingestd.intake.looking.rescan as rescan
real = fcntl.fcntl
def fcntl_and_writer(descriptor, command, argument=0):
    answer = real(descriptor, command, argument)
    if command == fcntl.F_SETLEASE and argument == fcntl.F_RDLCK:
        code = "import os; os.open({str(tmp_path / NAME)!r}, os.O_WRONLY | os.O_NONBLOCK)"
        subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    return answer
fcntl.fcntl = fcntl_and_writer
class Here:
    def incoming(self, account): return Path({str(tmp_path)!r})
rescan._somebody_writes(Here(), "A", {NAME!r})
print("alive")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert run.returncode != -signal.SIGIO
    assert run.stdout == b"alive\n"


def test_files_are_claimed_in_the_order_in_which_they_were_written(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """Of two files with the same key the earlier one is to win."""
    for name, age in (("student_billing_a.csv", 1), ("student_billing_b.csv", 9)):
        os.utime(put(folders, name), (1000 - age, 1000 - age))
    rescan.look(A, takes_catalogs=False)
    clock.seconds = 2.0
    assert rescan.look(A, takes_catalogs=False).ready == (
        "student_billing_b.csv",
        "student_billing_a.csv",
    )


def test_what_is_no_file_is_left_alone_and_told_once(
    folders: Folders, clock: HandClock, rescan: Rescan, tmp_path: Path
) -> None:
    """A folder, a link or a pipe under a recognised name stops nobody and fills no log."""
    incoming = folders.incoming(A)
    (incoming / "student_billing_folder.csv").mkdir()
    (incoming / "student_billing_link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(incoming / "student_billing_pipe.csv")
    put(folders)
    with capture_logs() as log:
        rescan.look(A, takes_catalogs=False)
        clock.seconds = 2.0
        rescan.look(A, takes_catalogs=False)
        clock.seconds = 9000.0
        found = rescan.look(A, takes_catalogs=False)
    assert found.ready == (NAME,)
    assert found.unrecognised == ()
    assert [line["event"] for line in log] == [Event.FILE_SKIPPED] * 3


@pytest.mark.parametrize("name", [".hidden.csv", "x.csv.filepart", "x.PART", "x.tmp", ".in.x"])
def test_a_temporary_name_has_its_time_and_is_forgotten_then(
    folders: Folders, clock: HandClock, rescan: Rescan, name: str
) -> None:
    """A client may take hours until it renames a file; one that died never will."""
    put(folders, name)
    clock.seconds = 24 * 3600.0 - 10
    found = rescan.look(A, takes_catalogs=False)
    assert (found.ready, found.unrecognised, found.forgotten) == ((), (), ())
    assert found.temporary == 1
    clock.seconds = 24 * 3600.0 + 10
    found = rescan.look(A, takes_catalogs=False)
    assert (found.ready, found.unrecognised, found.forgotten) == ((), (), (name,))


def test_of_too_many_temporary_names_the_oldest_are_forgotten(
    folders: Folders, rescan: Rescan
) -> None:
    """They lock nobody out; what was begun last will be renamed soonest."""
    last_change = 0
    for number in (2, 0, 4, 1, 3):
        path = put(folders, f"{number}.part")
        # A file system tells instants apart by some milliseconds only.
        while path.stat().st_ctime_ns <= last_change:
            os.utime(path, (number, number))  # which also dates the change that counts
        last_change = path.stat().st_ctime_ns
    put(folders)
    found = rescan.look(A, takes_catalogs=False)
    assert found.forgotten == ("2.part", "0.part")
    assert found.temporary == 5


def test_a_temporary_name_that_somebody_writes_is_not_forgotten(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """A copy by hand that takes days is still a copy."""
    path = put(folders, "x.part")
    clock.seconds = 100_000.0
    with path.open("ab"):
        assert rescan.look(A, takes_catalogs=False).forgotten == ()
    assert rescan.look(A, takes_catalogs=False).forgotten == ("x.part",)


def test_a_name_that_nobody_recognises_is_set_aside_after_an_hour(
    folders: Folders, clock: HandClock, rescan: Rescan
) -> None:
    """A district that mistyped a name hears of it, but has time to rename the file."""
    put(folders, "students.xlsx")
    rescan.look(A, takes_catalogs=False)
    clock.seconds = 3590.0
    assert rescan.look(A, takes_catalogs=False).unrecognised == ()
    clock.seconds = 3601.0
    assert rescan.look(A, takes_catalogs=False).unrecognised == ("students.xlsx",)


def test_a_missing_folder_holds_nothing(folders: Folders, rescan: Rescan) -> None:
    """Removing an account's folder by hand is no reason to stop."""
    folders.incoming(A).rmdir()
    assert rescan.look(A, takes_catalogs=False).ready == ()


def test_old_receipts_and_partials_go_and_nothing_else_does(
    folders: Folders, clock: HandClock
) -> None:
    """Receipts can be made again; what waits to be processed never goes."""
    upkeep = Upkeep(folders=folders, clock=clock, partial_hours=1, receipt_days=1)
    (folders.receipts(A) / "r.json").write_bytes(b"")
    (folders.partials(A) / "p.csv").write_bytes(b"")
    kept = put(folders)
    (folders.receipts(A) / "folder").mkdir()
    assert upkeep.sweep(A) == 0
    clock.seconds = 3700.0
    assert upkeep.sweep(A) == 1
    clock.seconds = 3700.0 + 599
    assert upkeep.sweep(A) == 0
    clock.seconds = 25 * 3600.0
    assert upkeep.sweep(A) == 1
    assert kept.exists()
