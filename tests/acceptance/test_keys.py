"""Keys as they come: spoilt in copying, shared by a provider, tried one after the other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.public_keys import spoilt_lines

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

_DISTRICT = 'name = "Another District"\ntimezone = "America/Chicago"\n'


def _add_accounts(school: School, lines: list[str]) -> None:
    """Write an account for each key into accounts.toml, as an editor would."""
    path = school.config / "accounts.toml"
    entries = [
        f"[DISTRICT{number}]\n{_DISTRICT}authorized_keys = [{json.dumps(line)}]\n"
        for number, line in enumerate(lines)
    ]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(entries))


def _sound(school: School, lines: list[str]) -> list[str]:
    """Return the keys against which `config check` has nothing to say."""
    path = school.config / "accounts.toml"
    before = path.read_bytes()
    _add_accounts(school, lines)
    checked = school.run("config", "check", "--output", "json")
    path.write_bytes(before)
    if checked.returncode == 0:
        return lines
    mistakes = json.loads(checked.stdout)
    assert {Path(mistake["where"]).name for mistake in mistakes} == {"accounts.toml"}
    assert all(mistake["line"] and mistake["remedy"] for mistake in mistakes)
    wrong = {mistake["key"].split(".")[0] for mistake in mistakes}
    return [line for number, line in enumerate(lines) if f"DISTRICT{number}" not in wrong]


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],  # each example is a daemon
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(spoilt_lines(), min_size=100, max_size=100, unique=True))
def test_what_config_check_takes_is_served(school: School, lines: list[str]) -> None:
    """Keys with flipped bits and changed letters: a restart at night must not be the last."""
    path = school.config / "accounts.toml"
    before = path.read_bytes()
    try:
        sound = _sound(school, lines)
        assert 0 < len(sound) < len(lines)
        _add_accounts(school, sound)
        assert school.run("config", "check").returncode == 0
        school.start()
        assert school.sftp_batch("ls").returncode == 0
        assert school.stop() == 0
    finally:
        path.write_bytes(before)
        school.kill()


def test_a_bad_key_saved_while_the_daemon_runs_changes_nothing(open_school: School) -> None:
    """The mistake is told with its line; who could log in before still can."""
    ecdsa = open_school.outbox / "ecdsa"
    command = ("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "it", "-f", str(ecdsa))
    subprocess.run(command, check=True)
    line = ecdsa.with_suffix(".pub").read_text().strip()
    position = line.index("BB", 60) + 20  # within the point
    spoilt = line[:position] + ("A" if line[position] != "A" else "B") + line[position + 1 :]
    _add_accounts(open_school, [spoilt])
    told = open_school.log.wait_until_event("accounts_rejected")
    assert "DISTRICT0.authorized_keys" in told["mistakes"][0]
    assert "damaged" in told["mistakes"][0]
    assert open_school.sftp_batch("ls").returncode == 0
    assert open_school.run("config", "check").returncode == 2


@pytest.fixture
def provider(school: School) -> School:
    """A running school beside which the same key serves another account."""
    district = ("--name", "Shelbyville", "--timezone", "America/Chicago")
    key = ("--key", str(school.key.with_suffix(".pub")), "--allow", "127.0.0.1")
    added = school.run("account", "add", "SHELBYVILLE", *district, *key)
    assert added.returncode == 0
    assert "also opens SPRINGFIELD" in added.stderr
    school.start()
    return school


def test_the_user_name_says_for_whom_a_provider_uploads(provider: School) -> None:
    """One key for many districts: each sees its own folders, and a name without it nothing."""
    for account in ("SPRINGFIELD", "SHELBYVILLE"):
        listed = provider.sftp_batch("ls -1", account=account)
        assert listed.returncode == 0, listed.stderr
        assert account in listed.stdout
    refused = provider.sftp_batch("ls -1", account="OGDENVILLE")
    assert "Permission denied (publickey)" in refused.stderr


def test_an_account_without_an_address_of_its_own_stays_shut(provider: School) -> None:
    """The same key from the same machine: the allowlist still says for which accounts."""
    path = provider.config / "allowlist.toml"
    log = provider.log.from_now()
    path.write_text(path.read_text().replace('SHELBYVILLE = ["127.0.0.1"]', "SHELBYVILLE = []"))
    log.wait_until_event("allowlist_loaded")
    refused = provider.sftp_batch("ls", account="SHELBYVILLE")
    assert "Permission denied (publickey)" in refused.stderr
    log.wait_until_event("auth_failed", reason="listed_for_another_account")
    assert provider.sftp_batch("ls").returncode == 0
