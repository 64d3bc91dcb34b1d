"""ssh2-sftp-client, what scripts in Node.js upload with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery

SCRIPT = Path(__file__).parent / "node" / "upload.js"


@pytest.mark.parametrize("way", ["put", "fastPut", "rename"])
def test_a_script_exits_0_and_its_file_is_processed_once(
    delivery: Delivery, way: str, node_modules: Path, fingerprint: str
) -> None:
    """`fastPut` writes many pieces at once and in any order; the others, one after the other."""
    school = delivery.school
    who = (str(school.sftp_port), school.account, str(school.key), fingerprint)
    delivery.run(
        *("env", f"NODE_PATH={node_modules}", "node", str(SCRIPT)),
        *(way, *who, str(delivery.path), delivery.target),
    )
    delivery.check_taken_once()
