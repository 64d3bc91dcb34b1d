"""A folder of host keys that several nodes share: each shows the same, whoever made them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingestd.config.editing.examples import write_examples
from ingestd.service.installation.bootstrap import open_installation
from ingestd.sftp.door import host_keys
from ingestd.sftp.door.host_keys import fingerprints, load_or_create_host_keys
from ingestd.telemetry.events import Event
from ingestd.values.errors import ConfigError

NODES = 4


def test_nodes_that_start_at_once_show_the_same_keys(tmp_path: Path) -> None:
    """No client is warned of an attack because of which machine a balancer chose."""
    shared = tmp_path / "shared"
    start = threading.Barrier(NODES)

    def begin(_: int) -> set[str]:
        start.wait(10)
        return {key.get_fingerprint() for key in load_or_create_host_keys(shared)}

    with capture_logs() as log, ThreadPoolExecutor(NODES) as threads:
        shown = list(threads.map(begin, range(NODES)))
    assert all(one == shown[0] for one in shown)
    assert set(fingerprints(shared).values()) == shown[0]
    made = [one for one in log if one["event"] == Event.HOST_KEY_CREATED]
    assert {one["fingerprint"] for one in made} == shown[0]
    assert len(made) == 2
    names = sorted(path.name for path in shared.iterdir())
    assert names == sorted(
        f"{name}{ending}" for name in host_keys._ALGORITHMS for ending in ("", ".pub")
    )


def test_a_folder_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written in the file it is relative to that; in the environment, to where one stands."""
    write_examples(tmp_path)
    settings = tmp_path / "ingestd.toml"
    own = open_installation(settings).folders
    assert own.host_keys == own.data_dir / "host_keys"
    text = settings.read_text("utf-8")
    settings.write_text(f'host_keys_dir = "../keys"\n{text}', "utf-8")
    assert open_installation(settings).folders.host_keys == tmp_path.parent / "keys"
    monkeypatch.setenv("INGESTD_HOST_KEYS_DIR", "/srv/keys")
    assert open_installation(settings).folders.host_keys == Path("/srv/keys")
    monkeypatch.delenv("INGESTD_HOST_KEYS_DIR")
    settings.write_text(f"host_keys_dir = 7\n{text}", "utf-8")
    with pytest.raises(ConfigError, match="host_keys_dir"):
        open_installation(settings)
