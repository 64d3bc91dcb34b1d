"""Refunds, payments, allocations and closed months; how each batch was sealed.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import STRICT, TEXT, WHOLE

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Only ever inserted into: a correction is a new row.
FACTS = (
    *("refund", "guest", "payment", "payment_part", "payment_event", "allocation"),
    "period_close",
)
PROJECTIONS = ("charge_state", "credit_lot")
HEAD_COUNTERS = ("refunds", "payments", "allocations")


def upgrade() -> None:
    """Carry everything that is stored, and make room for money."""
    _create_facts()
    _create_projections()
    _create_indexes()
    op.add_column("seal", _whole("version", default=1))
    op.add_column("row_outcome", _whole("payment_no", null=True))
    for counter in HEAD_COUNTERS:
        op.add_column("seal_head", _whole(counter, default=0))
    if op.get_context().dialect.name == "sqlite":
        for table in FACTS:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def downgrade() -> None:
    """Go back to a ledger of charges alone: payments and refunds are lost with their tables."""
    for counter in HEAD_COUNTERS:
        op.drop_column("seal_head", counter)
    op.drop_column("row_outcome", "payment_no")
    op.drop_column("seal", "version")
    op.drop_index("ix_file_outcome_sha256", "file_outcome")
    op.drop_index("ix_posting_payment_no", "posting")
    op.drop_index("ix_posting_charge_no", "posting")
    op.drop_index("ix_charge_party_no", "charge")
    op.drop_index("ix_student_parent_code", "student")
    for table in reversed(FACTS + PROJECTIONS):
        op.drop_table(table)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, server_default=default)


def _whole(name: str, *, null: bool = False, default: int | None = None) -> sa.Column[int]:
    server_default = None if default is None else sa.text(str(default))
    return sa.Column(name, WHOLE, nullable=null, server_default=server_default, autoincrement=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, name: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{name}")


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=sa.schema.conv(f"ck_{table}_{name}"))


def _create_facts() -> None:
    op.create_table(
        "refund",
        _text("account"),
        _whole("refund_no"),
        _whole("charge_no"),
        _text("content_hash"),
        _text("tx_item_rowid", null=True),
        _text("note", null=True),
        _text("effective_on"),
        _whole("batch_no"),
        _text("upload_id", null=True),
        _whole("row", null=True),
        _key("refund", "account", "refund_no"),
        _unique("refund", "charge_no", "account", "charge_no"),
        **STRICT,
    )
    op.create_table(
        "guest",
        _text("account"),
        _whole("party_no"),
        _text("name"),
        _text("email", null=True),
        _text("phone", null=True),
        _text("address", null=True),
        _whole("batch_no"),
        _key("guest", "account", "party_no"),
        **STRICT,
    )
    op.create_table(
        "payment",
        _text("account"),
        _whole("payment_no"),
        _text("payment_id"),
        _text("content_hash"),
        _text("kind"),
        _whole("party_no"),
        _whole("amount"),
        _whole("submitted_at"),
        _text("received_on"),
        _text("merchant_id", null=True),
        _text("batch_num", null=True),
        _text("receipt_num", null=True),
        _whole("for_charge_no", null=True),
        _text("comment", null=True),
        _whole("batch_no"),
        _text("upload_id", null=True),
        _whole("row", null=True),
        _key("payment", "account", "payment_no"),
        _unique("payment", "payment_id", "account", "payment_id"),
        _check("payment", "amount", "amount > 0"),
        **STRICT,
    )
    op.create_table(
        "payment_part",
        _text("account"),
        _whole("payment_no"),
        _whole("part_no"),
        _text("kind"),
        _whole("amount"),
        _whole("party_no", null=True),
        _text("gl_account", null=True),
        _text("tax_code", null=True),
        _whole("batch_no"),
        _key("payment_part", "account", "payment_no", "part_no"),
        _check("payment_part", "amount", "amount > 0"),
        _check(
            "payment_part",
            "kind",
            "kind IN ('fee', 'discount', 'wallet', 'building', 'other', 'tax', 'gl',"
            " 'deposit', 'advance')",
        ),
        **STRICT,
    )
    op.create_table(
        "payment_event",
        _text("account"),
        _whole("payment_no"),
        _text("event"),
        _text("effective_on"),
        _text("reason", null=True),
        _whole("batch_no"),
        _key("payment_event", "account", "payment_no", "event"),
        _check("payment_event", "event", "event IN ('settled', 'returned', 'voided')"),
        **STRICT,
    )
    op.create_table(
        "allocation",
        _text("account"),
        _whole("allocation_no"),
        _whole("payment_no"),
        _whole("credit_account"),
        _whole("party_no"),
        _whole("charge_no"),
        _whole("amount"),
        _text("rule"),
        _text("effective_on"),
        _whole("batch_no"),
        _whole("reverses_allocation_no", null=True),
        _key("allocation", "account", "allocation_no"),
        _unique("allocation", "reverses_allocation_no", "account", "reverses_allocation_no"),
        _check("allocation", "amount", "amount > 0"),
        **STRICT,
    )
    op.create_table(
        "period_close",
        _text("account"),
        _text("month"),
        _whole("batch_no"),
        _key("period_close", "account", "month"),
        **STRICT,
    )


def _create_projections() -> None:
    # A charge that nothing has happened to since has no state: all of it is open.
    op.create_table(
        "charge_state",
        _text("account"),
        _whole("charge_no"),
        _whole("amount"),
        _whole("allocated"),
        _whole("voided"),
        _text("open_on", default=""),
        _key("charge_state", "account", "charge_no"),
        _check("charge_state", "allocated", "allocated >= 0"),
        _check("charge_state", "voided", "voided >= 0"),
        _check("charge_state", "open", "allocated + voided <= amount"),
        **STRICT,
    )
    op.create_table(
        "credit_lot",
        _text("account"),
        _whole("payment_no"),
        _whole("credit_account"),
        _whole("party_no"),
        _whole("settled_batch_no"),
        _text("available_on"),
        _whole("remaining"),
        _key("credit_lot", "account", "payment_no", "credit_account", "party_no"),
        _check("credit_lot", "remaining", "remaining >= 0"),
        **STRICT,
    )


def _create_indexes() -> None:
    op.create_index("ix_student_parent_code", "student", ["account", "parent_code"])
    op.create_index("ix_charge_party_no", "charge", ["account", "party_no"])
    # The posting of a charge itself needs no index: files of a million rows are spared it.
    moved = sa.text("event <> 'charge'")
    op.create_index(
        "ix_posting_charge_no",
        "posting",
        ["account", "charge_no"],
        sqlite_where=moved,
        postgresql_where=moved,
    )
    paid = sa.text("payment_no IS NOT NULL")
    op.create_index(
        "ix_posting_payment_no",
        "posting",
        ["account", "payment_no"],
        sqlite_where=paid,
        postgresql_where=paid,
    )
    op.create_index("ix_payment_event_batch_no", "payment_event", ["account", "batch_no"])
    op.create_index("ix_payment_batch_num", "payment", ["account", "batch_num", "merchant_id"])
    op.create_index("ix_payment_batch_no", "payment", ["account", "batch_no"])
    op.create_index("ix_payment_party_no", "payment", ["account", "party_no"])
    op.create_index("ix_allocation_charge_no", "allocation", ["account", "charge_no"])
    op.create_index("ix_allocation_payment_no", "allocation", ["account", "payment_no"])
    left = sa.text("remaining > 0")
    op.create_index(
        "ix_credit_lot_party_no",
        "credit_lot",
        ["account", "party_no"],
        sqlite_where=left,
        postgresql_where=left,
    )
    op.create_index("ix_file_outcome_sha256", "file_outcome", ["account", "sha256"])
