"""FileZilla, with which people upload by hand: it lists, tries again and is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery, NewDelivery
    from tests.acceptance.clients.replayed.conftest import RawSftp

OK = 0
LARGE_BYTES = 1_000_000
ARRIVED_BYTES = 7 * 32 * 1024


@pytest.mark.parametrize("keeps_times", [True, False], ids=["times", "no times"])
def test_an_upload_is_processed_once(delivery: Delivery, raw: RawSftp, keeps_times: bool) -> None:
    """FileZilla lists the folder before and after, and may keep the file's time."""
    raw.listed(delivery.folder)
    assert raw.size_of(delivery.target) is None
    handle = raw.open(delivery.target)
    raw.write(handle, delivery.path.read_bytes())
    if keeps_times:
        assert raw.set_open_times(handle) == OK
    assert raw.close(handle) == OK
    raw.listed(delivery.folder)
    delivery.check_taken_once()


def test_a_dropped_upload_is_sent_from_the_beginning(
    new_delivery: NewDelivery, raw: RawSftp, reconnected: RawSftp
) -> None:
    """It finds no part in the listing, so that there is nothing to ask its user about."""
    delivery = new_delivery(LARGE_BYTES)
    content = delivery.path.read_bytes()
    raw.write(raw.open(delivery.target), content[:ARRIVED_BYTES])
    raw.drop()
    delivery.log.wait_until_event("upload_interrupted")
    assert delivery.name.encode() not in reconnected.listed(delivery.folder)
    assert reconnected.size_of(delivery.target) is None
    handle = reconnected.open(delivery.target)
    reconnected.write(handle, content)
    assert reconnected.close(handle) == OK
    delivery.check_taken_once(after_interrupted=1)


def test_a_cancelled_upload_is_not_charged_for_the_row_it_was_cut_in(
    new_delivery: NewDelivery, raw: RawSftp
) -> None:
    """Cancel closes the part as if it were whole; only the unfinished row tells."""
    delivery = new_delivery(LARGE_BYTES)
    handle = raw.open(delivery.target)
    raw.write(handle, delivery.path.read_bytes()[:ARRIVED_BYTES])
    assert raw.close(handle) == OK
    delivery.check_last_row_was_not_charged()
