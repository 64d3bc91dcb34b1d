"""The books, the catalog and the queue, as `0001_books.sql` defines them; the ledger gets its id.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; what an older program cannot live with comes a release after what replaces it,
and then `oldest_program` says so; every constraint has a name; both databases, and the way back,
are tested.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import sqlalchemy as sa
from alembic import op

from ingestd.database.definitions import create, drop

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

oldest_program = "0001"
"""Programs made for this revision, or a later one, may run beside this schema."""

DEFINED_IN = Path(__file__).with_suffix(".sql")
_ID_BYTES = 16


def upgrade() -> None:
    """Make an empty database ready, and give this ledger an id that no other has.

    Where a ledger is copied, it is the `ledger` that the config's attributes hold.
    """
    connection = op.get_bind()
    create(connection, DEFINED_IN)
    config = op.get_context().config
    copied = None if config is None else config.attributes.get("ledger")
    made = {"ledger_id": secrets.token_hex(_ID_BYTES), "made_at": time.time_ns() // 1000}
    connection.execute(
        sa.text(
            "INSERT INTO ledger (ledger_no, ledger_id, made_at) VALUES (1, :ledger_id, :made_at)"
        ),
        copied or made,
    )


def downgrade() -> None:
    """Remove everything, with all that was stored."""
    drop(op.get_bind(), DEFINED_IN)
