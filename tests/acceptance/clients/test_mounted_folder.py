"""sshfs: the server's folder as a folder of the own machine, and what is copied into it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery
    from tests.acceptance.conftest import School
Until = Callable[..., Any]

PATIENCE_SECONDS = 20
PART_BYTES = 5_000_000
# What sshfs says where the kernel has no FUSE or lets nobody mount: no package mends that.
NO_FUSE = ("fuse: device not found", "fuse: failed to open", "mount failed")


@pytest.fixture
def sshfs(standing_school: School, tmp_path: Path, until: Until) -> Iterator[subprocess.Popen[str]]:
    """Mount `incoming` at the test's own folder `mount`, and always unmount it again."""
    folder = tmp_path / "mount"
    folder.mkdir()
    program = start_sshfs(standing_school, folder)
    try:
        until(lambda: folder.is_mount() or program.poll() is not None, "the mount")
        if program.poll() is not None:
            assert program.stderr is not None
            said = program.stderr.read()
            if any(words in said for words in NO_FUSE):
                pytest.skip(f"this kernel refuses to mount: {said}")
            pytest.fail(f"sshfs did not mount: {said}")
        yield program
    finally:
        unmount(standing_school, folder, program)


@pytest.fixture
def mount(sshfs: subprocess.Popen[str], tmp_path: Path) -> Path:
    """The mounted folder."""
    assert sshfs.poll() is None
    return tmp_path / "mount"


def start_sshfs(school: School, folder: Path) -> subprocess.Popen[str]:
    for program in ("sshfs", "fusermount3"):
        assert school.run_client(program, "-V").returncode == 0
    target = f"{school.account}@127.0.0.1:/{school.account}/incoming"
    command, *options = school.openssh("sshfs", "-f", target, str(folder))
    return subprocess.Popen(
        # sshfs takes -F, and as -o what ssh would take, but not in ssh's place on the line.
        [command, *options],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def unmount(school: School, folder: Path, program: subprocess.Popen[str]) -> None:
    if os.path.ismount(folder) or program.poll() is not None:
        school.run_client("fusermount3", "-u", "-z", str(folder))
    try:
        program.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
    program.communicate()


def copy(delivery: Delivery, mount: Path) -> None:
    delivery.run("cp", str(delivery.path), f"{mount}/")


def copy_and_keep_times(delivery: Delivery, mount: Path) -> None:
    delivery.run("cp", "-p", str(delivery.path), f"{mount}/")


def synchronise(delivery: Delivery, mount: Path) -> None:
    delivery.run("rsync", "-rt", f"{delivery.path.parent}/", f"{mount}/")


def synchronise_in_place(delivery: Delivery, mount: Path) -> None:
    delivery.run("rsync", "-t", "--inplace", str(delivery.path), f"{mount}/")


@pytest.mark.parametrize("way", [copy, copy_and_keep_times, synchronise, synchronise_in_place])
def test_a_copied_file_is_processed_once(
    delivery: Delivery, mount: Path, way: Callable[[Delivery, Path], None]
) -> None:
    """Programs that know of no SFTP just save their file into a folder."""
    way(delivery, mount)
    delivery.check_taken_once()


def test_a_file_that_was_taken_can_be_touched_and_removed(
    new_delivery: Callable[[int], Delivery], mount: Path
) -> None:
    """Scripts that clean up after themselves see no error, and no second upload comes of it."""
    delivery = new_delivery(1_000_000)
    copy(delivery, mount)
    delivery.check_taken_once()
    delivery.run("touch", f"{mount}/{delivery.name}")
    delivery.run("rm", f"{mount}/{delivery.name}")
    delivery.check_taken_once()


def test_a_mount_that_is_killed_interrupts_its_file(
    long_delivery: Delivery, mount: Path, sshfs: subprocess.Popen[str]
) -> None:
    """The machine with the mount dies while a program still writes."""
    content = long_delivery.path.read_bytes()
    descriptor = os.open(mount / long_delivery.name, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, content[:PART_BYTES])
    long_delivery.wait_until_bytes_arrive()
    os.killpg(sshfs.pid, 9)
    sshfs.wait(PATIENCE_SECONDS)
    with pytest.raises(OSError, match=r"not connected|abort|I/O"):
        os.close(descriptor)
    long_delivery.check_interrupted_and_sent_again()


def test_a_copy_that_is_killed_is_not_charged_for_the_row_it_was_cut_in(
    long_delivery: Delivery, mount: Path
) -> None:
    """The system closes a dead program's files as if all were well; only the last row tells."""
    program = ["dd", "bs=60000", "status=none", f"of={mount}/{long_delivery.name}"]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        writer.stdin.write(long_delivery.path.read_bytes()[:PART_BYTES])
        writer.stdin.flush()
        long_delivery.wait_until_bytes_arrive()
        writer.kill()
    long_delivery.check_last_row_was_not_charged()
