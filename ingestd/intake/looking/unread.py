"""What the receipt of an upload says that is never read: cut off, or under no format's name."""

from __future__ import annotations

import json

from ingestd.access.accounts import Account
from ingestd.formats.findings.codes import Code, Finding, Verdict, shorten
from ingestd.formats.names import bare_name, format_of, is_temporary, names_taken
from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.spool.arrivals import Arrival
from ingestd.spool.claimed import ClaimedFile

_NAMES_SHOWN_MAX = 10

# Why an upload is not whole, in the door's words, and in those of a receipt.
_CAUSE_OTHERWISE = "The upload ended after {bytes} bytes, before the file was whole."
_CAUSES = {
    "no_space": "The server had no space left for the file.",
    "archive_away": "The server could not keep the file safely at that time.",
    "hole": "Parts of the file are missing.",
    "size_mismatch": "The file has not the size that the client announced.",
    "not_continued": "What was sent belongs behind an earlier upload of this name, which may be of "
    "another version; this account's files are sent from the start.",
    "write_failed": "The server could not store the file.",
    "publish_failed": "The server could not store the file.",
}


def write_verdict(status: FileStatus, finding: Finding) -> str:
    """Return what the queue keeps of a verdict that was passed before the file's turn."""
    return json.dumps(
        {
            "status": status.value,
            "code": finding.code.value,
            "value": finding.value,
            "message": finding.message,
        }
    )


def read_verdict(text: str) -> tuple[FileStatus, Finding]:
    """Return a verdict that the queue kept."""
    kept = json.loads(text)
    finding = Finding(
        code=Code(kept["code"]),
        verdict=Verdict.FILE,
        value=kept["value"],
        message=kept["message"],
    )
    return FileStatus(kept["status"]), finding


def verdict_on_loss(note: Arrival) -> tuple[FileStatus, Finding]:
    """Return what the receipt of an upload that is not whole says."""
    if note.loss == "too_large":
        return FileStatus.REJECTED, Finding(
            code=Code.FILE_TOO_LARGE,
            verdict=Verdict.FILE,
            message="The file is larger than this server takes, and nothing of it was taken. "
            "Split it into files of their own, each with the header, and send those.",
        )
    cause = _CAUSES.get(note.loss or "", _CAUSE_OTHERWISE).format(bytes=note.size_bytes)
    return FileStatus.INTERRUPTED, Finding(
        code=Code.UPLOAD_INTERRUPTED,
        verdict=Verdict.FILE,
        # Another session may have sent the file meanwhile, and that one was taken.
        message=f"{cause} Nothing of this upload was taken. Send the file again, unless a later "
        "upload of it has its receipt.",
    )


def reason_of(claimed: ClaimedFile) -> Code:
    """Return why a file under no format's name is set aside."""
    if is_temporary(claimed.filename):
        return Code.FILE_NAME_TEMPORARY
    return Code.FILE_NAME_UNRECOGNISED


def verdict_on_temporary(
    claimed: ClaimedFile, *, age_hours: float, hours_max: float, files_max: int
) -> Finding:
    """Return what the receipt of forgotten temporary names says; of many it shows the first."""
    names = (claimed.filename, *claimed.others)
    too_old = f"kept a temporary name for {hours_max:g} hours"
    too_many = f"was among the oldest of more than {files_max} files under temporary names"
    if len(names) == 1:
        cause = too_old if age_hours >= hours_max else too_many
        what = f"The file {cause}, so it was set aside and not read."
    else:
        shown = ", ".join(shorten(name) for name in names[:_NAMES_SHOWN_MAX])
        more = len(names) - _NAMES_SHOWN_MAX
        listed = f"{shown} and {more} more" if more > 0 else shown
        what = (
            f"Each of {len(names)} files {too_old}, or {too_many}, so they were set aside and "
            f"not read: {listed}."
        )
    return Finding(
        code=Code.FILE_NAME_TEMPORARY,
        verdict=Verdict.FILE,
        value=shorten(claimed.filename),
        message=f"{what} A file is taken when it is renamed. If what it holds did not arrive under "
        "its own name, send it again, and let the job rename it when it is whole.",
    )


def verdict_on_unrecognised(account: Account, filename: str) -> Finding:
    """Return what the receipt of a file says whose name stands for nothing in its account."""
    bare = bare_name(filename)
    if format_of(bare, takes_catalogs=account.catalog_over_sftp) is not None:
        message = (
            "The file name has a space, a dot or an invisible character at its start or end. "
            f"Rename the file to {shorten(bare)} and send it again."
        )
    elif format_of(filename, takes_catalogs=True) is None:
        taken = names_taken(takes_catalogs=account.catalog_over_sftp)
        names = ", ".join(f"{format_name}*.csv" for format_name in taken)
        message = (
            "No format has this file name. Rename the file and send it again; "
            f"these names are recognised: {names}."
        )
    else:
        message = (
            "This account takes no catalog files over SFTP. Ask the operator to set "
            "catalog_over_sftp = true for it, then send the file again."
        )
    return Finding(
        code=Code.FILE_NAME_UNRECOGNISED,
        verdict=Verdict.FILE,
        value=shorten(filename),
        message=message,
    )
