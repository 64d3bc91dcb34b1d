"""A mounted disk that forgets, as a test has it; and a daemon that leaves one sync out."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.acceptance.lost_power.disk import Mode
from tests.libraries import missing

_REPOSITORY = Path(__file__).parents[3]
_ANSWER_SECONDS = 20


class LossyDisk:
    """Mounts a disk that keeps only what was synced, and unmounts it in the end."""

    def __init__(self, folder: Path, *, split: bool = False) -> None:
        """Skip the test where no FUSE is; on CI fail it."""
        if not os.access("/dev/fuse", os.R_OK | os.W_OK) or shutil.which("fusermount3") is None:
            missing("power cannot be lost here: no /dev/fuse, or no fusermount3")
        folder.mkdir()
        self.is_split = split
        self._folder = folder
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.acceptance.lost_power.mount", str(folder)),
                *(["split"] if split else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_REPOSITORY,
            env=os.environ | {"FUSE_LIBRARY_NAME": "fuse3"},
        )
        if self._answer() != "mounted":
            self._process.wait()
            missing("power cannot be lost here: no file system can be mounted")

    def __enter__(self) -> LossyDisk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_ANSWER_SECONDS)
        finally:
            self._process.kill()
            assert self._process.stdout is not None
            self._process.stdout.close()
            # A dead mount would stop whoever looks there later. As a rule it is gone already.
            subprocess.run(
                ["fusermount3", "-u", "-z", self._folder], check=False, stderr=subprocess.DEVNULL
            )

    def arm(self, changes: int, mode: Mode, seed: int) -> None:
        """Let the power go before the change after so many more."""
        self._tell(f"arm {changes} {mode.value} {seed}")

    def sync(self) -> None:
        """Keep everything that is there."""
        self._tell("sync")

    def cut(self) -> None:
        """Cut the power, if it is on."""
        self._tell("cut")

    def remount(self) -> None:
        """Give power again; whoever used the disk must have been killed."""
        self._tell("remount")

    @property
    def changes(self) -> int | None:
        """How often the disk was changed, or None while the power is off."""
        answer = self._tell("ask")
        return None if answer == "cut" else int(answer)

    def _tell(self, command: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        stdout = self._process.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], _ANSWER_SECONDS)
        assert ready, "the disk does not answer: somebody may have a file of it open"
        return stdout.readline().strip()
