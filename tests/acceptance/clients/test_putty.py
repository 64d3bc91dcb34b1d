"""PuTTY's `psftp` and `pscp`, which many Windows machines have: small packets, and many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery


def test_psftp_exits_0_and_its_file_is_processed_once(
    delivery: Delivery, putty_options: tuple[str, ...]
) -> None:
    """Jobs from the time before Windows had an sftp of its own go on to work."""
    delivery.run(
        *("psftp", *putty_options, "-b", "/dev/stdin", f"{delivery.school.account}@127.0.0.1"),
        stdin=f"cd {delivery.folder}\nput {delivery.path}\n",
    )
    delivery.check_taken_once()


def test_pscp_exits_0_and_its_file_is_processed_once(
    delivery: Delivery, putty_options: tuple[str, ...]
) -> None:
    """One line in a batch file is enough."""
    target = f"{delivery.school.account}@127.0.0.1:{delivery.target}"
    delivery.run("pscp", "-sftp", "-q", *putty_options, str(delivery.path), target)
    delivery.check_taken_once()
