"""How long what is random goes on: as long as the suite waits, or many times that (`make chaos`).

`INGESTD_CHAOS` says how many times; `INGESTD_SEED` where chance begins. Both are printed by the
run, so that whatever it finds can be found again.
"""

from __future__ import annotations

import os

TIMES = int(os.environ.get("INGESTD_CHAOS", "1"))
SEED = int(os.environ.get("INGESTD_SEED", "0"))
