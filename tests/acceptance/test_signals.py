"""Signals: the daemon stops in time with exit code 0, loses nothing, and reads its config anew."""

from __future__ import annotations

import json
import shutil
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.daemon_log import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

SHUTDOWN_SECONDS = 5.0
BUSY_SECONDS = 2.0  # what a busy machine may add to a deadline
LARGE = "student_billing_large.csv"
LARGE_ROWS = 25_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_stops_with_exit_code_0(open_school: School, number: signal.Signals) -> None:
    """An update of the machine is no alarm."""
    assert open_school.stop(number) == 0
    (stopped,) = open_school.log.events("daemon_stopped")
    assert stopped["clean"] is True


def test_a_draining_daemon_serves_on_until_its_balancer_has_noticed(school: School) -> None:
    """A rolling restart fails no upload that a balancer had sent here a moment before."""
    school.set(drain_seconds=3600.0)
    school.start()
    school.daemon.send_signal(signal.SIGTERM)
    school.log.wait_until_event("drain_started")
    with pytest.raises(urllib.error.HTTPError, match="503") as unready:
        urllib.request.urlopen(f"http://127.0.0.1:{school.http_port}/readyz")
    checks = json.loads(unready.value.read())["checks"]
    unready.value.close()
    assert [name for name, what in checks.items() if what != "ok"] == ["node"]
    school.upload(school.write("student_billing_1.csv", "LIABILITY,T1,00042,LATE_FEE,,5.00,"))
    assert school.wait_until_receipt("student_billing_1.csv")["status"] == "processed"
    assert school.stop() == 0


def spawn_until_it_answers_signals(school: School) -> None:
    """Start the daemon, and return as soon as SIGTERM no longer simply ends the process."""
    status = Path(f"/proc/{school.spawn().pid}/status")

    def caught() -> int:
        return int(status.read_text().partition("SigCgt:")[2].split()[0], base=16)

    until(lambda: caught() >> (signal.SIGTERM - 1) & 1, "a handler")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_is_still_starting_stops_with_exit_code_0(
    school: School, number: signal.Signals
) -> None:
    """A deployment that changes its mind at once is no alarm either."""
    spawn_until_it_answers_signals(school)
    assert school.stop(number) == 0
    assert school.log.lines == []


def test_a_reload_does_not_end_a_daemon_that_is_still_starting(school: School) -> None:
    """A config that is deployed together with a restart does not leave the school without one."""
    spawn_until_it_answers_signals(school)
    school.daemon.send_signal(signal.SIGHUP)
    school.log.wait_until_event("daemon_started")
    assert school.stop() == 0


def test_an_idle_session_does_not_hold_up_the_stop(school: School) -> None:
    """A client that forgot to hang up cannot keep an old version running."""
    school.set(shutdown_seconds=SHUTDOWN_SECONDS)
    school.start()
    with school.paramiko() as sftp:
        assert sftp.listdir("/") == [school.account]
        started = time.monotonic()
        assert school.stop() == 0
        assert time.monotonic() - started < SHUTDOWN_SECONDS + BUSY_SECONDS
    closed = school.log.wait_until_event("session_closed")
    assert closed["reason"] == "stopping"


def test_an_upload_under_way_may_end_during_the_stop(school: School) -> None:
    """A restart in the evening does not break the district's nightly job."""
    school.start()
    path = school.write_many("student_billing_evening.csv", 200, prefix="E")
    content = path.read_bytes()
    with (
        school.paramiko() as sftp,
        sftp.open(f"/{school.account}/incoming/{path.name}", "wb") as file,
    ):
        file.write(content[:1000])
        school.daemon.send_signal(signal.SIGTERM)
        file.write(content[1000:])
    assert school.daemon.wait(30) == 0
    school.log.wait_until_event("upload_received", filename=path.name)
    school.start()
    assert school.wait_until_receipt(path.name)["rows"]["applied"] == 200


@pytest.mark.parametrize("shutdown_seconds", [SHUTDOWN_SECONDS, 0.0])
def test_a_stop_in_the_middle_of_a_large_file_leaves_all_of_it_or_nothing(
    school: School, shutdown_seconds: float
) -> None:
    """Stopping never waits long for a long file, and never leaves half of one in the ledger."""
    school.set(shutdown_seconds=shutdown_seconds)
    school.start()
    shutil.move(school.write_many(LARGE, LARGE_ROWS, prefix="S"), school.incoming / LARGE)
    school.log.wait_until_event("file_claimed", filename=LARGE)
    started = time.monotonic()
    assert school.stop() == 0
    assert time.monotonic() - started < shutdown_seconds + BUSY_SECONDS
    assert len(school.items()) in {0, LARGE_ROWS}
    school.start()
    receipt = school.wait_until_receipt(LARGE)
    assert (receipt["status"], receipt["rows"]["applied"]) == ("processed", LARGE_ROWS)
    assert len(school.items()) == LARGE_ROWS
    assert sum(len(log.events("file_processed")) for log in school.logs) <= 1


def test_sighup_reads_the_config_again(open_school: School) -> None:
    """What the log tells can be changed without a restart."""
    log = open_school.log.from_now()
    settings = open_school.config / "ingestd.toml"
    settings.write_text(settings.read_text().replace('level = "info"', 'level = "warning"'))
    open_school.daemon.send_signal(signal.SIGHUP)
    log.wait_until_event("config_loaded")
    assert open_school.sftp_batch("ls").returncode == 0
    assert log.events("session_opened") == []


def test_sighup_with_a_mistake_changes_nothing_and_names_it(open_school: School) -> None:
    """A slip in the config does not stop a daemon that works."""
    log = open_school.log.from_now()
    settings = open_school.config / "ingestd.toml"
    settings.write_text("colour = 1\n" + settings.read_text())
    open_school.daemon.send_signal(signal.SIGHUP)
    rejected = log.wait_until_event("config_rejected")
    assert len(rejected["mistakes"]) == 1
    assert "ingestd.toml:1: colour" in rejected["mistakes"][0]
    assert open_school.sftp_batch("ls").returncode == 0
