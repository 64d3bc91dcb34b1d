"""The operator's page on backups, followed word for word: what is typed there brings all back."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.acceptance.daemon_log import PATIENCE_SECONDS, until
from tests.libraries import missing

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "runbook.md"
ROW = "LIABILITY,{},00042,LATE_FEE,,5.00,"


def follow(school: School, heading: str, backups: Path) -> None:
    """Type what stands under a heading, where this installation and its backups are."""
    [section] = re.findall(
        rf"^## {heading}\n(.*?)(?=^## )", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    typed = "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    user = pwd.getpwuid(os.geteuid()).pw_name
    for there, here in (
        ("sudo -u ingestd ", ""),
        ("/var/lib/ingestd", str(school.folder)),
        ("/var/backups/ingestd", str(backups)),
        ("chown ingestd:", f"chown {user}:"),
        ("chown -R ingestd:", f"chown -R {user}:"),
    ):
        typed = typed.replace(there, here)
    assert "ingestd:" not in typed
    environment = school._environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def test_a_lost_ledger_is_restored_as_the_page_says(school: School, tmp_path: Path) -> None:
    """What was done after the backup is done again, from the files, and nothing twice."""
    for program in ("sqlite3", "rsync"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    backups = tmp_path / "backups"
    backups.mkdir()
    school.start()
    for name in ("monday", "tuesday", "wednesday"):
        school.upload(school.write(f"student_billing_{name}.csv", ROW.format(name)))
        school.wait_until_receipt(f"student_billing_{name}.csv")
        if name == "monday":
            follow(school, "Backing up", backups)
    assert school.stop() == 0
    for lost in (school.folder / "data").glob("ledger.db*"):
        lost.unlink()
    follow(school, "Restoring", backups)
    school.start()
    school.log.wait_until_event("ledger_rolled_back", account=school.account)
    follow(school, "The books were rolled back", backups)
    wanted = dict.fromkeys(("monday", "tuesday", "wednesday"), "5.00")
    until(lambda: len(school.log.events("file_processed")) == 2, "what the ledger had lost")
    assert school.items() == wanted
    assert school.ask("ledger", "verify")["holds"]
    again = school.write("student_billing_again.csv", *map(ROW.format, wanted))
    school.upload(again)
    assert school.wait_until_receipt("student_billing_again.csv")["rows"]["duplicate"] == 3
