"""Uploads what it reads from a pipe, as long as somebody writes to it: a job that can be cut.

Usage: pipe_upload.py LIBRARY PORT ACCOUNT KEY REMOTE < FILE
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator

PIECE_BYTES = 32 * 1024
LIBRARY, PORT, ACCOUNT, KEY, REMOTE = sys.argv[1:]


def pieces() -> Iterator[bytes]:
    while piece := sys.stdin.buffer.read(PIECE_BYTES):
        yield piece


def with_paramiko() -> None:
    import paramiko  # type: ignore[import-untyped]

    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", int(PORT), ACCOUNT, key_filename=KEY, look_for_keys=False)
    client.open_sftp().putfo(sys.stdin.buffer, REMOTE)


def with_ssh2() -> None:
    from ssh2 import sftp as flags  # type: ignore[import-untyped]
    from ssh2.session import Session  # type: ignore[import-untyped]

    session = Session()
    session.handshake(socket.create_connection(("127.0.0.1", int(PORT))))
    session.userauth_publickey_fromfile(ACCOUNT, KEY, "", publickey=f"{KEY}.pub")
    how = flags.LIBSSH2_FXF_WRITE | flags.LIBSSH2_FXF_CREAT | flags.LIBSSH2_FXF_TRUNC
    with session.sftp_init().open(REMOTE, how, 0o644) as file:
        for piece in pieces():
            file.write(piece)


async def with_asyncssh() -> None:
    import asyncssh

    async with (
        asyncssh.connect(
            "127.0.0.1", int(PORT), username=ACCOUNT, client_keys=[KEY], known_hosts=None
        ) as connection,
        connection.start_sftp_client() as sftp,
        sftp.open(REMOTE, "wb") as file,
    ):
        for piece in pieces():
            await file.write(piece)


if LIBRARY == "paramiko":
    with_paramiko()
elif LIBRARY == "ssh2":
    with_ssh2()
else:
    asyncio.run(with_asyncssh())
