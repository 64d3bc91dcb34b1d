"""What travels with the program beside its code: migrations, example config, demo files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def shipped_path(name: Literal["migrations", "config", "demo"]) -> Path:
    """Return the folder of something shipped.

    An installed wheel carries it inside this package; in a checkout it stands beside the
    package, at the root of the repository.
    """
    installed = Path(__file__).parent / name
    return installed if installed.is_dir() else Path(__file__).parents[2] / name
