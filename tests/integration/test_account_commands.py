"""`ingestd account`, `password`, `config check` and `allowlist test`, run as processes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import argon2
import pytest

from ingestd.config.editing.examples import write_examples
from tests.public_keys import ED25519, line_of
from tests.warm_process import warm_process

COMMAND = [sys.executable, "-W", "error", "-c", "from ingestd.cli import main; main()"]
KEY = line_of(ED25519)
PASSWORD = "correct horse battery"


def run(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
    environment["INGESTD_CONFIG"] = str(folder / "ingestd.toml")
    return warm_process().run(arguments, stdin=typed, env=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_examples(tmp_path)
    return tmp_path


def add(folder: Path, account_id: str, *more: str) -> subprocess.CompletedProcess[str]:
    district = ("--name", f"{account_id} District", "--timezone", "America/Chicago")
    return run(folder, "account", "add", account_id, *district, *more)


def test_an_added_account_is_listed_and_admitted(folder: Path) -> None:
    """One command takes a new district in."""
    (folder / "it.pub").write_text(f"# theirs\n{KEY}\n")
    added = add(
        folder, "SPRINGFIELD", "--key", str(folder / "it.pub"), "--allow", "203.0.113.16/28"
    )
    assert (added.returncode, added.stderr) == (0, "")
    listed = run(folder, "account", "list", "--output", "json")
    assert json.loads(listed.stdout) == [
        {
            "account": "SPRINGFIELD",
            "name": "SPRINGFIELD District",
            "timezone": "America/Chicago",
            "currency": "USD",
            "keys": 1,
            "password": "no",
            "catalogs": "no",
            "networks": "203.0.113.16/28",
        }
    ]
    decided = run(folder, "allowlist", "test", "203.0.113.17", "--account", "SPRINGFIELD")
    assert decided.returncode == 0
    assert run(folder, "config", "check").returncode == 0


def test_an_account_that_nobody_can_use_yet_says_so(folder: Path) -> None:
    """What is still to be done is told when it is easiest to do."""
    added = add(folder, "A")
    assert added.returncode == 0
    assert "no key" in added.stderr
    assert "no address" in added.stderr


def test_a_wrong_account_exits_2_and_names_every_mistake(folder: Path) -> None:
    """A script that adds districts stops at the one that is wrong."""
    failed = add(folder, "A", "--currency", "usd", "--allow", "10.0.0.1/8")
    assert failed.returncode == 2
    assert 'Write "USD".' in failed.stderr
    assert 'Write "10.0.0.0/8"' in failed.stderr
    assert failed.stdout == ""
    assert json.loads(run(folder, "account", "list", "--output", "json").stdout) == []


@pytest.mark.parametrize(
    "content",
    [
        KEY.encode("utf-16"),
        KEY.encode("utf-16-le").join((b"\xff\xfe", b"\r\0\n\0")),
        f"{KEY}\r\n".encode("utf-8-sig"),
        f"{KEY.replace('it@', 'Schüler@')}\n".encode(),
        KEY.encode(),
    ],
)
def test_a_key_file_may_come_from_any_editor(folder: Path, content: bytes) -> None:
    """PowerShell writes UTF-16, and Notepad a mark before UTF-8."""
    (folder / "it.pub").write_bytes(content)
    added = add(folder, "A", "--key", str(folder / "it.pub"), "--allow", "192.0.2.1")
    assert (added.returncode, added.stderr) == (0, "")
    assert run(folder, "config", "check").returncode == 0


def test_a_key_that_opens_another_account_too_is_told(folder: Path) -> None:
    """A provider means it; whoever took the wrong file sees it at once."""
    (folder / "it.pub").write_text(KEY)
    key = ("--key", str(folder / "it.pub"), "--allow", "192.0.2.1")
    assert add(folder, "A", *key).stderr == ""
    again = add(folder, "B", *key)
    assert again.returncode == 0
    assert "also opens A" in again.stderr
    assert run(folder, "config", "check").returncode == 0


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff", b"\xff\xfe\0", b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"),
        *(b"#" * 70_000, KEY.replace("AAAAI", "AAAAJ").encode()),
    ],
)
def test_a_file_that_is_no_public_key_exits_2(folder: Path, content: bytes) -> None:
    """The private key of a district never gets into our config."""
    (folder / "it.pub").write_bytes(content)
    assert add(folder, "A", "--key", str(folder / "it.pub")).returncode == 2
    assert "BEGIN" not in (folder / "accounts.toml").read_text()


def test_the_line_that_decides_is_printed(folder: Path) -> None:
    """A caller who cannot connect is answered with file and line."""
    add(folder, "A", "--allow", "10.1.0.0/16")
    add(folder, "B")
    (folder / "allowlist.toml").write_text(
        'deny = ["10.1.9.0/24"]\n[accounts]\n A = ["10.1.0.0/16"]\n'
    )

    def decide(*arguments: str) -> tuple[int, dict[str, object]]:
        done = run(folder, "allowlist", "test", *arguments, "--output", "json")
        (row,) = json.loads(done.stdout)
        return done.returncode, row

    code, row = decide("10.1.0.1")
    assert (code, row["admitted"], row["listed_in"], row["line"]) == (0, True, "accounts.A", 3)
    code, row = decide("::ffff:10.1.9.1", "--account", "A")
    assert (code, row["reason"], row["listed_in"], row["line"]) == (1, "denied", "deny", 1)
    code, row = decide("10.1.0.1", "--account", "B")
    assert (code, row["reason"], row["line"]) == (1, "listed_for_another_account", 3)
    code, row = decide("2001:db8::1")
    assert (code, row["reason"], row["line"]) == (1, "not_listed", None)


@pytest.mark.parametrize("arguments", [["10.0.0"], ["10.0.0.1", "--account", "NOBODY"], []])
def test_a_question_about_nothing_exits_2(folder: Path, arguments: list[str]) -> None:
    """A mistyped account is not answered with "denied"."""
    assert run(folder, "allowlist", "test", *arguments).returncode == 2


def test_config_check_names_the_mistakes_of_all_three_files(folder: Path) -> None:
    """One look before a restart."""
    (folder / "ingestd.toml").write_text("x = 1\n")
    (folder / "accounts.toml").write_text("[A]\nname = 'x'\n")
    (folder / "allowlist.toml").write_text("everyone = ['x']\n")
    checked = run(folder, "config", "check")
    assert (checked.returncode, checked.stdout) == (2, "")
    assert len(checked.stderr.splitlines()) == 3
    as_json = run(folder, "config", "check", "--output", "json")
    assert (as_json.returncode, as_json.stderr) == (2, "")
    places = [(Path(row["where"]).name, row["line"]) for row in json.loads(as_json.stdout)]
    assert places == [("ingestd.toml", 1), ("accounts.toml", 1), ("allowlist.toml", 1)]


def test_a_piped_password_becomes_a_hash_that_fits_it(folder: Path) -> None:
    """Provisioning scripts need no terminal."""
    made = run(folder, "password", typed=f"{PASSWORD}\nnot this\n")
    assert made.returncode == 0
    password_hash = made.stdout.removesuffix("\n")
    assert argon2.PasswordHasher().verify(password_hash, PASSWORD)
    (folder / "accounts.toml").write_text(
        f"[A]\nname = 'x'\ntimezone = 'UTC'\npassword_hash = '{password_hash}'\n"
    )
    assert run(folder, "config", "check").returncode == 0


@pytest.mark.parametrize("typed", ["", "\n", "elevenchars\n", "tab\tin the password\n", "x" * 2000])
def test_a_poor_password_exits_2_and_is_not_repeated(folder: Path, typed: str) -> None:
    """A password that is refused still must not be read over a shoulder."""
    refused = run(folder, "password", typed=typed)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert not typed.strip() or typed.strip() not in refused.stderr


@pytest.mark.parametrize(("second", "code"), [(PASSWORD, 0), (PASSWORD + "!", 2)])
def test_a_terminal_asks_twice_without_echo(folder: Path, second: str, code: int) -> None:
    """A typing error does not lock a district out, and nobody reads along."""
    terminal, theirs = pty.openpty()
    command = [*COMMAND, "password", "--config", str(folder / "ingestd.toml")]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = _answer(terminal, {b"Password: ": PASSWORD, b"Once more: ": second})
    os.close(terminal)
    assert process.returncode == code
    assert PASSWORD.encode() not in shown
    assert (b"$argon2id$" in shown) == (code == 0)


def _answer(terminal: int, answers: dict[bytes, str]) -> bytes:
    """Answer each prompt once it is there; return all that the terminal showed to the end."""
    shown = b""
    for prompt, typed in answers.items():
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1024)
        os.write(terminal, typed.encode() + b"\n")
    with contextlib.suppress(OSError):  # the process has closed its end
        while more := os.read(terminal, 1024):
            shown += more
    return shown
