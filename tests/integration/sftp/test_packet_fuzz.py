"""Packets that hypothesis makes up: whatever comes, nothing leaks and nothing escapes."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from asyncssh.packet import Byte, String, UInt32, UInt64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

School = Any  # the fixture of conftest.py, which cannot be imported

UNHURRIED = settings(
    max_examples=60,
    deadline=None,
    # One door serves all examples: that it outlives each of them is what is tested.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

NAMES = st.sampled_from([b"student_billing.csv", b"x.part", b".hidden", b"a" * 300, b"\xff", b""])
FOLDERS = st.sampled_from(
    [
        *(b"", b"/", b"/SPRINGFIELD/incoming/", b"/SPRINGFIELD/receipts/"),
        *(b"/SHELBYVILLE/incoming/", b"/SPRINGFIELD/../", b"/SPRINGFIELD/incoming/../../../"),
        *(b"incoming/./", b"/etc/"),
    ]
)
PATHS = st.builds(bytes.__add__, FOLDERS, NAMES) | st.binary(max_size=40)
FIELDS = st.one_of(
    PATHS.map(String),
    st.integers(0, 5).map(lambda number: String(number.to_bytes(4, "big"))),
    st.sampled_from([0, 1, 2, 8, 0x1A, 0x0E, 2**32 - 1]).map(UInt32),
    st.sampled_from([0, 1, 4096, 2**63, 2**64 - 1]).map(UInt64),
    st.integers(0, 255).map(Byte),
    st.binary(max_size=16),
)
# Every request of version 3, extended ones, and numbers that stand for nothing.
KINDS = st.sampled_from([*range(3, 21), 200, 0, 255])
PACKETS = st.lists(st.tuples(KINDS, st.lists(FIELDS, max_size=4)), max_size=25)


def files_outside(school: School) -> set[str]:
    """Return every file that is not where SPRINGFIELD's uploads and notes lie."""
    root: Path = school.folders.data_dir
    allowed = {
        folder("SPRINGFIELD")
        for folder in (
            *(school.folders.incoming, school.folders.arrivals, school.folders.staging),
            *(school.folders.partials, school.folders.claimed),
        )
    }
    return {
        str(path.relative_to(root.parent))
        for path in root.parent.rglob("*")
        if path.is_file() and not allowed.intersection(path.parents)
    }


@UNHURRIED
@given(packets=PACKETS)
async def test_no_packets_bring_the_door_down_or_write_elsewhere(
    school: School, packets: list[tuple[int, list[bytes]]]
) -> None:
    """Anybody with one key may send anything: it must cost nobody else anything."""
    before = files_outside(school)
    raw = await school.raw()
    for kind, fields in packets:
        raw.send(kind, *fields)
    raw.writer.write_eof()
    await raw.writer.channel.wait_closed()
    raw.connection.close()
    await raw.connection.wait_closed()
    await school.until(lambda: school.staged() == [], "an empty staging folder")
    assert files_outside(school) == before
    assert school.door.listening


async def test_handles_left_open_do_not_pile_up(school: School) -> None:
    """A client that never closes anything must not use up the server's descriptors."""

    async def leave_handles_open() -> None:
        raw = await school.raw()
        for number in range(20):
            await raw.open(f"student_billing_{number}.csv")
        await raw.ask(11, String(b"/SPRINGFIELD/incoming"))
        raw.connection.abort()
        await raw.connection.wait_closed()
        await school.until(lambda: school.staged() == [], "an empty staging folder")

    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    await leave_handles_open()
    before = descriptors()
    for _ in range(10):
        await leave_handles_open()
    await school.until(lambda: descriptors() <= before, "closed descriptors")
