"""Each sync earns its place: leave one out, and what the power loses is noticed.

Where a rename between two folders is kept as one, as ext4, XFS and btrfs do, three are never
noticed: whichever folder is synced first keeps both halves.

- In `move_durably` that of the source folder: the target's came before. It is not tried here.
- In `take` that of the claimed folder and that of `incoming/`: without them the file is where it
  was, and is taken once more. They are tried with the halves kept apart, and are noticed then.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.lost_power.disk import Mode
from tests.chaos import SEED, TIMES

if TYPE_CHECKING:
    from tests.acceptance.lost_power.conftest import Lend

CUTS_MAX = 40
# Each costs some cuts: `make test` tries those that are noticed first.
QUICK = ["bytes", "note"]
APART = ["claimed", "incoming"]
SLOW = ["target folder", "new folder", "commit", *APART]


@pytest.mark.chaos
@pytest.mark.parametrize("left_out", QUICK + SLOW if TIMES > 1 else QUICK)
def test_a_sync_that_is_left_out_is_noticed(lossy: Lend, left_out: str) -> None:
    """Whoever takes one out to be faster is told what it costs."""
    with lossy(SEED, left_out=left_out, split=left_out in APART) as installation:
        noticed = None
        while noticed is None and installation.cuts < CUTS_MAX:
            noticed = installation.lose_power(Mode.NONE)
        sys.stdout.write(f"without {left_out}: {noticed}\n")
        assert noticed
