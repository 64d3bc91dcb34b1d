"""What clients ask about a file that was claimed, and processed, before they asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery, NewDelivery
    from tests.acceptance.clients.replayed.conftest import RawSftp

OK, NO_SUCH_FILE = 0, 2
MANY_BYTES = 1_000_000


@pytest.fixture(params=[0, 1, MANY_BYTES], ids=["empty", "one byte", "1 MB"])
def processed(new_delivery: NewDelivery, raw: RawSftp, request: pytest.FixtureRequest) -> Delivery:
    """A file that was uploaded, and has its receipt."""
    delivery = new_delivery(request.param)
    handle = raw.open(delivery.target)
    raw.write(handle, delivery.path.read_bytes())
    assert raw.close(handle) == OK
    delivery.check_taken_once()
    return delivery


def test_its_size_is_still_told(processed: Delivery, raw: RawSftp, reconnected: RawSftp) -> None:
    """Clients compare sizes (paramiko, rclone), on this connection or on another."""
    for session in (raw, reconnected):
        assert session.size_of(processed.target) == processed.path.stat().st_size


def test_its_times_can_still_be_set(processed: Delivery, raw: RawSftp) -> None:
    """WinSCP, rclone and sshfs set them last, and call the upload failed when they cannot."""
    assert raw.set_times(processed.target) == OK
    processed.check_taken_once()


@pytest.mark.parametrize("how", ["OVER", "RESUME"])
def test_its_times_can_still_be_set_through_a_handle(
    processed: Delivery, raw: RawSftp, how: str
) -> None:
    """`touch` through a mount opens the file first; no second, empty upload comes of it."""
    handle = raw.open(processed.target, getattr(raw, how))
    assert raw.set_open_times(handle) == OK
    assert raw.close(handle) == OK
    processed.check_taken_once()


def test_it_can_still_be_removed(processed: Delivery, raw: RawSftp) -> None:
    """Jobs that clean up after themselves go on; what was received stays received."""
    assert raw.remove(processed.target) == OK
    receipt = processed.check_taken_once()
    processed.log.wait_until_event(
        "upload_withdrawn", upload_id=receipt["upload_id"], outcome="too_late"
    )


def test_a_name_that_was_never_sent_is_not_there(raw: RawSftp, new_delivery: NewDelivery) -> None:
    """The memory is of what was received, and of nothing else."""
    delivery = new_delivery(0)
    assert raw.size_of(delivery.target) is None
    assert raw.set_times(delivery.target) == NO_SUCH_FILE
    assert raw.remove(delivery.target) == NO_SUCH_FILE


def test_the_name_can_be_sent_again_without_truncation(processed: Delivery, raw: RawSftp) -> None:
    """A second scp opens the name without truncating: that is a new upload, and a whole one."""
    content = processed.path.read_bytes() or b"x"
    handle = raw.open(processed.target, raw.OVER)
    raw.write(handle, content)
    assert raw.close(handle) == OK
    receipts = processed.school.wait_until_receipts(processed.name, 2)
    assert receipts[1]["size_bytes"] == len(content)
    processed.check_nothing_is_left()
