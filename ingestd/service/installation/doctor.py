"""The doctor: checks a running installation end to end, and says what to do about each trouble."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingestd.database.schema import require_able
from ingestd.ledger.books.clock_check import find_clock_doubts
from ingestd.service.installation.bootstrap import Installation, open_installation
from ingestd.sftp.door.host_keys import fingerprints
from ingestd.spool.files import free_bytes
from ingestd.spool.nodes import list_nodes
from ingestd.values.clock import format_second, to_microseconds
from ingestd.values.errors import IngestdError, OtherLedgerError

_NET_SECONDS = 5.0
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to knock for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one check found. `is_misled`: the doctor was told to look at another installation."""

    check: str
    ok: bool
    what: str
    is_misled: bool = False


def examine(config_path: Path) -> list[Result]:
    """Check everything, in the order in which a file meets it; one trouble hides no other.

    Raises ConfigError when the config names no data folder or accounts to work with.
    """
    installation = open_installation(config_path)
    checks: list[tuple[str, Callable[[Installation], str]]] = [
        ("config", _config),
        ("data folder", _data_folder),
        ("host keys", _host_keys),
        ("database", _database),
        ("archive", _archive),
        ("nodes", _nodes),
        ("clock", _clock),
        ("daemon", _daemon),
        ("readiness", _readiness),
        ("sftp", _sftp),
    ]
    try:
        results = [_run(name, check, installation) for name, check in checks]
        for shard in installation.further:
            of_shard = (("database", _database), ("nodes", _nodes), ("clock", _clock))
            results += [_run(f"{name} {shard.shard}", check, shard) for name, check in of_shard]
        return results
    finally:
        installation.close()


def _run(name: str, check: Callable[[Installation], str], installation: Installation) -> Result:
    try:
        return Result(check=name, ok=True, what=check(installation))
    except IngestdError as error:
        is_misled = isinstance(error, OtherLedgerError)
        return Result(check=name, ok=False, what=error.message, is_misled=is_misled)
    except OSError as error:
        return Result(check=name, ok=False, what=error.strerror or str(error))


def _config(installation: Installation) -> str:
    access, look = installation.access, installation.look
    if look.mistakes:
        raise _NotWellError(
            "\n".join(map(str, look.mistakes)) + "\nUntil they are mended, what was last in force "
            "stays in force."
        )
    if not access.accounts:
        raise _NotWellError("No account is configured. Run: ingestd account add")
    unreachable = [
        account
        for account in access.accounts
        if not access.allowlist.everyone and not access.allowlist.accounts.get(account)
    ]
    if unreachable:
        raise _NotWellError(
            f"No address is listed for {', '.join(unreachable)}: nobody can connect as it. "
            "Add its addresses to allowlist.toml."
        )
    return f"{len(access.accounts)} account(s)"


def _data_folder(installation: Installation) -> str:
    folder = installation.settings.data_dir
    if not folder.exists():
        raise _NotWellError(f"{folder} does not exist: a volume is late, or run: ingestd init")
    probe = folder / ".doctor"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(descriptor)
    probe.unlink()
    free = free_bytes(folder)
    reserve = installation.settings.intake.disk_reserve_bytes
    if free < reserve:
        raise _NotWellError(
            f"{free >> 20} MiB are free, uploads are refused below {reserve >> 20} MiB. Free space."
        )
    return f"{folder}, {free >> 20} MiB free"


def _host_keys(installation: Installation) -> str:
    found = fingerprints(installation.folders.host_keys)
    if not found:
        raise _NotWellError("There are no host keys yet. Run: ingestd init, or start the daemon")
    return ", ".join(f"{algorithm} {fingerprint}" for algorithm, fingerprint in found.items())


def _database(installation: Installation) -> str:
    installation.ledger.require()
    require_able(installation.database)
    return "SQLite" if installation.database.is_embedded else "PostgreSQL"


def _archive(installation: Installation) -> str:
    return installation.archive().examine()


def _nodes(installation: Installation) -> str:
    if installation.database.is_embedded:
        return "one: the ledger lies in its folder"
    try:
        installation.ledger.require()
        with installation.database.reading() as connection:
            nodes = list_nodes(connection)
    except IngestdError:
        return "not asked: see the database"
    stranding = [
        f"Node {node.node} on {node.host} was last heard of at {format_second(node.heard_at)}, and "
        f"{node.uploads} upload(s) without an outcome lie there. Start it again; if its disk is "
        "lost: ingestd uploads give-up"
        for node in nodes
        if node.is_stranding
    ]
    if stranding:
        raise _NotWellError(" ".join(stranding))
    live = [node for node in nodes if node.is_live]
    if not live:
        return "none is live"
    names = [f"{node.node} on {node.host} (ingestd {node.program})" for node in live]
    told = f"{len(live)} live: {', '.join(names)}"
    if len({node.host_keys for node in live}) > 1:
        keys = "; ".join(f"{node.node} {node.host_keys}" for node in live)
        # Right where each is reached by a name of its own, so this is no failure.
        told += (
            f". Their host keys differ: {keys}. Where clients reach them by one name, copy "
            "data/host_keys from one to the others, or set host_keys_dir: else the second seems "
            "to be an attacker"
        )
    return told


def _clock(installation: Installation) -> str:
    now = to_microseconds(installation.clock.now())
    try:
        installation.ledger.require()
        with installation.database.reading() as connection:
            doubts = find_clock_doubts(connection, now=now)
    except IngestdError:
        return "not compared: see the database"
    if doubts:
        raise _NotWellError(" ".join(doubt.message for doubt in doubts))
    return "not behind the books"


def _daemon(installation: Installation) -> str:
    path = installation.folders.daemon_lock
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError as error:
        raise _NotWellError("No daemon runs here. Start it: ingestd serve") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "running"
    finally:
        os.close(descriptor)
    raise _NotWellError("No daemon runs here. Start it: ingestd serve")


def _readiness(installation: Installation) -> str:
    listen = installation.settings.http.listen
    if listen.port == 0:
        return "not asked: [http] listen has port 0"
    host = _ANY_HOST.get(listen.host, listen.host)
    if installation.settings.http.has_tls:
        # It asks its own machine, whose certificate is for another name.
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, listen.port, timeout=_NET_SECONDS, context=unverified
        )
    else:
        connection = http.client.HTTPConnection(host, listen.port, timeout=_NET_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != http.client.OK:
        # One trouble may stand under two names; the first is the nearer one.
        troubles: dict[str, str] = {}
        for name, what in body["checks"].items():
            if what != "ok":
                troubles.setdefault(what, name)
        raise _NotWellError("; ".join(f"{name}: {what}" for what, name in troubles.items()))
    return "ready"


def _sftp(installation: Installation) -> str:
    return "; ".join(
        _knock(address.host, address.port) for address in installation.settings.sftp.listen
    )


def _knock(host: str, port: int) -> str:
    """Connect as a client would; without a listing the door rightly says nothing."""
    if port == 0:
        return "not asked: [sftp] listen has port 0"
    with socket.create_connection((_ANY_HOST.get(host, host), port), _NET_SECONDS) as peer:
        peer.settimeout(_NET_SECONDS)
        try:
            banner = peer.recv(64)
        except ConnectionResetError:
            banner = b""
    if banner.startswith(b"SSH-2.0-"):
        return f"{host}:{port} answers"
    return f"{host}:{port} takes connections; this machine's own address is not on the allowlist"


class _NotWellError(IngestdError):
    """A check found a trouble; the message says what to do."""
