"""A slip in a config file: no reboot closes the door over it, and no command falls silent."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School
Until = Callable[..., Any]

SLIP = {"accounts.toml": "\ncolour = 1\n", "allowlist.toml": '\nNOBODY = ["10.0.0.1"]\n'}
BROKEN = {"accounts.toml": "\nthis is no TOML\n", "allowlist.toml": "\n[[[\n"}


def spoil(school: School, name: str, text: str) -> None:
    with (school.config / name).open("a") as file:
        file.write(text)


@pytest.fixture
def rebooted(open_school: School, until: Until) -> School:
    """A school that ran well and was stopped."""
    copies = open_school.folder / "data" / "last_good"
    until(lambda: len([*copies.glob("*.toml")]) == 2, "the copies")
    assert open_school.stop() == 0
    return open_school


@pytest.mark.parametrize("name", ["accounts.toml", "allowlist.toml"])
@pytest.mark.parametrize("slip", [SLIP, BROKEN], ids=["slip", "no TOML"])
def test_a_start_with_a_mistake_uses_what_was_last_good(
    rebooted: School, name: str, slip: dict[str, str]
) -> None:
    """A reboot at night does not close the door for all districts; the log says so loudly."""
    spoil(rebooted, name, slip[name])
    rebooted.start()
    event = name.replace(".toml", "_rejected")
    told = rebooted.log.wait_until_event(event, level="error")
    assert told["in_force"] == "what was last good"
    assert told["mistakes"]
    assert rebooted.sftp_batch("ls").returncode == 0
    with urllib.request.urlopen(f"http://127.0.0.1:{rebooted.http_port}/readyz") as answer:
        assert json.load(answer)["config_pending"] == [name]


@pytest.mark.parametrize("name", ["accounts.toml", "allowlist.toml"])
def test_a_start_without_a_file_uses_what_was_last_good(rebooted: School, name: str) -> None:
    """A deployment that forgot a file, or a disk that lost it, closes no door."""
    (rebooted.config / name).unlink()
    rebooted.start()
    assert rebooted.sftp_batch("ls").returncode == 0


def test_a_start_with_a_mistake_brings_no_removed_key_back(rebooted: School) -> None:
    """Who was thrown out while the daemon was down stays out, whatever else the file says."""
    path = rebooted.config / "accounts.toml"
    key = rebooted.key.with_suffix(".pub").read_text().split()[1]
    lines = [line for line in path.read_text().splitlines() if key not in line]
    path.write_text("\n".join(lines) + SLIP["accounts.toml"])
    rebooted.start()
    assert rebooted.sftp_batch("ls").returncode != 0
    rebooted.log.wait_until_event("accounts_rejected")


@pytest.mark.parametrize("name", ["accounts.toml", "allowlist.toml"])
def test_a_first_start_with_a_mistake_exits_2(school: School, name: str) -> None:
    """There is nothing good to fall back to, and a door is not opened on a guess."""
    spoil(school, name, SLIP[name])
    assert school.spawn().wait(30) == 2


def test_an_account_and_its_key_are_out_within_seconds_whatever_the_other_file_says(
    open_school: School, until: Until
) -> None:
    """Revoking always wins."""
    spoil(open_school, "allowlist.toml", BROKEN["allowlist.toml"])
    open_school.log.wait_until_event("allowlist_rejected")
    (open_school.config / "accounts.toml").write_text("# nobody\n")
    until(lambda: open_school.sftp_batch("ls").returncode != 0, "the revocation")


def test_a_deny_is_in_force_though_the_new_account_beside_it_has_a_slip(
    open_school: School,
) -> None:
    """What shuts somebody out never waits for another file to be mended."""
    log = open_school.log.from_now()
    spoil(open_school, "accounts.toml", '\n[SHELBY]\nname = "S"\ntimezone = "America/Chicagoo"\n')
    path = open_school.config / "allowlist.toml"
    text = path.read_text().replace("deny = []", 'deny = ["127.0.0.9"]')
    path.write_text(text + 'SHELBY = ["10.0.0.1"]\n')
    told = log.wait_until_event("allowlist_loaded")
    assert "SHELBY" in told["warnings"][0]
    log.wait_until_event("accounts_rejected")


def test_an_account_is_added_though_the_list_names_one_of_former_days(
    open_school: School,
) -> None:
    """What `config check` calls sound is sound to every command."""
    district = ("--name", "S", "--timezone", "America/Chicago")
    added = ("account", "add", "SHELBY", *district, "--allow", "10.0.0.1")
    assert open_school.run(*added).returncode == 0
    open_school.log.wait_until_event("accounts_loaded", accounts=2)
    path = open_school.config / "accounts.toml"
    path.write_text(path.read_text().split("[SHELBY]")[0])
    open_school.log.from_now().wait_until_event("accounts_loaded", accounts=1)
    assert open_school.run("config", "check").returncode == 0
    assert open_school.run("account", "add", "NEWTON", *district).returncode == 0


QUESTIONS = [
    ("report", "items", "--account", "SPRINGFIELD"),
    ("uploads", "list", "--account", "SPRINGFIELD"),
    ("account", "list"),
    ("allowlist", "test", "127.0.0.1"),
    ("ledger", "verify", "--account", "SPRINGFIELD"),
    ("payments", "list", "--account", "SPRINGFIELD"),
    ("charges", "list", "--account", "SPRINGFIELD"),
    ("db", "current"),
]


@pytest.mark.parametrize("name", ["accounts.toml", "allowlist.toml"])
def test_questions_are_answered_from_what_was_last_good(rebooted: School, name: str) -> None:
    """A mistake in one file takes no diagnosis away, and is named with every answer."""
    spoil(rebooted, name, SLIP[name])
    for question in QUESTIONS:
        done = rebooted.run(*question)
        assert (done.returncode, question) == (0, question), done.stderr
        if question[0] != "db":
            assert f"{name}:" in done.stderr
            assert "last in force" in done.stderr
    assert rebooted.run("config", "check").returncode == 2
    doctor = rebooted.run("doctor")
    assert doctor.returncode == 1
    assert name in doctor.stdout


def test_what_changes_something_is_more_careful(rebooted: School) -> None:
    """Accounts and addresses are edited on sound files; the books only need the accounts."""
    district = ("--name", "S", "--timezone", "America/Chicago")
    payment = ("--payer", "P-77", "--amount", "10.00", "--method", "echeck", "--id", "E1")
    pay = ("payments", "add", *payment, "--account", "SPRINGFIELD")
    spoil(rebooted, "allowlist.toml", SLIP["allowlist.toml"])
    assert rebooted.run("account", "add", "OTHER", *district).returncode == 2
    paid = rebooted.run(*pay)
    assert (paid.returncode, "NOBODY" in paid.stderr) == (0, True)
    spoil(rebooted, "accounts.toml", SLIP["accounts.toml"])
    refused = rebooted.run(*pay)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "colour" in refused.stderr


@pytest.mark.parametrize("gone", ["everyone = []", "deny = []", "[accounts]", "SPRINGFIELD = ["])
def test_config_check_says_what_the_daemon_will_say(rebooted: School, gone: str) -> None:
    """Half a list is a list to any reader; only what was in force tells that half is missing."""
    path = rebooted.config / "allowlist.toml"
    lines = path.read_text().splitlines(keepends=True)
    wanted = [line for line in lines if not line.startswith(gone)]
    if gone == "[accounts]":
        wanted = [line for line in wanted if not line.startswith("SPRINGFIELD")]
    assert len(wanted) < len(lines)
    path.write_text("".join(wanted))
    checked = rebooted.run("config", "check")
    assert checked.returncode == 2
    assert "Half a save" in checked.stderr
    rebooted.start()
    (mistake,) = rebooted.log.wait_until_event("allowlist_rejected")["mistakes"]
    assert mistake in checked.stderr


def test_a_container_waits_until_the_config_is_mended(school: School, until: Until) -> None:
    """Started again and again it would say so a thousand times: it waits, and says it once."""
    path = school.config / "accounts.toml"
    sound = path.read_text()
    path.write_text(sound + SLIP["accounts.toml"])
    daemon = school.spawn("--wait-for-config")
    told = school.log.wait_until_event("config_rejected", level="error")
    assert "colour" in told["mistakes"][0]
    path.write_text(sound)
    school.log.wait_until_event("daemon_started")
    assert len(school.log.events("config_rejected")) == 1
    assert school.stop() == 0
    assert daemon.returncode == 0


def test_a_container_that_waits_stops_when_it_is_told(school: School) -> None:
    """`docker stop` does not have to wait for its time-out."""
    spoil(school, "accounts.toml", SLIP["accounts.toml"])
    school.spawn("--wait-for-config")
    school.log.wait_until_event("config_rejected")
    assert school.stop() == 0
