"""The recipes of `docs/clients.md`, run as they stand there, by the clients that run here."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.conftest import need

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery, NewDelivery

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def recipe(new_delivery: NewDelivery, fingerprint: str) -> Callable[..., Delivery]:
    """Put a page's recipe, key and file into one folder, as a district does, and run it."""

    def run(heading: str, *command: str, files: dict[str, int] | None = None) -> Delivery:
        delivery = new_delivery(1_000_000)
        blocks = _blocks(delivery, heading, fingerprint)
        folder, school = delivery.path.parent, delivery.school
        school.openssh("sftp")  # which writes the file of known hosts
        shutil.copy(school.outbox / "known_hosts", folder / "known_hosts")
        for name, copied in {"springfield": "key", "springfield.pub": "key.pub"}.items():
            shutil.copy(school.outbox / copied, folder / name)
        for name, number in (files or {}).items():
            (folder / name).write_text(blocks[number], encoding="utf-8")
        delivery.run("env", "-C", str(folder), *command)
        return delivery

    return run


def _blocks(delivery: Delivery, heading: str, fingerprint: str) -> list[str]:
    """Return the code of one section, with this server and file in the place of the page's."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    here = {
        "sftp.example.org": "127.0.0.1",
        "2222": str(delivery.school.sftp_port),
        "FINGERPRINT": fingerprint.removeprefix("SHA256:"),
        "student_billing_destiny.csv": delivery.name,
    }
    blocks: list[str] = _FENCE.findall(section)
    for word, value in here.items():
        blocks = [block.replace(word, value) for block in blocks]
    return blocks


def check(delivery: Delivery) -> None:
    """Fail unless the file was taken once, and a second run would fetch its receipt."""
    delivery.check_taken_once()
    assert (delivery.path.parent / "receipts").is_dir()


def test_openssh_with_cron(recipe: Callable[..., Delivery]) -> None:
    """What the page says for OpenSSH is what works."""
    files = {"upload.txt": 0, "upload.sh": 1}
    check(recipe("OpenSSH, with cron", "sh", "upload.sh", files=files))


def test_scp_in_one_line(recipe: Callable[..., Delivery]) -> None:
    """The same for scp."""
    recipe("OpenSSH, with cron", "sh", "scp.sh", files={"scp.sh": 3}).check_taken_once()


def test_curl(recipe: Callable[..., Delivery]) -> None:
    """The same for curl."""
    need("curl")
    recipe("curl", "sh", "upload.sh", files={"upload.sh": 0}).check_taken_once()


def test_python_with_paramiko(recipe: Callable[..., Delivery]) -> None:
    """The same for paramiko."""
    files = {"upload.py": 0}
    check(recipe("Python, with paramiko", sys.executable, "upload.py", files=files))


def test_lftp(recipe: Callable[..., Delivery]) -> None:
    """The same for lftp."""
    need("lftp")
    check(recipe("lftp", "sh", "upload.sh", files={"connect.lftp": 0, "upload.sh": 1}))


def test_rclone(recipe: Callable[..., Delivery]) -> None:
    """The same for rclone."""
    need("rclone")
    check(recipe("rclone", "sh", "-e", "upload.sh", files={"upload.sh": 0}))
