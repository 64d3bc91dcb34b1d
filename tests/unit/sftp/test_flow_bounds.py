"""What a client may make the door hold: cut into packets rightly, and never more than its share."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.sftp.bounds.flow import (
    PACKET_BYTES_MAX,
    WINDOW_BYTES,
    WINDOW_BYTES_FULL,
    Budget,
    Gate,
    Inbox,
    PacketTooLongError,
    Share,
    decide_window_bytes,
)

PACKETS = st.lists(st.binary(max_size=300) | st.integers(0, 20_000).map(bytes), max_size=8)
SAMPLE_BYTES = 50_000
CUTS = st.lists(st.integers(1, 9_000), min_size=1, max_size=30)


def framed(packets: list[bytes]) -> bytes:
    return b"".join(len(packet).to_bytes(4, "big") + packet for packet in packets)


def fill(inbox: Inbox, content: bytes, cuts: list[int]) -> None:
    """Add the content in pieces of these sizes, over and over."""
    place = number = 0
    while place < len(content):
        size = cuts[number % len(cuts)]
        inbox.add(content[place : place + size])
        place, number = place + size, number + 1


async def taken(inbox: Inbox) -> tuple[list[bytes], Exception]:
    """Return every packet, and what came instead of one more."""
    packets: list[bytes] = []
    while True:
        try:
            packets.append(await inbox.packet())
        except (EOFError, PacketTooLongError, RuntimeError) as error:
            return packets, error


@given(packets=PACKETS, cuts=CUTS)
async def test_packets_come_out_as_they_went_in(packets: list[bytes], cuts: list[int]) -> None:
    """However the network cuts an upload, its bytes are the ones that were sent."""
    inbox = Inbox()
    reader = asyncio.create_task(taken(inbox))
    await asyncio.sleep(0)
    fill(inbox, framed(packets), cuts)
    inbox.end()
    assert (await reader)[0] == packets
    assert inbox.kept_bytes == 0


@given(packets=PACKETS, cuts=CUTS, missing=st.integers(1, 50))
async def test_a_packet_that_is_not_whole_never_comes_out(
    packets: list[bytes], cuts: list[int], missing: int
) -> None:
    """Half a WRITE is none: a line that is cut must not shorten what was written."""
    inbox = Inbox()
    fill(inbox, framed([*packets, bytes(60)])[:-missing], cuts)
    inbox.end(RuntimeError("reset"))
    inbox.add(bytes(100))
    found, error = await taken(inbox)
    assert found == packets
    assert isinstance(error, RuntimeError)


@given(length=st.integers(PACKET_BYTES_MAX + 1, 2**32 - 1))
async def test_a_packet_that_is_too_long_is_told_by_its_length(length: int) -> None:
    """Nobody waits for the gigabytes that it announces."""
    inbox = Inbox()
    inbox.add(length.to_bytes(4, "big"))
    with pytest.raises(PacketTooLongError):
        await inbox.packet()


@pytest.mark.parametrize("sizes", [[1], [1, 4096], [4095], [1, 8191]])
def test_small_pieces_cost_little_more_than_their_bytes(sizes: list[int]) -> None:
    """Bytes that are sent one by one would each become an object of their own, fifty as large."""
    inbox = Inbox()
    tracemalloc.start()
    try:
        fill(inbox, bytes(SAMPLE_BYTES), sizes)
        held_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held_bytes < 2.5 * SAMPLE_BYTES


@given(
    full_bytes=st.sampled_from([WINDOW_BYTES, WINDOW_BYTES_FULL]),
    steps=st.lists(st.tuples(st.integers(1, 400_000), st.integers(0, 400_000)), max_size=40),
)
def test_a_window_is_never_exceeded_and_never_stays_shut(
    full_bytes: int, steps: list[tuple[int, int]]
) -> None:
    """It bounds what waits, and a packet of the largest size always fits into what it leaves."""
    open_bytes, kept_bytes = full_bytes, 0
    for sent_bytes, taken_bytes in steps:
        arrived_bytes = min(sent_bytes, open_bytes)
        open_bytes, kept_bytes = open_bytes - arrived_bytes, kept_bytes + arrived_bytes
        for _ in range(2):  # when data arrived, and when some was taken
            open_bytes += decide_window_bytes(
                full_bytes=full_bytes, open_bytes=open_bytes, kept_bytes=kept_bytes
            )
            assert open_bytes + kept_bytes <= full_bytes
            assert open_bytes > 0 or kept_bytes >= PACKET_BYTES_MAX
            kept_bytes -= min(taken_bytes, kept_bytes)


@given(
    takings=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.booleans()), max_size=60)
)
def test_budgets_lend_no_more_than_they_hold(takings: list[tuple[int, int, bool]]) -> None:
    """One connection cannot take what the door needs for the others."""
    door = Budget(100)
    shares = [Share(Budget(50, within=door)) for _ in range(3)]
    held = [0, 0, 0]
    for number, count_bytes, release in takings:
        if release:
            shares[number].release()
            held[number] = 0
        elif shares[number].grow(count_bytes):
            held[number] += count_bytes
        else:
            assert held[number] + count_bytes > 50 or sum(held) + count_bytes > 100
        assert max(held) <= 50
        assert door.left_bytes == 100 - sum(held)
    for share in shares:
        share.release()
    assert door.left_bytes == 100


async def test_a_gate_opens_when_the_last_hold_is_gone() -> None:
    """A request waits for the client and for the exchange of keys, whichever ends last."""
    gate = Gate()
    gate.shut("unread")
    gate.shut("rekeying")
    waiting = asyncio.create_task(gate.wait_until_open())
    for hold, done in (("unread", False), ("rekeying", True)):
        gate.open(hold)
        for _ in range(3):
            await asyncio.sleep(0)
        assert waiting.done() is done


async def test_nobody_waits_at_a_gate_that_is_gone() -> None:
    """What a client that died had sent whole is still worked through."""
    gate = Gate()
    gate.shut("unread")
    waiting = [asyncio.create_task(gate.wait_until_open()) for _ in range(3)]
    await asyncio.sleep(0)
    gate.open_for_good()
    await asyncio.gather(*waiting)
    gate.shut("unread")
    await gate.wait_until_open()
