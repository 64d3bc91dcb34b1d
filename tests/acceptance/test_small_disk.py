"""A disk that fills up under the daemon: a real one of a few MiB, and a limit on its writes."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

NAME = "student_billing_full.csv"
DISK_MIB = 12
# Less than a page of the ledger's log and its header take, more than the daemon's own log has.
WRITES_BYTES_MAX = 16_384
# In a namespace of its own the daemon's data lies on a small disk, which goes with it.
_ON_A_SMALL_DISK = (
    'mount -t tmpfs -o size="$1" none "$2" && cp -a "$3/." "$2" && mount --move "$2" "$3"'
    ' && shift 3 && exec "$@"'
)


def readiness(school: School) -> tuple[int, dict[str, str]]:
    url = f"http://127.0.0.1:{school.http_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, json.load(answer)["checks"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["checks"]


def metric(school: School, name: str) -> float:
    url = f"http://127.0.0.1:{school.http_port}/metrics"
    with urllib.request.urlopen(url, timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def told(school: School) -> dict[str, int]:
    """Return how often the log tells of what a full disk might bring."""
    names = ("disk_filled", "disk_freed", "worker_failed", "file_retried", "daemon_failed")
    return {name: len(school.log.events(name)) for name in names}


ONCE = {"disk_filled": 1, "disk_freed": 1, "worker_failed": 0, "file_retried": 0}


@pytest.fixture
def small_disk(school: School, until: Callable[..., Any]) -> Path:
    """Run the school's daemon on a disk of a few MiB; return where its data is seen from here."""
    data = school.folder / "data"
    mount = school.folder / "mount"
    mount.mkdir()
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("unshare") is None or not _may_mount(namespace, mount):
        pytest.skip("no disk can be mounted here: neither as root nor in a user namespace")
    script = ("sh", "-c", _ON_A_SMALL_DISK, "sh", f"{DISK_MIB}m", str(mount), str(data))
    daemon = school.spawn(around=(*namespace, *script))
    seen = Path(f"/proc/{daemon.pid}/root") / data.relative_to("/")
    incoming = seen / "spool" / school.account / "incoming"
    until(lambda: incoming.is_dir() or daemon.poll() is not None, "the start")
    assert daemon.poll() is None, school.log.path.read_text()
    school.log.wait_until_event("daemon_started")
    return seen


def _may_mount(namespace: list[str], folder: Path) -> bool:
    command = [*namespace, "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def filled(data: Path) -> Iterator[None]:
    """Fill the disk to its last byte."""
    filler = data / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    yield
    filler.unlink()


def test_files_wait_out_a_full_disk_by_themselves(
    school: School, small_disk: Path, until: Callable[..., Any]
) -> None:
    """Whoever frees a disk in the morning finds the night's files done, not failed."""
    rows = [f"LIABILITY,F-{number},00042,LATE_FEE,,5.00," for number in range(200)]
    bad = "LIABILITY,B-1,99999,LATE_FEE,,5.00,"
    incoming = small_disk / "spool" / school.account / "incoming"
    for number in range(3):
        hidden = incoming / f"{number}.part"
        text = school.write(NAME, *rows[number::3], bad.replace("B-1", f"B-{number}")).read_bytes()
        hidden.write_bytes(text)
    with filled(small_disk):
        for number in range(3):
            (incoming / f"{number}.part").rename(incoming / f"student_billing_{number}.csv")
        until(lambda: school.log.events("disk_filled"), "the spell's beginning")
        until(lambda: readiness(school)[0] == 503, "not to be ready")
        _, checks = readiness(school)
        assert "no space left" in checks["disk"].lower()
        assert {part: told for part, told in checks.items() if part != "disk"} == dict.fromkeys(
            checks.keys() - {"disk"}, "ok"
        )
        assert metric(school, "ingestd_disk_full") == 1
        assert metric(school, "ingestd_disk_free_bytes") < 1 << 20
    receipts = small_disk / "spool" / school.account / "receipts"
    until(lambda: len(list(receipts.glob("*.json"))) == 3, "three receipts")
    until(lambda: school.log.events("disk_freed"), "the spell's end")
    assert readiness(school)[0] == 200
    assert metric(school, "ingestd_disk_full") == 0
    assert metric(school, "ingestd_disk_free_bytes") > 1 << 20
    assert told(school).items() >= ONCE.items()
    applied = [json.loads(path.read_bytes())["rows"]["applied"] for path in receipts.glob("*.json")]
    assert sum(applied) == len(rows)
    assert len(list(receipts.glob("*.csv"))) == 3


def test_a_limit_on_the_daemons_writes_is_a_full_disk_like_any_other(
    open_school: School, until: Callable[..., Any]
) -> None:
    """A quota looks like a broken disk to SQLite; files wait for it all the same."""
    school = open_school
    school.write(NAME, *(f"LIABILITY,Q-{n},00042,LATE_FEE,,5.00," for n in range(50)))
    assert school.log.path.stat().st_size < WRITES_BYTES_MAX - 4096
    limits = resource.prlimit(school.daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(school.daemon.pid, resource.RLIMIT_FSIZE, (WRITES_BYTES_MAX, limits[1]))
    shutil.copy(school.outbox / NAME, school.incoming / NAME)
    school.log.wait_until_event("disk_filled")
    until(lambda: readiness(school)[1]["disk"] != "ok", "not to be ready")
    resource.prlimit(school.daemon.pid, resource.RLIMIT_FSIZE, limits)
    assert school.wait_until_receipt(NAME)["rows"]["applied"] == 50
    school.log.wait_until_event("disk_freed")
    assert told(school).items() >= ONCE.items()


def test_uploads_that_are_refused_for_space_make_the_daemon_unready(school: School) -> None:
    """A monitor sees that no district can send anything, before the districts tell."""
    school.set(intake__disk_reserve_bytes=2**40)
    if shutil.disk_usage(school.folder).free >= 2**40:
        pytest.skip("this disk has more room than any reserve")
    school.start()
    status, checks = readiness(school)
    assert (status, "uploads are refused" in checks["disk"]) == (503, True)
