"""A machine is lost with its disk, the moment after its client was told OK."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database, open_database
from tests.acceptance.conftest import School, Template
from tests.integration.archive.conftest import bucket, s3_server
from tests.integration.archive.s3_server import Bucket, environment_of
from tests.integration.database.conftest import Server, server

__all__ = ["bucket", "s3_server", "server"]

Until = Callable[..., Any]


@pytest.fixture
def nodes(
    template: Template,
    tmp_path: Path,
    server: Server | None,
    bucket: Bucket,
    free_port: Callable[[], int],
) -> Iterator[tuple[School, School, Database]]:
    """Two installations on one PostgreSQL and one archive, made as the operator's page says."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    with server.database("pattern_empty") as url:
        here, there = (
            School(folder=tmp_path / name, sftp_port=free_port(), http_port=free_port())
            for name in ("here", "there")
        )
        for school in (here, there):
            shutil.copytree(template.folder / "outbox", school.folder / "outbox")
            school.environment |= environment_of(bucket)
            school.set(
                database_url=url,
                archive_url=bucket.url,
                sftp__listen=[f"127.0.0.1:{school.sftp_port}"],
                http__listen=f"127.0.0.1:{school.http_port}",
                intake__settle_seconds=20.0,
                intake__rescan_seconds=1.0,
                intake__disk_reserve_bytes=0,
            )
            assert school.run("init", str(school.folder)).returncode == 0
            for name in ("accounts.toml", "allowlist.toml"):
                shutil.copy(template.folder / "config" / name, school.config / name)
        for kind in ("products", "parents", "students"):
            path = str(here.outbox / f"{kind}.csv")
            done = here.run("catalog", "import", kind, path, "--account", here.account)
            assert done.returncode == 0, done.stderr
        database = open_database(url)
        try:
            yield here, there, database
        finally:
            here.kill()
            there.kill()
            database.close()


def test_it_costs_its_districts_nothing(
    nodes: tuple[School, School, Database], until: Until
) -> None:
    """Another machine processes the file, once, and gives its receipt."""
    here, there, database = nodes
    here.start()
    for name in ("ledger_key", "ledger_key.pub"):
        shutil.copy(here.folder / "data" / name, there.folder / "data" / name)
    there.start()
    here.upload(here.write("student_billing.csv", "LIABILITY,T1,00042,LATE_FEE,late,5.00,"))
    here.daemon.send_signal(signal.SIGKILL)
    here.daemon.wait()
    shutil.rmtree(here.folder / "data")
    with database.writing() as connection:  # as a minute later, when it is anybody's
        connection.exec_driver_sql("UPDATE upload SET next_try_at = 1")
    receipt = there.wait_until_receipt("student_billing.csv")
    assert (receipt["status"], receipt["rows"]["applied"]) == ("processed", 1)
    assert there.items() == {"T1": "5.00"}
    done = there.run("uploads", "receipt", receipt["upload_id"], "--account", there.account)
    assert json.loads(done.stdout) == receipt
    assert there.run("ledger", "verify", "--account", there.account).returncode == 0
    assert "s3://" in next(
        line for line in there.run("doctor").stdout.splitlines() if line.startswith("archive")
    )
    # A machine that takes its place shows the receipt, too.
    shutil.rmtree(here.folder / "config")
    assert here.run("init", str(here.folder)).returncode == 0
    for name in ("accounts.toml", "allowlist.toml"):
        shutil.copy(there.config / name, here.config / name)
    here.start()
    done = here.sftp_batch(f"get /{here.account}/receipts/*.json fetched.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((here.outbox / "fetched.json").read_bytes()) == receipt
    log = here.log.path.read_text("utf-8") + there.log.path.read_text("utf-8")
    assert "secret" not in log
