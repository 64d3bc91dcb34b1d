"""A newer version of the program: the same code, whose schema has one migration more."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import ingestd
from ingestd.database import schema

ROOT = Path(ingestd.__file__).parents[1]
FAR = "0099"


def newer_program(
    folder: Path,
    *,
    oldest: str,
    statement: str,
    revision: str = FAR,
    base: Path = ROOT,
    after: str = schema.HEAD_REVISION,
) -> Path:
    """Make a program whose schema has one migration more than that of `base`."""
    shutil.copytree(base / "ingestd", folder / "ingestd", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copytree(base / "migrations", folder / "migrations")
    module = folder / "ingestd" / "database" / "schema.py"
    text, count = re.subn(
        r'^HEAD_REVISION = ".*"$',
        f'HEAD_REVISION = "{revision}"',
        module.read_text("utf-8"),
        flags=re.MULTILINE,
    )
    assert count == 1
    module.write_text(text, "utf-8")
    (folder / "migrations" / "versions" / f"{revision}_more.py").write_text(
        f'from alembic import op\nrevision = "{revision}"\ndown_revision = "{after}"\n'
        f'branch_labels = depends_on = None\noldest_program = "{oldest}"\n'
        f"def upgrade():\n    op.execute({statement!r})\n",
        "utf-8",
    )
    return folder
