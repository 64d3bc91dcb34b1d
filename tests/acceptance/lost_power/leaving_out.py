"""Leaving one sync out of a daemon, which has no switch for it.

One statement of one function is replaced before the daemon starts; whoever moves the statement must
name it anew in SITES.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from dataclasses import dataclass
from types import FunctionType


@dataclass(frozen=True, slots=True)
class Site:
    """One place that syncs: its module, its function, what stands there, and what instead."""

    module: str
    function: str
    text: str
    instead: str = "None"

    def leave_out(self) -> None:
        """Replace the text, which must stand in the function once, wherever it is called from."""
        found: object = importlib.import_module(f"ingestd.{self.module}")
        for name in self.function.split("."):
            found = getattr(found, name)
        function = inspect.unwrap(found)  # type: ignore[arg-type]
        assert isinstance(function, FunctionType)
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.text) == 1, f"{self.text} in {self.function}"
        made: dict[str, FunctionType] = {}
        # Annotations stay text, as in the module.
        changed = "from __future__ import annotations\n" + source.replace(self.text, self.instead)
        exec(changed, function.__globals__, made)
        function.__code__ = inspect.unwrap(made[function.__name__]).__code__


_FILES = "spool.files"
SITES = {
    "bytes": Site("sftp.uploads.staged_upload", "StagedUpload.seal", "os.fsync(self._descriptor)"),
    "note": Site(_FILES, "write_pieces_durably", "os.fsync(descriptor)"),
    "target folder": Site(_FILES, "_put_durably", "sync_folder(target.parent)"),
    "source folder": Site(_FILES, "move_durably", "sync_folder(source.parent)"),
    "new folder": Site(_FILES, "make_folder", "sync_folder(folder.parent)"),
    "claimed": Site("spool.claimed", "_take", "sync_folder(home)"),
    "incoming": Site("spool.claimed", "_take", "sync_folder(source.parent)"),
    "commit": Site("database.engine", "_open_sqlite", "synchronous=FULL", "synchronous=OFF"),
}
