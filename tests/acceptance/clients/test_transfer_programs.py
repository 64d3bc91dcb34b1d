"""lftp, rclone and curl: what jobs on Unix machines use besides OpenSSH."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery


def lftp(delivery: Delivery, *commands: str) -> None:
    school = delivery.school
    # lftp adds the port, the user name and the host.
    connect = shlex.join(school.openssh("ssh", "-a", "-x"))
    url = f"sftp://{school.account}:@127.0.0.1:{school.sftp_port}"
    settings = ("set cmd:fail-exit yes", "set net:max-retries 1")
    program = (*settings, f'set sftp:connect-program "{connect}"', f"open {url}", *commands)
    delivery.run("lftp", "--norc", "-c", "; ".join(program))


def lftp_put(delivery: Delivery) -> None:
    lftp(delivery, f"put -O {delivery.folder} {delivery.path}")


def lftp_mput(delivery: Delivery) -> None:
    lftp(delivery, f"mput -O {delivery.folder} {delivery.path.parent}/*.csv")


def lftp_mirror(delivery: Delivery) -> None:
    lftp(delivery, f"mirror -R --no-perms {delivery.path.parent} {delivery.folder}")


def rclone(delivery: Delivery, *arguments: str) -> None:
    school = delivery.school
    flags = {
        "--config": "/dev/null",
        "--sftp-host": "127.0.0.1",
        "--sftp-port": str(school.sftp_port),
        "--sftp-user": school.account,
        "--sftp-key-file": str(school.key),
        # Without a file of known hosts, rclone 1.60 believes any server.
        "--sftp-known-hosts-file": str(school.outbox / "known_hosts"),
    }
    school.openssh("sftp")  # which writes that file
    delivery.run("rclone", *arguments, *(part for flag in flags.items() for part in flag))


def rclone_copy(delivery: Delivery) -> None:
    rclone(delivery, "copy", str(delivery.path.parent), f":sftp:{delivery.folder}")


def rclone_copyto(delivery: Delivery) -> None:
    rclone(delivery, "copyto", str(delivery.path), f":sftp:{delivery.target}")


def rclone_moveto(delivery: Delivery) -> None:
    kept = delivery.path.with_suffix(".kept")
    kept.hardlink_to(delivery.path)
    rclone(delivery, "moveto", str(delivery.path), f":sftp:{delivery.target}")
    assert not delivery.path.exists()
    kept.rename(delivery.path)


def curl(delivery: Delivery, target: str, *arguments: str) -> None:
    school = delivery.school
    if "sftp" not in school.run_client("curl", "--version").stdout:
        pytest.skip("this curl speaks no SFTP")
    delivery.run(
        *("curl", "-sS", "--fail", "--user", f"{school.account}:"),
        *("--key", str(school.key), "--pubkey", f"{school.key}.pub"),
        *("-T", str(delivery.path), *arguments),
        f"sftp://127.0.0.1:{school.sftp_port}{target}",
    )


@pytest.fixture
def hostkey(fingerprint: str) -> tuple[str, str]:
    """How curl is told which server to believe."""
    return "--hostpubsha256", fingerprint.removeprefix("SHA256:")


@pytest.mark.parametrize("way", [lftp_put, lftp_mput, lftp_mirror])
def test_lftp_exits_0_and_its_file_is_processed_once(
    delivery: Delivery, way: Callable[[Delivery], None]
) -> None:
    """One file, files by pattern, or a folder that is mirrored every night."""
    way(delivery)
    delivery.check_taken_once()


@pytest.mark.parametrize("way", [rclone_copy, rclone_copyto, rclone_moveto])
def test_rclone_exits_0_and_its_file_is_processed_once(
    delivery: Delivery, way: Callable[[Delivery], None]
) -> None:
    """Rclone looks for checksum commands first, and at sizes and times afterwards."""
    way(delivery)
    delivery.check_taken_once()


def test_curl_exits_0_and_its_file_is_processed_once(
    delivery: Delivery, hostkey: tuple[str, str]
) -> None:
    """One command that every machine has."""
    curl(delivery, delivery.target, *hostkey)
    delivery.check_taken_once()


def test_curl_may_create_folders_that_are_there(
    delivery: Delivery, hostkey: tuple[str, str]
) -> None:
    """`--ftp-create-dirs` stands in many a script, needed or not."""
    curl(delivery, delivery.target, "--ftp-create-dirs", *hostkey)
    delivery.check_taken_once()


def test_curl_uploads_under_a_temporary_name_and_renames(
    delivery: Delivery, hostkey: tuple[str, str]
) -> None:
    """The rename is the commit: what curl leaves behind when it dies is never taken."""
    part = f"{delivery.target}.part"
    curl(delivery, part, "-Q", f"-rename {part} {delivery.target}", *hostkey)
    delivery.check_taken_once()
