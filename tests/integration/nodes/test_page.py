"""The operator's page about several nodes: what it shows is what works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "operate" / "nodes.md"


def test_the_balancers_config_is_one(tmp_path: Path) -> None:
    """Whoever copies it has a balancer that starts."""
    if shutil.which("haproxy") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("haproxy is not installed")
        pytest.skip("haproxy is not installed")
    [config] = re.findall(
        r"^```haproxy\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    path = tmp_path / "haproxy.cfg"
    path.write_text(config, "utf-8")
    done = subprocess.run(
        ["haproxy", "-c", "-f", path], check=False, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
