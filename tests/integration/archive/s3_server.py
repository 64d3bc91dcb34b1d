"""A server that speaks S3, in this process, and what may go wrong on the way to it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NoReturn

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from ingestd.spool.archive.archive import Archive, ArchiveWaits
from ingestd.spool.archive.opening import open_archive

BUCKET = "district-files"
SLOW_SECONDS = 0.3
WAITS = ArchiveWaits(connect=1.0, answer=1.0, repeats=1.5)

StartResponse = Callable[..., Any]


class Fault(Enum):
    """What happens to the requests that come."""

    NONE = auto()
    AWAY = auto()
    """An error, and nothing is done."""
    LOST = auto()
    """It is done, and the answer is an error."""
    STALLED = auto()
    """Nothing is answered before the client has given up; then it is done."""
    LATE = auto()
    """It is done, and answered once the client has given up."""
    SLOW = auto()
    """It is done, and answered a little later."""
    CUT = auto()
    """The connection is cut, and nothing is done."""
    CUT_OFF = auto()
    """It is done, and the connection is cut instead of an answer."""
    FOREIGN = auto()
    """The credentials are refused."""
    GONE = auto()
    """What is asked for is not there."""
    SPOILED = auto()
    """Other bytes are given back."""
    FORGETFUL = auto()
    """It is said to be done, and is not."""
    PLAIN = auto()
    """What comes with a condition is not known how to do."""
    CARELESS = auto()
    """It is done whatever its condition."""


@dataclass
class Bucket:
    """A bucket behind faults: what is `drawn` for each request; or `faults`, then `lasting`."""

    url: str = f"s3://{BUCKET}/uploads"
    endpoint: str = ""
    access_key: str = "AKIDINGESTD"
    secret_key: str = "the secret that nobody logs"
    drawn: Callable[[], Fault] | None = None
    lasting: Fault = Fault.NONE
    faults: list[Fault] = field(default_factory=list)
    forbidden: frozenset[str] = frozenset()
    """Methods that the credentials do not allow."""
    requests: list[str] = field(default_factory=list)
    signatures: list[tuple[str, str | None]] = field(default_factory=list)
    """Who signed each request, and the token of a session."""
    released: threading.Event = field(default_factory=threading.Event)

    def next_fault(self, method: str) -> Fault:
        """Return what becomes of the next request."""
        if method in self.forbidden:
            return Fault.FOREIGN
        if self.drawn is not None:
            return self.drawn()
        return self.faults.pop(0) if self.faults else self.lasting

    def open(self, *, accepts_when_away: bool = False) -> Archive:
        """Return the archive in it, as a node has it that waits for a second at most."""
        return open_archive(self.url, accepts_when_away=accepts_when_away, waits=WAITS)


_REFUSALS = {
    Fault.AWAY: "503 Slow Down",
    Fault.FOREIGN: "403 Forbidden",
    Fault.GONE: "404 Not Found",
    Fault.FORGETFUL: "200 OK",
    Fault.PLAIN: "501 Not Implemented",
}


class _Faulty:
    def __init__(self, served: Any, bucket: Bucket) -> None:
        self._served = served
        self._bucket = bucket

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        bucket = self._bucket
        fault = bucket.next_fault(environ["REQUEST_METHOD"])
        bucket.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        bucket.signatures.append(
            (environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))
        )
        if fault is Fault.CARELESS:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if fault is Fault.PLAIN and "HTTP_IF_NONE_MATCH" not in environ:
            fault = Fault.NONE
        if fault is Fault.FORGETFUL and environ["REQUEST_METHOD"] != "PUT":
            fault = Fault.NONE
        if fault in _REFUSALS:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return _refuse(start, _REFUSALS[fault])
        if fault is Fault.CUT:
            _cut(environ)
        if fault is Fault.STALLED:
            bucket.released.wait(30)
        answer: Iterable[bytes] = list(self._served(environ, start if _tells(fault) else _nobody))
        if fault in (Fault.LATE, Fault.SLOW):
            bucket.released.wait(30 if fault is Fault.LATE else SLOW_SECONDS)
        if fault is Fault.CUT_OFF:
            _cut(environ)
        if fault is Fault.SPOILED:
            return [piece[::-1] for piece in answer]
        return answer if _tells(fault) else _refuse(start, "500 Internal Server Error")


def _tells(fault: Fault) -> bool:
    return fault not in (Fault.LOST, Fault.CUT_OFF)


def _cut(environ: dict[str, Any]) -> NoReturn:
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


def _nobody(*_: object) -> None:
    """Tell nobody."""


def _refuse(start: StartResponse, status: str) -> list[bytes]:
    start(status, [("Content-Type", "application/xml"), ("Content-Length", "0"), ("ETag", '"e"')])
    return []


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Say nothing of each request."""


@contextlib.contextmanager
def serve_bucket(patch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Serve an empty bucket, to which the environment leads."""
    bucket = Bucket()
    app = _Faulty(DomainDispatcherApplication(create_backend_app), bucket)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    bucket.endpoint = f"http://127.0.0.1:{server.server_port}"
    lead_to(bucket, patch)
    try:
        yield bucket
    finally:
        bucket.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def lead_to(bucket: Bucket, patch: pytest.MonkeyPatch) -> None:
    """Let the environment lead to a bucket, as an operator does."""
    for name, value in environment_of(bucket).items():
        patch.setenv(name, value)


def environment_of(bucket: Bucket) -> dict[str, str]:
    """Return the variables that lead to a bucket."""
    return {
        "AWS_ACCESS_KEY_ID": bucket.access_key,
        "AWS_SECRET_ACCESS_KEY": bucket.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ALLOW_HTTP": "true",
    }
