"""Real clients cut off at random points: only whole files count, and each that was acknowledged."""

from __future__ import annotations

import hashlib
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.acceptance.clients.cutting_relay import Break, CuttingRelay

if TYPE_CHECKING:
    from tests.acceptance.conftest import School
Until = Callable[..., Any]

CUTS = 20
AT_ONCE = 5
ROWS_MAX = 1_500
NOTE = "x" * 150
# Before the first byte of the file, a client spends so much on keys, login and questions.
LOGIN_BYTES = 4_000
NEVER_BYTES = 2**62
CLIENT_SECONDS = 60
CLIENTS = ["sftp", "curl", "lftp", "paramiko", "asyncssh"]
LIBRARIES = {"paramiko", "asyncssh"}
PIPE = str(Path(__file__).parent / "pipe_upload.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One upload that is cut: by which client, of which file, where and how."""

    client: str
    path: Path
    rows: int
    cut_bytes: int
    how: Break


def plan(school: School, chance: random.Random) -> list[Cut]:
    """Choose clients in turn and everything else by chance; the first file gets through whole."""
    here = [name for name in CLIENTS if name in LIBRARIES or shutil.which(name)]
    cuts: list[Cut] = []
    for number in range(CUTS):
        rows = chance.randrange(1, ROWS_MAX)
        name = f"student_billing_cut{number}.csv"
        path = school.write_many(name, rows, prefix=f"CUT{number}", note=NOTE)
        end_bytes = LOGIN_BYTES + round(path.stat().st_size * 1.1) + 2_000
        cuts.append(
            Cut(
                client=here[number % len(here)],
                path=path,
                rows=rows,
                cut_bytes=chance.randrange(1, end_bytes) if number else NEVER_BYTES,
                how=chance.choice(list(Break)),
            )
        )
    return cuts


def command(school: School, cut: Cut, port: int) -> list[str]:
    """Return the client's command line; it exits 0 only when it believes that all went well."""
    target = f"/{school.account}/incoming/{cut.path.name}"
    options = {
        "IdentityFile": str(school.key),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
    }
    flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    if cut.client == "sftp":
        # It reads its commands from stdin, with the file's place in them.
        return [
            "sftp",
            "-F",
            "none",
            "-P",
            str(port),
            *flags,
            "-b",
            "-",
            f"{school.account}@127.0.0.1",
        ]
    if cut.client == "curl":
        who = ["--user", f"{school.account}:", "--key", str(school.key), "--insecure"]
        return ["curl", "-sS", *who, "-T", str(cut.path), f"sftp://127.0.0.1:{port}{target}"]
    if cut.client == "lftp":
        connect = shlex.join(["ssh", "-F", "none", "-a", "-x", *flags])
        commands = (
            *("set cmd:fail-exit yes", "set net:max-retries 1", "set net:timeout 10"),
            f'set sftp:connect-program "{connect}"',
            f"open sftp://{school.account}:@127.0.0.1:{port}",
            f"put -O /{school.account}/incoming {cut.path}",
        )
        return ["lftp", "--norc", "-c", "; ".join(commands)]
    who = [str(port), school.account, str(school.key)]
    return [sys.executable, PIPE, cut.client, *who, target]


def run(school: School, cut: Cut) -> bool:
    """Upload through a network that breaks; True when the client was told that all went well."""
    started = threading.Event()
    programs: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        assert started.wait(CLIENT_SECONDS)
        os.killpg(programs[0].pid, signal.SIGKILL)

    relay = CuttingRelay(school.sftp_port, cut_bytes=cut.cut_bytes, how=cut.how, kill=kill)
    said = f"put {cut.path} /{school.account}/incoming/{cut.path.name}\n".encode()
    with subprocess.Popen(
        command(school, cut, relay.port),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as program:
        programs.append(program)
        started.set()
        try:
            program.communicate(
                cut.path.read_bytes() if cut.client in LIBRARIES else said, CLIENT_SECONDS
            )
        except subprocess.TimeoutExpired:
            kill()
        finally:
            relay.close()
    return program.returncode == 0


def check(school: School, cut: Cut, *, acknowledged: bool) -> int:
    """Fail unless the file was taken whole or not at all; return how many rows were applied."""
    content = cut.path.read_bytes()
    stem = cut.path.stem
    received = school.log.events("upload_received", filename=cut.path.name)
    assert [event["size_bytes"] for event in received] == [len(content)] * len(received)
    if acknowledged:
        assert received
    if not received:
        assert not [path for path in school.receipts.glob(f"{stem}.*.json") if is_processed(path)]
        return 0
    upload_id = received[-1]["upload_id"]
    school.log.wait_until_event("file_processed", upload_id=upload_id)
    whole = hashlib.sha256(content).hexdigest()
    assert {event["sha256"] for event in received} == {whole}
    return cut.rows


def is_processed(receipt: Path) -> bool:
    return '"status": "processed' in receipt.read_text(encoding="utf-8")


def test_uploads_that_are_cut_anywhere_are_taken_whole_or_not_at_all(
    school: School, until: Until
) -> None:
    """A cable, a firewall or a laptop's lid decides where; it must never decide an amount."""
    seed = int(os.environ.get("INGESTD_TEST_SEED", random.randrange(2**32)))
    sys.stdout.write(f"INGESTD_TEST_SEED={seed}\n")  # shown when it fails
    school.start()
    cuts = plan(school, random.Random(seed))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        acknowledged = list(pool.map(lambda cut: run(school, cut), cuts))
    log = school.log
    until(
        lambda: len(log.events("session_closed")) == len(log.events("session_opened")),
        "the end of every session",
    )
    applied = {
        f"CUT{number}": check(school, cut, acknowledged=told)
        for number, (cut, told) in enumerate(zip(cuts, acknowledged, strict=True))
    }
    items = school.items("CUT")
    assert len(items) == sum(applied.values())
    counted = [key.partition("-")[0] for key in items]
    assert {prefix: counted.count(prefix) for prefix in applied} == applied
    # The test would be none if nothing was cut, or nothing got through.
    assert applied["CUT0"]
    assert not all(applied.values())
