"""${message}.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; what an older program cannot live with comes a release after what replaces it,
and then `oldest_program` says so; every constraint has a name; both databases, and the way back,
are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

oldest_program = ${repr(down_revision)}
"""Programs made for this revision, or a later one, may run beside this schema."""


def upgrade() -> None:
    """Say what is true afterwards."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Say what is lost."""
    ${downgrades if downgrades else "pass"}
