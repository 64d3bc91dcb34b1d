"""What is deployed with: the unit, the image and the compose file, and that they fit together."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestd.cli.app import build_app
from ingestd.config.files.place import DEFAULT_CONFIG, SYSTEM_FILE, find_config

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "deploy" / "ingestd.service").read_text("utf-8")
GUIDE = (ROOT / "deploy" / "README.md").read_text("utf-8")
# systemd before version 254 says so of each, and passes over it.
STEPS = ("RestartSteps", "RestartMaxDelaySec")


def setting(name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    assert found, name
    return found[1]


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """An admin who installs it reads no complaint but of what an older systemd does not have."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt install systemd)")
    unit = tmp_path / "ingestd.service"
    # The program is not installed here, and systemd would look for it.
    unit.write_text(UNIT.replace("/opt/ingestd/bin/ingestd", str(shutil.which("true"))))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = [line for line in done.stderr.splitlines() if not any(step in line for step in STEPS)]
    assert (done.returncode, told) == (0, [])


def test_the_unit_tries_again_what_the_world_did_and_nothing_else() -> None:
    """A volume that is mounted late is waited for; a wrong config is not tried for ever."""
    assert setting("Restart") == "on-failure"
    assert setting("RestartPreventExitStatus") == "2"
    assert setting("StartLimitIntervalSec") == "0"
    assert all(setting(step) for step in STEPS)


def test_unit_and_guide_name_the_same_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of the guide work on the installation that the unit serves."""
    assert setting("EnvironmentFile").removeprefix("-") == str(SYSTEM_FILE)
    written = re.search(rf"^echo '(.*)' \|\n.* /dev/stdin {SYSTEM_FILE}$", GUIDE, re.MULTILINE)
    assert written
    file = tmp_path / "environment"
    file.write_text(f"{written[1]}\n")
    monkeypatch.chdir(tmp_path)
    named = find_config(None, system_file=file, environment={})
    assert named == Path(setting("WorkingDirectory")) / DEFAULT_CONFIG
    assert f"ingestd init {setting('WorkingDirectory')}" in GUIDE


def test_no_page_steps_into_a_folder_that_only_the_daemon_may_enter() -> None:
    """What an admin copies from a page works from the folder in which an admin stands."""
    for page in (*ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")):
        for block in re.findall(
            r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
        ):
            if "sudo" in block:
                assert not re.search(r"^cd /var/lib/ingestd", block, re.MULTILINE), page


def test_a_container_waits_for_its_config_and_is_started_again() -> None:
    """A slip in a file neither ends the container for good nor fills its log."""
    command = re.search(r"^CMD \[(.*)\]$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert command
    words = re.findall(r'"([^"]*)"', command[1])
    assert words == ["serve", "--wait-for-config"]
    assert CliRunner().invoke(build_app(), [*words, "--help"]).exit_code == 0
    assert "restart: unless-stopped" in (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
