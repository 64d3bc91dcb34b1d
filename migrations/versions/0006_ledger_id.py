"""A ledger has an id of its own, and keeps what operators said of a clock that was behind.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import STRICT, TEXT, WHOLE

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID_BYTES = 16


def upgrade() -> None:
    """Give this ledger an id that no other has; it goes wherever the ledger is copied to."""
    ledger = op.create_table(
        "ledger",
        # One row, whoever may insert: a second one has nowhere to stand.
        _whole("ledger_no"),
        _text("ledger_id"),
        _whole("made_at"),
        sa.PrimaryKeyConstraint("ledger_no", name="pk_ledger"),
        sa.CheckConstraint("ledger_no = 1", name=sa.schema.conv("ck_ledger_ledger_no")),
        **STRICT,
    )
    made = {
        "ledger_no": 1,
        "ledger_id": secrets.token_hex(_ID_BYTES),
        "made_at": time.time_ns() // 1000,
    }
    op.bulk_insert(ledger, [made])
    op.create_table(
        "clock_acceptance",
        _text("account"),
        _whole("sealed_at"),
        _whole("clock_at"),
        _text("accepted_by"),
        _text("reason"),
        sa.PrimaryKeyConstraint("account", "sealed_at", "clock_at", name="pk_clock_acceptance"),
        sa.CheckConstraint(
            "clock_at < sealed_at", name=sa.schema.conv("ck_clock_acceptance_clock_at")
        ),
        **STRICT,
    )
    if op.get_context().dialect.name == "sqlite":
        _guard("ledger")
        _guard("clock_acceptance")


def downgrade() -> None:
    """Forget the ledger's id: data folders that know it will not take this ledger for theirs."""
    op.drop_table("clock_acceptance")
    op.drop_table("ledger")


def _guard(table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, WHOLE, nullable=False, autoincrement=False)
