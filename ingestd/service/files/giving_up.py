"""Giving an upload up whose bytes are lost: its district hears of it, and sends it again."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.intake.looking.unread import write_verdict
from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.spool.nodes import list_nodes
from ingestd.spool.queue import QueuedUpload, find_upload, give_up
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId, UploadId

_LOST = Finding(
    code=Code.UPLOAD_INTERRUPTED,
    verdict=Verdict.FILE,
    message="The file arrived, and was lost on the server before it was read. Nothing of this "
    "upload was taken. Send the file again, unless a later upload of it has its receipt.",
)


def give_up_upload(
    connection: Connection, account: AccountId, upload_id: UploadId, *, node: str
) -> str:
    """Let an upload end as interrupted, by the next worker of `node`; return why not, or nothing.

    The caller owns the write transaction. Whoever comes back with the bytes later commits nothing.
    What still has somebody to process it is not given up. Raises UsageError for an upload that the
    account does not have.
    """
    upload = find_upload(connection, account, upload_id)
    if upload is None:
        raise UsageError(f"Account {account} has no upload {upload_id}.")
    why_not = _why_not(connection, upload)
    verdict = write_verdict(FileStatus.INTERRUPTED, _LOST)
    if why_not or give_up(connection, upload, node=node, verdict=verdict):
        return why_not
    return f"{upload_id} was taken up a moment ago: look again."


def _why_not(connection: Connection, upload: QueuedUpload) -> str:
    if upload.state == "done":
        return f"{upload.upload_id} is {upload.status}: there is nothing to give up."
    if upload.state == "failed":
        return ""
    nodes = {node.node: node for node in list_nodes(connection)}
    if upload.archived and any(node.is_live for node in nodes.values()):
        return f"{upload.upload_id} is {upload.state}, and is processed by any node that is live."
    node = nodes.get(upload.node)
    if node is not None and not node.is_live:
        return ""
    where = upload.node if node is None else f"{node.node} on {node.host}, which is live"
    return f"{upload.upload_id} is {upload.state}, and is processed by node {where}."
