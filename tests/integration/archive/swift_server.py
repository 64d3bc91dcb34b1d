"""OpenStack Swift, which speaks S3 of its own making: four real servers, on one folder."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3  # type: ignore[import-untyped]

from tests.integration.archive.s3_server import BUCKET, Bucket
from tests.libraries import missing

PATIENCE_SECONDS = 60.0
USER, SECRET = "ingestd:door", "a-secret-that-nobody-logs"
_KINDS = ("object", "container", "account")
_PIPELINE = "catch_errors gatekeeper cache listing_formats s3api tempauth copy slo proxy-server"


@contextlib.contextmanager
def serve_swift(folder: Path, free_port: Callable[[], int]) -> Iterator[Bucket]:
    """Serve an empty bucket by Swift."""
    if shutil.which("swift-proxy-server") is None:
        missing("swift-proxy is not installed")
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n"
        "[storage-policy:0]\nname = gold\ndefault = yes\n"
    )
    ports = {kind: free_port() for kind in (*_KINDS, "proxy")}
    for kind in _KINDS:
        _make_ring(folder / f"{kind}.builder", ports[kind])
        rest = f"devices = {folder}/devices\nmount_check = false\nfallocate_reserve = 0\n"
        name = f"{kind}-server"
        app = f"[pipeline:main]\npipeline = {name}\n[app:{name}]\nuse = egg:swift#{kind}\n"
        _write_config(folder, kind, ports[kind], rest + app)
    filters = "".join(
        f"[filter:{name}]\nuse = egg:swift#{'memcache' if name == 'cache' else name}\n"
        + (f"user_{USER.replace(':', '_')} = {SECRET} .admin\n" if name == "tempauth" else "")
        for name in _PIPELINE.split()[:-1]
    )
    app = "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
    pipeline = f"[pipeline:main]\npipeline = {_PIPELINE}\n"
    _write_config(folder, "proxy", ports["proxy"], pipeline + app + filters)
    with contextlib.ExitStack() as stack:
        for kind in ports:
            stack.enter_context(_running(folder, kind))
        for port in ports.values():
            _wait_until_open(port, folder)
        bucket = Bucket(
            endpoint=f"http://127.0.0.1:{ports['proxy']}", access_key=USER, secret_key=SECRET
        )
        boto3.client(
            "s3",
            endpoint_url=bucket.endpoint,
            aws_access_key_id=USER,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        ).create_bucket(Bucket=BUCKET)
        yield bucket


def _write_config(folder: Path, kind: str, port: int, rest: str) -> None:
    (folder / f"{kind}-server.conf").write_text(
        f"[DEFAULT]\nuser = {getpass.getuser()}\nswift_dir = {folder}\nbind_ip = 127.0.0.1\n"
        f"bind_port = {port}\nworkers = 0\nlog_address = {folder}/no-log\n{rest}"
    )


def _make_ring(builder: Path, port: int) -> None:
    device = f"r1z1-127.0.0.1:{port}/d1"
    for arguments in (("create", "1", "1", "0"), ("add", device, "1"), ("rebalance",)):
        subprocess.run(
            ["swift-ring-builder", builder, *arguments],
            check=False,  # it warns of a single device with an exit code of its own
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )


@contextlib.contextmanager
def _running(folder: Path, kind: str) -> Iterator[None]:
    with (folder / f"{kind}.log").open("wb") as said:
        process = subprocess.Popen(
            [f"swift-{kind}-server", folder / f"{kind}-server.conf"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={"PATH": "/usr/bin:/bin", "SWIFT_DIR": str(folder)},
        )
    try:
        yield
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def _wait_until_open(port: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    said = "".join(path.read_text("utf-8") for path in folder.glob("*.log"))
    raise AssertionError(f"Swift never listened: {said}")
