"""The durable queue: one row of the `upload` table for each file that was taken.

A killed daemon picks up where it was: what is `waiting` is processed, what is `working`
under a lease that ran out is processed again, what is `done` but not delivered is delivered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.spool.arrivals import Arrival
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import LeaseLostError
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.provenance import Provenance

_SQL = Statements(__file__)

LEASE_SECONDS = 60
TRIES_MAX = 6
DEATHS_MAX = 100  # a kill is seldom a file's fault, but one file must not kill for ever
WAITS_FOR_SPACE = "no space is left; it is tried again by itself as long as that lasts"
WAITS_FOR_BOOKS = "the books do not continue what was signed; see ledger_rolled_back"
ELSEWHERE_SECONDS = 30
"""What another node is left longer than our own: the clocks of two nodes differ."""

_SECOND = 1_000_000
_BACKOFF_SECONDS = (1, 5, 15, 60, 300)


class Given(Enum):
    """What became of an upload that a worker gave back."""

    TO_BE_TRIED = auto()
    TO_A_PERSON = auto()
    NOT_OURS = auto()
    """It has its outcome, or its claim passed to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry(Provenance):
    """An upload as it enters the queue.

    `verdict` is what its receipt will say, where that is known and nobody reads the file.
    `archived`: its bytes are in the archive that all nodes share.
    """

    account: AccountId
    upload_id: UploadId
    verdict: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedUpload(QueueEntry):
    """An upload as the queue knows it: how far it is, and who works on it.

    `attempts` counts the tries that failed by a fault of its own, `waits` those that the world
    made fail.
    """

    state: str
    status: str | None
    owner: str | None
    claim_token: int
    attempts: int
    waits: int
    last_error: str | None
    records_done: int
    delivered: bool


def entry_of_arrival(
    arrival: Arrival, *, format_name: str | None, node: str, verdict: str | None = None
) -> QueueEntry:
    """Return the entry of an upload that came through a door."""
    return QueueEntry(
        account=arrival.account,
        upload_id=arrival.upload_id,
        filename=arrival.filename,
        format=format_name,
        source=arrival.source,
        size_bytes=arrival.size_bytes,
        sha256=arrival.sha256,
        received_at=to_microseconds(arrival.received_at),
        peer=arrival.peer,
        session_id=arrival.session_id,
        key_fingerprint=arrival.key_fingerprint,
        client_version=arrival.client_version,
        sent_by=arrival.sent_by,
        node=node,
        verdict=verdict,
        archived=arrival.archived,
    )


def enqueue(connection: Connection, entry: QueueEntry) -> bool:
    """Put an upload into the queue, due at once; what was announced of it is due now, too.

    False when it is there already (a restart found it again, or another node has taken it).
    """
    return _insert(connection, entry, next_try_at=0)


def announce(connection: Connection, entry: QueueEntry, *, due_at: int) -> bool:
    """Let all nodes know of an upload before it is claimed, which they may take from `due_at` on.

    Said again, it has another name. False when somebody has claimed it. A `due_at` further ahead
    than the longest pause, five minutes, is none.
    """
    return _insert(connection, entry, next_try_at=due_at)


def withdraw(connection: Connection, account: AccountId, upload_id: UploadId) -> bool:
    """Take an announcement back; False when there is none, or somebody has claimed the upload."""
    values = {"account": account, "upload_id": upload_id}
    return _SQL.run(connection, "withdraw_upload", values).rowcount == 1


def _insert(connection: Connection, entry: QueueEntry, *, next_try_at: int) -> bool:
    values = asdict(entry) | {"archived": int(entry.archived), "next_try_at": next_try_at}
    return _SQL.run(connection, "insert_upload", values).rowcount == 1


def lease_next(
    connection: Connection, *, node: str, owner: str, now: int, shares: bool = False
) -> QueuedUpload | None:
    """Take the next upload for `LEASE_SECONDS`, or return None when there is nothing to do.

    An account's files go one at a time, in the order in which they arrived: of two files
    with the same key the earlier one is to win. A node that `shares` the archive takes what is
    there from another node, too. The new claim token fences off whoever held the upload before.
    """
    row = _SQL.run(
        connection,
        "lease_next",
        {
            "owner": owner,
            "node": node,
            "shares": int(shares),
            "now": now,
            "long_ago": now - ELSEWHERE_SECONDS * _SECOND,
            "latest": now + _BACKOFF_SECONDS[-1] * _SECOND,
            "expires_at": now + LEASE_SECONDS * _SECOND,
        },
    ).one_or_none()
    return None if row is None else _upload(row)


def lease_upload(
    connection: Connection, entry: QueueEntry, *, owner: str, now: int
) -> QueuedUpload | None:
    """Take one certain upload, whoever had it before; None when it has its outcome already."""
    row = _SQL.run(
        connection,
        "lease_upload",
        {
            "account": entry.account,
            "upload_id": entry.upload_id,
            "owner": owner,
            "expires_at": now + LEASE_SECONDS * _SECOND,
        },
    ).one_or_none()
    return None if row is None else _upload(row)


def renew_lease(connection: Connection, upload: QueuedUpload, *, now: int, records: int) -> bool:
    """Keep an upload for another `LEASE_SECONDS`; False when it is somebody else's by now."""
    result = _SQL.run(
        connection,
        "renew_lease",
        _claim_of(upload) | {"expires_at": now + LEASE_SECONDS * _SECOND, "records": records},
    )
    return result.rowcount == 1


def mark_done(connection: Connection, upload: QueuedUpload, *, status: str) -> None:
    """Record inside the outcome's own transaction that the upload has one.

    Raises LeaseLostError when the claim passed to another: then nothing of what was
    computed may be committed.
    """
    result = _SQL.run(connection, "mark_done", _claim_of(upload) | {"status": status})
    if result.rowcount != 1:
        raise LeaseLostError(f"Upload {upload.upload_id} was taken over by another worker.")


def put_back(connection: Connection, upload: QueuedUpload, *, error: str, now: int) -> Given:
    """Give an upload back after a fault that came of itself, and would come again.

    It is tried again after a while that grows; after six such tries it waits for an operator,
    and the account's later files go on.
    """
    again = upload.attempts + 1 < TRIES_MAX
    found = _SQL.run(
        connection,
        "put_back",
        _claim_of(upload)
        | {
            "state": "waiting" if again else "failed",
            "next_try_at": now + _pause_seconds(upload.attempts) * _SECOND,
            "error": error,
        },
    )
    if found.rowcount != 1:
        return Given.NOT_OURS
    return Given.TO_BE_TRIED if again else Given.TO_A_PERSON


def wait_for_world(
    connection: Connection,
    upload: QueuedUpload,
    *,
    now: int,
    error: str,
    seconds: float | None = None,
) -> Given:
    """Give an upload back because the world is in its way; `error` says what.

    Such a try does not count: a disk may be full, or the database away, for longer than six tries
    last. It is tried again after `seconds`, or after a while that grows to five minutes.
    """
    pause = _pause_seconds(upload.waits) if seconds is None else seconds
    found = _SQL.run(
        connection,
        "wait_for_world",
        _claim_of(upload) | {"next_try_at": now + round(pause * _SECOND), "error": error},
    )
    return Given.TO_BE_TRIED if found.rowcount == 1 else Given.NOT_OURS


def hand_back(connection: Connection, upload: QueuedUpload) -> None:
    """Give an upload back untried, because the daemon stops."""
    _SQL.run(connection, "hand_back", _claim_of(upload))


def release_leases(connection: Connection, *, node: str) -> int:
    """Free what a daemon on this node was working on when it died; only at its start.

    A file that was being worked on at a hundred deaths waits for an operator.
    """
    result = _SQL.run(connection, "release_leases", {"node": node, "deaths_max": DEATHS_MAX})
    return result.rowcount


def retry(connection: Connection, account: AccountId, upload_id: UploadId) -> bool:
    """Let an upload that failed be tried again at once; False when it had not failed."""
    result = _SQL.run(connection, "retry", {"account": account, "upload_id": upload_id})
    return result.rowcount == 1


def give_up(connection: Connection, upload: QueuedUpload, *, node: str, verdict: str) -> bool:
    """Let an upload end by a verdict, on a node; False when somebody took it since it was found.

    Who held it before commits nothing any more.
    """
    values = _claim_of(upload) | {"node": node, "verdict": verdict}
    return _SQL.run(connection, "give_up", values).rowcount == 1


def list_kept_by_nodes(connection: Connection, account: AccountId) -> list[QueuedUpload]:
    """Return an account's uploads without an outcome that one node alone has the bytes of."""
    rows = _SQL.run(connection, "list_kept_by_nodes", {"account": account})
    return [_upload(row) for row in rows]


def adopt(connection: Connection, account: AccountId, upload_id: UploadId) -> bool:
    """Let any node process an upload whose bytes are in the archive; False when it is done."""
    values = {"account": account, "upload_id": upload_id}
    return _SQL.run(connection, "adopt", values).rowcount == 1


def undelivered(connection: Connection, *, node: str, limit: int) -> list[QueuedUpload]:
    """Return uploads with an outcome whose receipt or archive copy is not in place yet."""
    rows = _SQL.run(connection, "find_undelivered", {"node": node, "limit": limit})
    return [_upload(row) for row in rows]


def mark_delivered(
    connection: Connection, account: AccountId, upload_id: UploadId, *, archived: bool = False
) -> None:
    """Record that the receipt can be fetched and the file is kept; `archived`: by all nodes."""
    values = {"account": account, "upload_id": upload_id, "archived": int(archived)}
    _SQL.run(connection, "mark_delivered", values)


def find_upload(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> QueuedUpload | None:
    """Return one upload, or None."""
    row = _SQL.run(
        connection, "find_upload", {"account": account, "upload_id": upload_id}
    ).one_or_none()
    return None if row is None else _upload(row)


def knows_any(connection: Connection, uploads: Iterable[tuple[AccountId, UploadId]]) -> bool:
    """Tell whether the queue has ever held one of these uploads."""
    return any(
        _SQL.run(connection, "knows_upload", {"account": account, "upload_id": upload_id}).first()
        is not None
        for account, upload_id in uploads
    )


def list_uploads(
    connection: Connection, account: AccountId, *, status: str | None, limit: int
) -> list[QueuedUpload]:
    """Return an account's uploads, latest first; `status` is a state or a receipt's status."""
    rows = _SQL.run(
        connection,
        "list_uploads",
        {
            "account": account,
            "any_status": int(status is None),
            "status": status or "",
            "limit": limit,
        },
    )
    return [_upload(row) for row in rows]


def count_open(connection: Connection, *, node: str) -> tuple[int, int]:
    """Return how many uploads wait or are worked on, and how many have failed."""
    row = _SQL.run(connection, "count_open", {"node": node}).one()
    return int(row.waiting), int(row.failed)


def is_done_by(connection: Connection, upload: QueuedUpload) -> bool:
    """Tell whether an upload has the outcome of this very claim."""
    found = find_upload(connection, upload.account, upload.upload_id)
    is_done = found is not None and found.state == "done"
    return is_done and found is not None and found.claim_token == upload.claim_token


def _pause_seconds(tries: int) -> int:
    return _BACKOFF_SECONDS[min(tries, len(_BACKOFF_SECONDS) - 1)]


def _claim_of(upload: QueuedUpload) -> dict[str, Any]:
    return {
        "account": upload.account,
        "upload_id": upload.upload_id,
        "claim_token": upload.claim_token,
    }


def _upload(row: Any) -> QueuedUpload:  # noqa: ANN401 - a row with the columns of an upload
    flags = {"delivered": bool(row.delivered), "archived": bool(row.archived)}
    return QueuedUpload(**dict(row._mapping) | flags)  # noqa: SLF001
