"""Who may connect: the allowlist in force, and how it changes while the daemon runs."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School
Until = Callable[..., Any]

LISTED, OTHERS, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.1"
APPLIES_WITHIN_SECONDS = 15  # the promise is two seconds; the rest is for a busy machine
NOBODY_ELSE = "SHELBYVILLE = []\n"


def allow(school: School, *networks: str, more: str = NOBODY_ELSE) -> None:
    """Save an allowlist that lists these networks for the account."""
    listed = ", ".join(f'"{network}"' for network in networks)
    path = school.config / "allowlist.toml"
    path.write_text(f"everyone = []\ndeny = []\n[accounts]\n{school.account} = [{listed}]\n{more}")


def first_bytes(school: School, source: str) -> bytes:
    """Connect from an address and return what the door says, before it hears anything."""
    with socket.socket() as peer:
        peer.settimeout(30)
        peer.bind((source, 0))
        try:
            peer.connect(("127.0.0.1", school.sftp_port))
            return peer.recv(64)
        except ConnectionResetError:
            return b""


@contextlib.contextmanager
def session(school: School) -> Iterator[subprocess.Popen[bytes]]:
    """Lend an OpenSSH client that is logged in from the listed address, and idle."""
    log = school.log.from_now()
    program = subprocess.Popen(
        school.openssh("ssh", "-N", f"{school.account}@127.0.0.1", source=LISTED),
        stderr=subprocess.DEVNULL,
    )
    try:
        log.wait_until_event("session_opened", peer=LISTED)
        yield program
    finally:
        program.kill()
        program.wait()


@pytest.fixture(scope="module")
def two_accounts(shared_school: School) -> School:
    """A running school to which another account was added."""
    district = ("--name", "Shelbyville", "--timezone", "America/Chicago")
    key = ("--key", str(shared_school.outbox / "other_key.pub"))
    assert shared_school.run("account", "add", "SHELBYVILLE", *district, *key).returncode == 0
    return shared_school


@pytest.fixture
def guarded(two_accounts: School, until: Until) -> School:
    """A running school that lists one address for its account and one for another account."""
    allow(two_accounts, f"{LISTED}/32", more=f'SHELBYVILLE = ["{OTHERS}"]\n')
    until(
        lambda: (
            all(map(first_bytes, [two_accounts] * 2, (LISTED, OTHERS)))
            and not first_bytes(two_accounts, STRANGER)
        ),
        "the allowlist",
    )
    return two_accounts


def test_an_address_on_no_list_gets_no_byte(guarded: School) -> None:
    """A scanner does not even learn that SSH is spoken here."""
    assert first_bytes(guarded, LISTED).startswith(b"SSH-2.0-")
    assert first_bytes(guarded, STRANGER) == b""


def test_a_refused_connection_is_one_line_with_peer_and_reason(guarded: School) -> None:
    """A district that cannot connect is answered from the log; noise does not hide it."""
    log = guarded.log.from_now()
    done = guarded.sftp_batch("ls", source=STRANGER)
    assert done.returncode != 0
    log.wait_until_event("connection_refused", peer=STRANGER, reason="not_listed")
    assert {event["event"] for event in log.events()} == {"connection_refused"}


def test_a_listed_address_works_from_the_same_machine(guarded: School) -> None:
    """The rule is about the address, and about nothing else."""
    assert guarded.sftp_batch("ls", source=LISTED).returncode == 0


def test_an_address_of_another_account_fails_as_a_wrong_key_does(guarded: School) -> None:
    """A neighbour with a stolen key learns nothing about why it does not work."""
    log = guarded.log.from_now()
    wrong_key = guarded.sftp_batch("ls", key=guarded.outbox / "other_key", source=LISTED)
    wrong_place = guarded.sftp_batch("ls", source=OTHERS)
    assert "Permission denied (publickey)" in wrong_key.stderr
    assert (wrong_place.returncode, wrong_place.stderr) == (wrong_key.returncode, wrong_key.stderr)
    log.wait_until_event("auth_failed", peer=LISTED, reason="wrong_key")
    log.wait_until_event("auth_failed", peer=OTHERS, reason="listed_for_another_account")


def test_deny_wins_over_every_list(guarded: School, until: Until) -> None:
    """One line shuts out one machine of a network that may come in."""
    path = guarded.config / "allowlist.toml"
    log = guarded.log.from_now()
    path.write_text(path.read_text().replace("deny = []", f'deny = ["{LISTED}"]'))
    until(
        lambda: first_bytes(guarded, LISTED) == b"", "the refusal", seconds=APPLIES_WITHIN_SECONDS
    )
    log.wait_until_event("connection_refused", peer=LISTED, reason="denied")


def test_an_added_address_is_admitted_at_once(guarded: School, until: Until) -> None:
    """The admin is still on the phone with the district when it works."""
    allow(guarded, LISTED, STRANGER)
    until(
        lambda: first_bytes(guarded, STRANGER).startswith(b"SSH-2.0-"),
        "the banner",
        seconds=APPLIES_WITHIN_SECONDS,
    )


def test_a_removed_address_loses_its_session(guarded: School) -> None:
    """A machine that was taken over is thrown out, not only kept from coming back."""
    with session(guarded) as program:
        allow(guarded, "192.0.2.1")
        assert program.wait(APPLIES_WITHIN_SECONDS) != 0
    guarded.log.wait_until_event("session_closed", peer=LISTED, reason="no_longer_admitted")
    assert first_bytes(guarded, LISTED) == b""


def test_a_mistake_keeps_the_old_list_and_is_told_with_line_and_remedy(guarded: School) -> None:
    """A slip of the admin locks nobody out and lets nobody in."""
    log = guarded.log.from_now()
    with session(guarded) as program:
        allow(guarded, "127.0.0.1/8", more='SHELBYVILE = ["10.0.0.0/8"]\n')
        rejected = log.wait_until_event("allowlist_rejected")
        assert program.poll() is None
    mistakes = rejected["mistakes"]
    assert len(mistakes) == 2
    assert "allowlist.toml:4:" in mistakes[0]
    assert 'Write "127.0.0.0/8"' in mistakes[0]
    assert "allowlist.toml:5:" in mistakes[1]
    assert "SHELBYVILLE" in mistakes[1]
    assert first_bytes(guarded, STRANGER) == b""
    assert first_bytes(guarded, LISTED).startswith(b"SSH-2.0-")


@pytest.mark.parametrize("gone", [False, True], ids=["empty", "vanished"])
def test_a_file_without_content_keeps_the_old_list(guarded: School, gone: bool) -> None:
    """Some editors save in two steps, and a full disk saves half."""
    log, path = guarded.log.from_now(), guarded.config / "allowlist.toml"
    path.unlink() if gone else path.write_text("")
    log.wait_until_event("allowlist_rejected")
    assert first_bytes(guarded, LISTED).startswith(b"SSH-2.0-")


def test_a_mended_list_applies_after_a_broken_one(guarded: School) -> None:
    """After a mistake nothing needs to be restarted."""
    log = guarded.log.from_now()
    allow(guarded, "not an address")
    log.wait_until_event("allowlist_rejected")
    allow(guarded, STRANGER)
    log.wait_until_event("allowlist_loaded", networks=1)
    assert first_bytes(guarded, STRANGER).startswith(b"SSH-2.0-")


def test_an_account_that_is_added_can_send_at_once_and_in_silence(
    open_school: School, until: Until
) -> None:
    """A new district is taken in during office hours, without a restart or a strange log."""
    district = ("--name", "Shelbyville", "--timezone", "America/Chicago")
    key = open_school.outbox / "other_key"
    proof = ("--key", f"{key}.pub", "--allow", "127.0.0.1")
    assert open_school.run("account", "add", "SHELBYVILLE", *district, *proof).returncode == 0
    until(
        lambda: open_school.sftp_batch("ls", account="SHELBYVILLE", key=key).returncode == 0,
        "the new account",
        seconds=5,
    )
    path = open_school.write("student_billing.csv", "LIABILITY,N-1,1,X,,1.00,")
    done = open_school.sftp_batch(
        f"put {path} /SHELBYVILLE/incoming/", account="SHELBYVILLE", key=key
    )
    assert done.returncode == 0, done.stderr
    processed = open_school.log.wait_until_event("file_processed", account="SHELBYVILLE")
    assert processed["rows"]["rejected"] == 1
    assert open_school.log.events("library_reported") == []


def test_a_start_with_mistakes_exits_2_and_names_all_of_all_files(school: School) -> None:
    """An admin mends everything in one go, and a broken config never opens the door."""
    settings = school.config / "ingestd.toml"
    settings.write_text("colour = 1\n" + settings.read_text())
    accounts = school.config / "accounts.toml"
    accounts.write_text(accounts.read_text().replace("America/Chicago", "America/Chicagoo"))
    allow(school, "127.0.0.1/8", "somewhere")
    assert school.spawn().wait(30) == 2
    text = "\n".join(school.log.lines)
    assert len(school.log.lines) == 4, text
    assert "ingestd.toml:1: colour" in text
    assert "America/Chicagoo" in text
    assert 'Write "127.0.0.0/8"' in text
    assert "somewhere" in text
