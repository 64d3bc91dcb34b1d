"""By what people find the row again that a finding is about.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAMES = ("row_key", "party_code")


def upgrade() -> None:
    """Let findings hold their row's key, and whom it is about; older ones have neither."""
    for name in NAMES:
        op.add_column("finding", sa.Column(name, TEXT, nullable=True))


def downgrade() -> None:
    """Go back to findings that tell the number of their row alone."""
    for name in reversed(NAMES):
        op.drop_column("finding", name)
