"""A daemon that cannot start says why in one line, exits 3, and shows nobody a traceback."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School


def why_it_did_not_start(school: School) -> str:
    """Start the daemon, which must fail; return the one line that says why."""
    assert school.spawn().wait(30) == 3
    said = [line for line in school.log.lines if not line.startswith("{")]
    told = [
        *school.log.events(level="error"),
        *school.log.events(level="critical"),
        *school.log.events(level="warning"),
    ]
    assert told == []
    assert len(said) == 1, school.log.lines
    return said[0]


@pytest.mark.parametrize("door", ["sftp", "http"])
def test_a_port_in_use_is_named(school: School, door: str) -> None:
    """Two services on one port are told apart at once."""
    port = school.sftp_port if door == "sftp" else school.http_port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        why = why_it_did_not_start(school)
    assert f"127.0.0.1:{port}" in why
    assert "in use" in why


def test_a_host_key_that_is_garbage_is_named(school: School) -> None:
    """A damaged key is never silently replaced: every client would sound an alarm."""
    key = school.folder / "data" / "host_keys" / "ssh_host_ed25519_key"
    key.write_text("garbage")
    why = why_it_did_not_start(school)
    assert str(key) in why
    assert "garbage" not in why
    assert key.read_text() == "garbage"


def test_a_host_key_that_others_can_read_is_refused(school: School) -> None:
    """A key that leaked is not used as if nothing had happened."""
    key = school.folder / "data" / "host_keys" / "ssh_host_ed25519_key"
    key.chmod(0o644)
    assert f"chmod 600 {key}" in why_it_did_not_start(school)


def test_a_data_folder_that_is_a_file_is_named(school: School) -> None:
    """A wrong path is found out before anything is written."""
    folder = school.folder / "data"
    shutil.rmtree(folder)
    folder.write_text("")
    assert f"{folder} is a file" in why_it_did_not_start(school)


def test_a_second_daemon_on_the_same_data_is_refused(open_school: School) -> None:
    """Two daemons never work on one spool, whatever a start script does."""
    first = open_school.daemon
    why = why_it_did_not_start(open_school)
    assert "already" in why
    assert str(open_school.folder / "data") in why
    assert first.poll() is None


def test_a_database_that_cannot_be_reached_is_named_without_its_password(school: School) -> None:
    """An outage of the database is told as one, and the log gives no password away."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"postgresql://ingestd:s3cret-word@127.0.0.1:{port}/ingestd?connect_timeout=5"
        school.set(database_url=url)
        why = why_it_did_not_start(school)
    assert "s3cret-word" not in why
