"""One large file, uploaded with OpenSSH's client to OpenSSH's server and to ours, in turn.

Ours hashes, stages, fsyncs and logs all the while; OpenSSH's server does none of it, and
`put -f`, which asks for an fsync, shows what that alone costs it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench._clients import run_openssh_sftp
from bench._launch import scratch_folder
from bench._results import Cell, interleaved, publish, ratio
from bench._servers import Target, prepare_ingestd, running_ingestd, running_openssh

FILE_BYTES = 94_000_000
ROUNDS = 5
CIPHER = "aes128-gcm@openssh.com"
# What the client prefers where nobody says otherwise; both servers agree to it.
CIPHER_OTHERWISE = "chacha20-poly1305@openssh.com"
_MEGABYTE = 1_000_000


def run() -> None:
    """Measure with one cipher for both, then with the client's own choice."""
    with scratch_folder() as folder:
        file = folder / "charges.bin"
        file.write_bytes(os.urandom(_MEGABYTE) * (FILE_BYTES // _MEGABYTE))
        installation = prepare_ingestd(folder / "ingestd")
        with (
            running_openssh(folder / "openssh") as openssh,
            running_ingestd(installation) as daemon,
        ):
            rows = [
                row
                for cipher in (CIPHER, CIPHER_OTHERWISE)
                for row in _measure(file, openssh, daemon.target(), cipher)
            ]
    publish(
        "sftp_upload",
        f"One file of {FILE_BYTES // _MEGABYTE} MB, OpenSSH's client, median of {ROUNDS} rounds "
        "(x: throughput against OpenSSH's, pair by pair; goal 1.00)",
        rows,
        file_bytes=FILE_BYTES,
        rounds=ROUNDS,
    )


def _measure(file: Path, openssh: Target, ours: Target, cipher: str) -> list[dict[str, Cell]]:
    def leg(target: Target, command: str) -> Callable[[int], float]:
        return functools.partial(_upload, file, target, command, cipher)

    seconds = interleaved(
        {
            "OpenSSH": leg(openssh, "put"),
            "ingestd": leg(ours, "put"),
            "OpenSSH, put -f (fsync)": leg(openssh, "put -f"),
        },
        rounds=ROUNDS,
    )
    return [
        {
            "server": name,
            "cipher": cipher.partition("@")[0],
            "seconds": median(taken),
            "MB/s": FILE_BYTES / _MEGABYTE / median(taken),
            "x": ratio(taken, seconds["OpenSSH"]),
            "x with put -f": ratio(taken, seconds["OpenSSH, put -f (fsync)"]),
            "rounds (s)": " ".join(f"{one:.2f}" for one in taken),
        }
        for name, taken in seconds.items()
    ]


def _upload(file: Path, target: Target, command: str, cipher: str, number: int) -> float:
    # A name that nobody recognises: it waits, and no file is processed while the next arrives.
    name = f"upload_{number}.bin"
    seconds = run_openssh_sftp(
        target, f"{command} {file} {target.folder}/{name}", options={"Ciphers": cipher}
    )
    arrived = (target.on_disk / name).stat().st_size
    if arrived != file.stat().st_size:
        raise RuntimeError(f"{target.name} has {arrived} bytes of {name}")
    # What one leg left to be written back would else be paid for by the next.
    target.remove_uploads("upload_*.bin")
    return seconds
