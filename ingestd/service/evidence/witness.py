"""The witness: somebody outside who keeps every checkpoint, and whom nobody here can correct.

What waits for it stands in an outbox, and is tried again as long as it fails; no batch waits.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ingestd.ledger.evidence.outbox import Outgoing
from ingestd.spool.files import make_folder, storage_errors, sync_folder
from ingestd.values.errors import IngestdError

_COMMAND_SECONDS = 60
_ERROR_CHARACTERS_MAX = 200
_FILE_MODE = 0o640


class CheckpointConflictError(IngestdError):
    """The witness keeps another checkpoint of this size: somebody has signed two trees."""

    code = "checkpoint_conflict"


class WitnessError(IngestdError):
    """The witness does not take a checkpoint right now; it is tried again."""

    code = "witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Where checkpoints go: a folder, such as one that cannot be changed afterwards, or a command.

    The command gets the note on its standard input, and ACCOUNT and SIZE behind its own words.
    """

    folder: Path | None = None
    command: tuple[str, ...] = ()

    def send(self, outgoing: Outgoing) -> None:
        """Hand one checkpoint over; doing so again is no harm.

        Raises CheckpointConflictError, WitnessError and StorageError.
        """
        if self.folder is not None:
            self._keep(self.folder, outgoing)
        if self.command:
            self._run(outgoing)

    def _keep(self, folder: Path, outgoing: Outgoing) -> None:
        # The folder itself is not made: on a volume that is not there, notes would be lost.
        if not folder.is_dir():
            raise WitnessError(f"There is no folder {folder}: is its volume mounted?")
        home = folder / outgoing.account
        if outgoing.origin_no > 1:
            home /= str(outgoing.origin_no)
        make_folder(home)
        path = home / f"{outgoing.size:012}.checkpoint"
        note = outgoing.note.encode()
        with storage_errors(path):
            try:
                _write(path, note, os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                kept = path.read_bytes()
                if not note.startswith(kept):
                    raise CheckpointConflictError(
                        f"{path} holds another checkpoint than the one that was signed now. "
                        "Keep both: they show that the books were rewritten."
                    ) from None
                # A crash has cut it off; where nothing is missing nothing is written.
                _write(path, note[len(kept) :], os.O_APPEND)

    def _run(self, outgoing: Outgoing) -> None:
        words = (*self.command, outgoing.account, str(outgoing.size))
        try:
            done = subprocess.run(
                words,
                input=outgoing.note.encode(),
                capture_output=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise WitnessError(f"{self.command[0]} could not be run: {error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[:_ERROR_CHARACTERS_MAX]
            raise WitnessError(f"{self.command[0]} ended with {done.returncode}: {said}")


def _write(path: Path, content: bytes, flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | flags, _FILE_MODE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
