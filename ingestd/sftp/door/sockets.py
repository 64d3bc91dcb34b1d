"""Listening sockets, all of them or none, with errors that name the address and the remedy."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Sequence

from ingestd.values.errors import ListenError

_BACKLOG = 128
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
_REMEDIES = {
    errno.EADDRINUSE: "Stop what listens there, or choose another port.",
    errno.EACCES: "Choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE.",
    errno.EADDRNOTAVAIL: "Choose an address of this machine.",
}


def bind_all(addresses: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """Return listening, non-blocking sockets for every address.

    `::` is left out on a machine without IPv6 if anything else is listened on. Raises
    ListenError with one line for the first address that fails; then nothing is listened on.
    """
    with contextlib.ExitStack() as opened:
        sockets: list[socket.socket] = []
        for host, port in addresses:
            try:
                sock = _bind(host, port)
            except OSError as error:
                if host == "::" and error.errno in _NO_IPV6 and len(addresses) > 1:
                    continue
                raise _listen_error(host, port, error) from error
            sockets.append(opened.enter_context(sock))
        opened.pop_all()
    return sockets


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` for IPv6 alone: 0.0.0.0 stands on a line of its own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _listen_error(host: str, port: int, error: OSError) -> ListenError:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    reason = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else error
    remedy = _REMEDIES.get(error.errno or 0, "Check the address.")
    return ListenError(f"Cannot listen for SFTP on {place}: {reason}. {remedy}", detail=repr(error))
