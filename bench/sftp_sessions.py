"""Short sessions: connect, log in with a key, put 1 KB, quit; eight at a time."""

from __future__ import annotations

import asyncio
import functools
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from bench._bare_asyncssh import running_bare_asyncssh
from bench._clients import connect, put, run_openssh_sftp
from bench._launch import scratch_folder
from bench._processes import look_at, own_cpu_seconds
from bench._results import Cell, interleaved, publish, ratio
from bench._servers import Target, prepare_ingestd, running_ingestd, running_openssh

SESSIONS = 40
SESSIONS_ALONE = 16  # with the client's own key exchange: slow enough to be seen
AT_A_TIME = 8
ROUNDS = 5
FILE_BYTES = 1000
_REAP_SECONDS = 0.1
# The same work for all. Left alone, OpenSSH's client chooses sntrup761x25519 with its own server,
# where a session then takes several times as long; ours does not offer that one.
KEX = {"KexAlgorithms": "curve25519-sha256"}

Driver = Callable[[Target, int, int], float]


def run() -> None:
    """Measure with each of the two clients: their own cost is a part of what one sees."""
    with scratch_folder() as folder:
        file = folder / "small.bin"
        file.write_bytes(os.urandom(FILE_BYTES))
        installation = prepare_ingestd(folder / "ingestd")
        with (
            running_openssh(folder / "openssh") as openssh,
            running_bare_asyncssh(folder / "asyncssh") as bare,
            running_ingestd(installation) as daemon,
        ):
            openssh_alike = functools.partial(_run_openssh_sessions, KEX)
            openssh_alone = functools.partial(_run_openssh_sessions, {})
            both = (openssh, daemon.target())
            rows = [
                row
                for client, driver, targets, sessions in (
                    ("OpenSSH sftp, a process each", openssh_alike, (*both, bare), SESSIONS),
                    ("asyncssh, in one process", _run_asyncssh_sessions, (*both, bare), SESSIONS),
                    ("OpenSSH sftp, its own key exchange", openssh_alone, both, SESSIONS_ALONE),
                )
                for row in _measure(client, functools.partial(driver, file), targets, sessions)
            ]
    publish(
        "sftp_sessions",
        f"{SESSIONS} sessions of one {FILE_BYTES} byte file, {AT_A_TIME} at a time, median of "
        f"{ROUNDS} rounds (x: sessions a second against OpenSSH's, pair by pair; goal 2.50)",
        rows,
        sessions=SESSIONS,
        at_a_time=AT_A_TIME,
        rounds=ROUNDS,
    )


def _measure(
    client: str, driver: Driver, targets: Sequence[Target], sessions: int
) -> list[dict[str, Cell]]:
    servers_cpu: defaultdict[str, float] = defaultdict(float)
    clients_cpu: defaultdict[str, float] = defaultdict(float)

    def leg(target: Target, number: int) -> float:
        server, ours = look_at(target.pid).cpu_seconds, own_cpu_seconds()
        seconds = driver(target, sessions, number)
        servers_cpu[target.name] += look_at(target.pid).cpu_seconds - server
        clients_cpu[target.name] += own_cpu_seconds() - ours
        return seconds

    seconds = interleaved(
        {target.name: functools.partial(leg, target) for target in targets}, rounds=ROUNDS
    )
    all_sessions = sessions * (ROUNDS + 1)
    return [
        {
            "client": client,
            "server": name,
            "sessions/s": sessions / median(taken),
            "x": ratio(taken, seconds[targets[0].name]),
            "server CPU ms": servers_cpu[name] / all_sessions * 1000,
            "client CPU ms": clients_cpu[name] / all_sessions * 1000,
            "rounds (s)": " ".join(f"{one:.2f}" for one in taken),
        }
        for name, taken in seconds.items()
    ]


def _run_openssh_sessions(
    options: Mapping[str, str], file: Path, target: Target, sessions: int, number: int
) -> float:
    def one(session: int) -> None:
        command = f"put {file} {target.folder}/session_{number}_{session}.bin"
        run_openssh_sftp(target, command, options=options)

    started = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as clients:
        list(clients.map(one, range(sessions)))
    return _end_round(target, sessions, started)


def _run_asyncssh_sessions(file: Path, target: Target, sessions: int, number: int) -> float:
    started = time.monotonic()
    asyncio.run(_asyncssh_sessions(target, file.read_bytes(), sessions, number))
    return _end_round(target, sessions, started)


async def _asyncssh_sessions(target: Target, content: bytes, sessions: int, number: int) -> None:
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(session: int) -> None:
        async with (
            places,
            await connect(target, kex_algs=list(KEX.values())) as connection,
            connection.start_sftp_client() as sftp,
        ):
            await put(sftp, f"{target.folder}/session_{number}_{session}.bin", content)

    async with asyncio.TaskGroup() as tasks:
        for session in range(sessions):
            tasks.create_task(one(session))


def _end_round(target: Target, sessions: int, started: float) -> float:
    seconds = time.monotonic() - started
    time.sleep(_REAP_SECONDS)  # sshd counts the CPU time of a child once it has ended
    arrived = len(list(target.on_disk.glob("session_*.bin")))
    if arrived != sessions:
        raise RuntimeError(f"{target.name} has {arrived} of {sessions} files")
    target.remove_uploads("session_*.bin")
    return seconds
