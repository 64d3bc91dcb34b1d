"""SSH.NET, which Posh-SSH and many PowerShell scripts upload with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery
    from tests.acceptance.clients.replayed.conftest import RawSftp

OK = 0


def test_every_write_is_answered_ok(delivery: Delivery, raw: RawSftp) -> None:
    """SSH.NET counts the OK answers; it waits for ever when one is missing."""
    content = delivery.path.read_bytes()
    handle = raw.open(delivery.target)
    raw.write(handle, content)
    assert raw.close(handle) == OK
    assert raw.size_of(delivery.target) == len(content)
    delivery.check_taken_once()
