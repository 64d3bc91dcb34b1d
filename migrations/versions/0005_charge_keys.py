"""The keys of charges in a table of their own, so that charges lie in the order of arrival.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import STRICT, TEXT, WHOLE

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COPY = """
INSERT INTO charge_rebuilt (account, charge_no, tracking_id, content_hash, party_no, account_type,
  billing_code, amount, tax, note, occurred_at, effective_on, batch_no, upload_id, row)
SELECT account, charge_no, tracking_id, content_hash, party_no, account_type,
  billing_code, amount, tax, note, occurred_at, effective_on, batch_no, upload_id, row
FROM charge ORDER BY account, charge_no
"""


def upgrade() -> None:
    """Let the key of a charge be held by its own table; the charges stay as they are."""
    op.create_table(
        "charge_key",
        _text("account"),
        _text("tracking_id"),
        _whole("charge_no"),
        sa.PrimaryKeyConstraint("account", "tracking_id", name="pk_charge_key"),
        **STRICT,
    )
    op.execute(
        "INSERT INTO charge_key (account, tracking_id, charge_no)"
        " SELECT account, tracking_id, charge_no FROM charge ORDER BY account, tracking_id"
    )
    if _is_sqlite():
        _rebuild_charges()
        _guard("charge_key")
    else:
        op.drop_constraint("uq_charge_tracking_id", "charge", type_="unique")


def downgrade() -> None:
    """Let the charges hold their keys themselves again."""
    unique = ("account", "tracking_id")
    if _is_sqlite():
        _rebuild_charges(sa.UniqueConstraint(*unique, name="uq_charge_tracking_id"))
    else:
        op.create_unique_constraint("uq_charge_tracking_id", "charge", list(unique))
    op.drop_table("charge_key")


def _rebuild_charges(*constraints: sa.Constraint) -> None:
    """Make SQLite's table of charges anew: it cannot drop a constraint, nor add one."""
    op.create_table(
        "charge_rebuilt",
        _text("account"),
        _whole("charge_no"),
        _text("tracking_id"),
        _text("content_hash"),
        _whole("party_no"),
        _text("account_type"),
        _text("billing_code"),
        _whole("amount"),
        _whole("tax", default=0),
        _text("note", null=True),
        _whole("occurred_at"),
        _text("effective_on"),
        _whole("batch_no"),
        _text("upload_id", null=True),
        _whole("row", null=True),
        sa.PrimaryKeyConstraint("account", "charge_no", name="pk_charge"),
        _check("account_type", "account_type IN ('WALLET', 'LIABILITY')"),
        _check("amount", "amount >= 0"),
        _check("tax", "tax >= 0"),
        *constraints,
        **STRICT,
    )
    op.execute(_COPY)
    op.drop_table("charge")
    op.rename_table("charge_rebuilt", "charge")
    _guard("charge")


def _guard(table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def _whole(name: str, *, null: bool = False, default: int | None = None) -> sa.Column[int]:
    server_default = None if default is None else sa.text(str(default))
    return sa.Column(name, WHOLE, nullable=null, server_default=server_default, autoincrement=False)


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=sa.schema.conv(f"ck_charge_{name}"))
