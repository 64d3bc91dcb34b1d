"""The demo: what a visitor tries first."""

from __future__ import annotations

import os
import re
import signal
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from tests.acceptance.daemon_log import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import School


def test_the_demo_shows_the_whole_journey_and_touches_nothing(
    school: School, tmp_path: Path
) -> None:
    """Ten seconds after cloning, a visitor has seen a file become money owed.

    It may be tried where a real installation is set up by the environment, and leaves it alone.
    """
    school.set(database_url="postgresql://nobody@127.0.0.1:1/real")
    school.environment["TMPDIR"] = str(tmp_path)
    before = os.listdir(tmp_path)
    done = school.run("demo", seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for word in ("amount_invalid", "conflict", "duplicate", "report balances", "ledger head"):
        assert word in done.stdout
    assert os.listdir(tmp_path) == before


def test_a_demo_that_is_kept_ends_and_says_how_to_connect_and_to_stop(
    school: School, tmp_path: Path
) -> None:
    """A visitor plays on with the school, also when a program read along what the demo said."""
    school.environment["TMPDIR"] = str(tmp_path)
    done = school.run("demo", "--keep", seconds=120)
    assert (done.returncode, done.stderr) == (0, "")
    (pid,) = re.findall(r"kill (\d+)$", done.stdout, re.MULTILINE)
    try:
        (connect,) = re.findall(r"^ +sftp (.*)$", done.stdout, re.MULTILINE)
        quietly = ("-F", "none", "-o", "BatchMode=yes", "-b", "-")
        listed = school.run_client("sftp", *quietly, *connect.split(), stdin="ls\n")
        assert (listed.returncode, "SPRINGFIELD" in listed.stdout) == (0, True), listed.stderr
        ((address, name, password),) = re.findall(
            r"^Its console: +(\S+) - name (\S+), password (\S+)$", done.stdout, re.MULTILINE
        )
        with closing(HTTPConnection(urlsplit(address).netloc)) as console:
            fields = urlencode({"name": name, "password": password, "next": "/uploads"})
            console.request("POST", "/sign-in", fields, {"Origin": address.rstrip("/")})
            answer = console.getresponse()
            assert (answer.status, answer.getheader("Location")) == (303, "/uploads")
    finally:
        os.kill(int(pid), signal.SIGTERM)
    (folder,) = tmp_path.glob("ingestd-demo-*")
    log = folder / "daemon.log"
    until(lambda: "daemon_stopped" in log.read_text(encoding="utf-8"), "the end of the daemon")
