"""The commented example files: what `ingestd init` puts into an empty config folder."""

from __future__ import annotations

from pathlib import Path

from ingestd.config.editing.replace import Replacement
from ingestd.shipped import shipped_path

# Accounts hold password hashes: they are for the daemon's group and nobody else.
_MODES = {"ingestd.toml": 0o644, "accounts.toml": 0o640, "allowlist.toml": 0o644}


def write_examples(target_dir: Path) -> tuple[Path, ...]:
    """Write each example that is missing in an existing folder; return the files written.

    What is there already, if only as a link, is left as it is. Raises StorageError.
    """
    written = []
    for name, mode in _MODES.items():
        target = target_dir / name
        if target.exists() or target.is_symlink():
            continue
        example = (shipped_path("config") / name).read_bytes()
        Replacement(target, example, mode=mode).commit()
        written.append(target)
    return tuple(written)
