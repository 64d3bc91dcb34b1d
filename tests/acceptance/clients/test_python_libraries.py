"""paramiko, ssh2-python and asyncssh: what a district's own scripts are written with."""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest

if TYPE_CHECKING:
    from tests.acceptance.clients.conftest import Delivery
    from tests.acceptance.conftest import School

PIECE_BYTES = 100_000
LARGE_BYTES = 2_000_000
MODE = 0o644


def paramiko_put(delivery: Delivery) -> None:
    with delivery.school.paramiko() as sftp:
        sftp.put(str(delivery.path), delivery.target, confirm=True)


def paramiko_putfo(delivery: Delivery) -> None:
    size_bytes = delivery.path.stat().st_size
    with delivery.school.paramiko() as sftp, delivery.path.open("rb") as file:
        sent = sftp.putfo(file, delivery.target, file_size=size_bytes, confirm=True)
        assert sent.st_size == size_bytes


def paramiko_open_and_write(delivery: Delivery) -> None:
    with delivery.school.paramiko() as sftp:
        with sftp.open(delivery.target, "w") as file:
            # Otherwise every 32 KiB waits for their answer, and 50 MB take a minute.
            file.set_pipelined(delivery.path.stat().st_size > LARGE_BYTES)
            for piece in pieces_of(delivery):
                file.write(piece)
        assert sftp.stat(delivery.target).st_size == delivery.path.stat().st_size


def paramiko_put_and_rename(delivery: Delivery) -> None:
    with delivery.school.paramiko() as sftp:
        sftp.put(str(delivery.path), f"{delivery.target}.part")
        sftp.posix_rename(f"{delivery.target}.part", delivery.target)
        assert sftp.stat(delivery.target).st_size == delivery.path.stat().st_size


def ssh2_python_write(delivery: Delivery) -> None:
    flags = ssh2("sftp")
    how = flags.LIBSSH2_FXF_WRITE | flags.LIBSSH2_FXF_CREAT | flags.LIBSSH2_FXF_TRUNC
    with ssh2_session(delivery.school) as sftp, sftp.open(delivery.target, how, MODE) as file:
        for piece in pieces_of(delivery):
            file.write(piece)


def asyncssh_put(delivery: Delivery) -> None:
    async def upload(sftp: asyncssh.SFTPClient) -> None:
        await sftp.put(str(delivery.path), delivery.target, preserve=True)

    asyncio.run(with_asyncssh(delivery.school, upload))


def asyncssh_open_and_write(delivery: Delivery) -> None:
    async def upload(sftp: asyncssh.SFTPClient) -> None:
        async with sftp.open(delivery.target, "wb") as file:
            for piece in pieces_of(delivery):
                await file.write(piece)
        assert await sftp.getsize(delivery.target) == delivery.path.stat().st_size

    asyncio.run(with_asyncssh(delivery.school, upload))


def pieces_of(delivery: Delivery) -> Iterator[bytes]:
    with delivery.path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def ssh2(module: str) -> Any:
    try:
        return importlib.import_module(f"ssh2.{module}")
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("ssh2-python is not installed")


@contextmanager
def ssh2_session(school: School) -> Iterator[Any]:
    """Lend an SFTP session of libssh2."""
    with socket.create_connection(("127.0.0.1", school.sftp_port)) as connection:
        session = ssh2("session").Session()
        session.handshake(connection)
        key = str(school.key)
        session.userauth_publickey_fromfile(school.account, key, "", publickey=f"{key}.pub")
        yield session.sftp_init()
        session.disconnect()


async def with_asyncssh(school: School, use: Callable[[asyncssh.SFTPClient], Any]) -> None:
    school.openssh("sftp")  # which writes the file of known hosts
    async with (
        asyncssh.connect(
            "127.0.0.1",
            school.sftp_port,
            username=school.account,
            client_keys=[str(school.key)],
            known_hosts=str(school.outbox / "known_hosts"),
            agent_path=None,
            config=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        await use(sftp)


@pytest.mark.parametrize(
    "way",
    [
        paramiko_put,
        paramiko_putfo,
        paramiko_open_and_write,
        paramiko_put_and_rename,
        ssh2_python_write,
        asyncssh_put,
        asyncssh_open_and_write,
    ],
)
def test_a_script_sees_no_error_and_its_file_is_processed_once(
    delivery: Delivery, way: Callable[[Delivery], None]
) -> None:
    """A library that compares sizes after the upload, or does not, is satisfied either way."""
    way(delivery)
    delivery.check_taken_once()
