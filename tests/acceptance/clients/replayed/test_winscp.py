"""WinSCP, which most districts use: `.filepart` names, and its questions after the upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery, NewDelivery
    from tests.acceptance.clients.replayed.conftest import RawSftp

OK, FAILURE = 0, 4
SMALL_BYTES = 100_000  # up to this size WinSCP writes under the name itself
LARGE_BYTES = 1_000_000
ARRIVED_BYTES = 10 * 32 * 1024


def upload(raw: RawSftp, delivery: Delivery) -> None:
    """Send a file above 100 KB, over one of the same name if the server tells of one."""
    content, part = delivery.path.read_bytes(), f"{delivery.target}.filepart"
    old_bytes = raw.size_of(delivery.target)
    handle = raw.open(part, announced_bytes=len(content))
    raw.write(handle, content)
    assert raw.close(handle) == OK
    if old_bytes is not None:
        assert raw.remove(delivery.target) == OK
    assert raw.rename(part, delivery.target) == OK
    assert raw.set_times(delivery.target) == OK


@pytest.mark.parametrize("size_bytes", [0, 1, SMALL_BYTES])
def test_the_time_of_a_small_file_can_be_set_after_it_was_processed(
    new_delivery: NewDelivery, raw: RawSftp, size_bytes: int
) -> None:
    """Otherwise WinSCP reports a failed upload, and its user sends the file again and again."""
    delivery = new_delivery(size_bytes)
    content = delivery.path.read_bytes()
    assert raw.size_of(delivery.target) is None
    handle = raw.open(delivery.target, announced_bytes=len(content))
    raw.write(handle, content)
    assert raw.close(handle) == OK
    delivery.check_taken_once()
    assert raw.set_times(delivery.target) == OK


@pytest.mark.parametrize("size_bytes", [LARGE_BYTES, 50 * LARGE_BYTES])
def test_a_larger_file_is_taken_when_it_is_renamed(
    new_delivery: NewDelivery, raw: RawSftp, size_bytes: int
) -> None:
    """`name.filepart` is never taken; its rename is the commit."""
    delivery = new_delivery(size_bytes)
    upload(raw, delivery)
    delivery.check_taken_once()


def test_the_same_name_every_night_is_an_upload_every_night(
    new_delivery: NewDelivery, raw: RawSftp
) -> None:
    """WinSCP removes yesterday's file first, which was processed long ago."""
    delivery = new_delivery(LARGE_BYTES)
    upload(raw, delivery)
    delivery.check_taken_once()
    upload(raw, delivery)
    first, second = delivery.school.wait_until_receipts(delivery.name, 2)
    assert first["upload_id"] != second["upload_id"]
    assert second["rows"]["duplicate"] == second["rows"]["total"] == delivery.rows
    delivery.check_nothing_is_left()


def test_a_cancelled_upload_leaves_nothing(new_delivery: NewDelivery, raw: RawSftp) -> None:
    """Cancel is CLOSE then REMOVE: the size that was announced tells that it is no whole file."""
    delivery = new_delivery(LARGE_BYTES)
    content, part = delivery.path.read_bytes(), f"{delivery.target}.filepart"
    handle = raw.open(part, announced_bytes=len(content))
    raw.write(handle, content[:ARRIVED_BYTES])
    assert raw.close(handle) == FAILURE
    assert raw.remove(part) == OK
    receipt = delivery.school.wait_until_receipt(f"{delivery.name}.filepart")
    assert (receipt["status"], receipt["rows"]) == ("interrupted", None)
    delivery.check_nothing_is_left()


def test_a_dropped_upload_is_sent_from_the_beginning(
    new_delivery: NewDelivery, raw: RawSftp, reconnected: RawSftp
) -> None:
    """WinSCP reconnects by itself, sees nothing to go on with, and sends the file as it is now."""
    delivery = new_delivery(LARGE_BYTES)
    content, part = delivery.path.read_bytes(), f"{delivery.target}.filepart"
    raw.write(raw.open(part, announced_bytes=len(content)), content[:ARRIVED_BYTES])
    raw.drop()
    delivery.log.wait_until_event("upload_interrupted")
    assert reconnected.size_of(part) is None
    handle = reconnected.open(part, announced_bytes=len(content))
    reconnected.write(handle, content)
    assert reconnected.close(handle) == OK
    assert reconnected.rename(part, delivery.target) == OK
    # The part was called `NAME.csv.filepart`, so that its receipt is `NAME.csv.….json`.
    whole, interrupted = delivery.school.wait_until_receipts(delivery.name, 2)
    assert (interrupted["filename"], interrupted["rows"]) == (f"{delivery.name}.filepart", None)
    assert (whole["size_bytes"], whole["rows"]["applied"]) == (len(content), delivery.rows)
    delivery.check_nothing_is_left()
