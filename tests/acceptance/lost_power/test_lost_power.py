"""Lost power: what a client was told is taken is there afterwards, and is billed once."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.lost_power.disk import Mode
from tests.chaos import SEED, TIMES

if TYPE_CHECKING:
    from tests.acceptance.lost_power.conftest import Lend

CUTS = 4
CUTS_BESIDE_A_SERVER = 3  # a start waits until nobody else is heard of under its name


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
def test_power_that_is_lost_at_any_moment_loses_no_upload(lossy: Lend, part: int) -> None:
    """A socket that a cleaner pulls out costs a district nothing, and bills nobody twice."""
    with lossy(SEED + part) as installation:
        for mode in itertools.islice(itertools.cycle(Mode), CUTS):
            assert installation.lose_power(mode) is None
        sys.stdout.write(f"{len(installation.acknowledged)} uploads acknowledged\n")
        assert installation.acknowledged


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
def test_power_that_a_node_loses_beside_its_server_loses_no_upload(lossy: Lend, part: int) -> None:
    """A node whose disk forgets what its ledger on another machine has seen does nothing twice."""
    with lossy(SEED + part, on_server=True) as installation:
        for mode in itertools.islice(itertools.cycle(Mode), CUTS_BESIDE_A_SERVER):
            assert installation.lose_power(mode) is None
        sys.stdout.write(f"{len(installation.acknowledged)} uploads acknowledged\n")
        assert installation.acknowledged
