"""The queue of uploads, the catalog, and the ledger's facts as far as charges go.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import STRICT, TEXT, WHOLE

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Only ever inserted into: a correction is a new row.
FACTS = ("party", "charge", "posting", "seal", "file_outcome", "row_outcome", "finding")


def upgrade() -> None:
    """Make an empty database ready for uploads, catalogs and charges."""
    _create_queue()
    _create_catalog()
    _create_ledger()
    _create_outcomes()
    if op.get_context().dialect.name == "sqlite":
        for table in FACTS:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def downgrade() -> None:
    """Remove everything, with all that was stored."""
    for table in (
        *("finding", "row_outcome", "file_outcome", "seal_head", "seal", "posting", "charge"),
        *("party", "parent", "student", "product_price", "product", "upload"),
    ):
        op.drop_table(table)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, server_default=default)


def _whole(name: str, *, null: bool = False, default: int | None = None) -> sa.Column[int]:
    server_default = None if default is None else sa.text(str(default))
    return sa.Column(name, WHOLE, nullable=null, server_default=server_default, autoincrement=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=sa.schema.conv(f"ck_{table}_{name}"))


def _create_queue() -> None:
    op.create_table(
        "upload",
        _text("account"),
        _text("upload_id"),
        _text("filename"),
        _text("format", null=True),
        _text("source"),
        _whole("size_bytes"),
        _text("sha256", null=True),
        _whole("received_at"),
        _text("peer", null=True),
        _text("session_id", null=True),
        _text("key_fingerprint", null=True),
        _text("client_version", null=True),
        _text("node"),
        _text("state"),
        _text("status", null=True),
        _text("owner", null=True),
        _whole("claim_token", default=0),
        _whole("lease_expires_at", default=0),
        _whole("attempts", default=0),
        _whole("next_try_at", default=0),
        _text("last_error", null=True),
        _whole("records_done", default=0),
        _whole("delivered", default=0),
        _key("upload", "account", "upload_id"),
        _check("upload", "state", "state IN ('waiting', 'working', 'failed', 'done')"),
        _check("upload", "source", "source IN ('sftp', 'folder')"),
        **STRICT,
    )
    op.create_index("ix_upload_state_received_at", "upload", ["state", "received_at"])
    op.create_index("ix_upload_delivered", "upload", ["delivered", "state"])


def _create_catalog() -> None:
    op.create_table(
        "product",
        _text("account"),
        _text("billing_code"),
        _text("name"),
        _text("repayment", default="chronological"),
        _whole("sort", default=0),
        _whole("installments", default=0),
        _text("gl_account", null=True),
        _key("product", "account", "billing_code"),
        _check("product", "repayment", "repayment IN ('chronological', 'direct')"),
        _check("product", "installments", "installments IN (0, 1)"),
        **STRICT,
    )
    op.create_table(
        "product_price",
        _text("account"),
        _text("billing_code"),
        _text("valid_from"),
        _whole("price"),
        _key("product_price", "account", "billing_code", "valid_from"),
        _check("product_price", "price", "price >= 0"),
        **STRICT,
    )
    op.create_table(
        "student",
        _text("account"),
        _text("student_id"),
        _text("name"),
        _text("parent_code", null=True),
        _text("status", default="enrolled"),
        _key("student", "account", "student_id"),
        _check("student", "status", "status IN ('enrolled', 'cancelled')"),
        **STRICT,
    )
    op.create_table(
        "parent",
        _text("account"),
        _text("parent_code"),
        _text("name"),
        _text("email", null=True),
        _key("parent", "account", "parent_code"),
        **STRICT,
    )


def _create_ledger() -> None:
    op.create_table(
        "party",
        _text("account"),
        _whole("party_no"),
        _text("kind"),
        _text("party_code"),
        _whole("batch_no"),
        _key("party", "account", "party_no"),
        sa.UniqueConstraint("account", "kind", "party_code", name="uq_party_code"),
        _check("party", "kind", "kind IN ('student', 'parent', 'guest', 'anonymous')"),
        **STRICT,
    )
    op.create_table(
        "charge",
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
        _key("charge", "account", "charge_no"),
        sa.UniqueConstraint("account", "tracking_id", name="uq_charge_tracking_id"),
        _check("charge", "account_type", "account_type IN ('WALLET', 'LIABILITY')"),
        _check("charge", "amount", "amount >= 0"),
        _check("charge", "tax", "tax >= 0"),
        **STRICT,
    )
    op.create_table(
        "posting",
        _text("account"),
        _whole("posting_no"),
        _whole("batch_no"),
        _text("event"),
        _text("effective_on"),
        _whole("debit_account"),
        _whole("credit_account"),
        _whole("amount"),
        _whole("debit_party_no", null=True),
        _whole("credit_party_no", null=True),
        _whole("charge_no", null=True),
        _whole("payment_no", null=True),
        _text("billing_code", null=True),
        _whole("reverses_posting_no", null=True),
        _key("posting", "account", "posting_no"),
        _check("posting", "amount", "amount > 0"),
        _check("posting", "two_accounts", "debit_account <> credit_account"),
        **STRICT,
    )
    op.create_table(
        "seal",
        _text("account"),
        _whole("batch_no"),
        _text("event"),
        _text("upload_id", null=True),
        _whole("sealed_at"),
        _whole("rows_sealed"),
        _whole("amount_posted"),
        _text("previous_hash"),
        _text("hash"),
        _key("seal", "account", "batch_no"),
        **STRICT,
    )
    op.create_table(
        "seal_head",
        _text("account"),
        _whole("batch_no", default=0),
        _text("hash"),
        _whole("sealed_at", default=0),
        _whole("charges", default=0),
        _whole("postings", default=0),
        _whole("parties", default=0),
        _key("seal_head", "account"),
        **STRICT,
    )


def _create_outcomes() -> None:
    op.create_table(
        "file_outcome",
        _text("account"),
        _text("upload_id"),
        _whole("batch_no"),
        _text("filename"),
        _text("format", null=True),
        _text("source"),
        _text("sha256", null=True),
        _whole("size_bytes"),
        _whole("received_at"),
        _whole("finished_at"),
        _text("peer", null=True),
        _text("session_id", null=True),
        _text("key_fingerprint", null=True),
        _text("client_version", null=True),
        _text("node"),
        _text("status"),
        _whole("records", null=True),
        _whole("applied", null=True),
        _whole("duplicate", null=True),
        _whole("conflict", null=True),
        _whole("rejected", null=True),
        _whole("applied_amount"),
        _whole("findings"),
        _key("file_outcome", "account", "upload_id"),
        _check(
            "file_outcome",
            "status",
            "status IN ('processed', 'processed_with_findings', 'rejected', 'interrupted')",
        ),
        _check("file_outcome", "counts", "records = applied + duplicate + conflict + rejected"),
        **STRICT,
    )
    op.create_table(
        "row_outcome",
        _text("account"),
        _text("upload_id"),
        _whole("row"),
        _whole("line"),
        _text("outcome"),
        _whole("charge_no", null=True),
        _key("row_outcome", "account", "upload_id", "row"),
        _check("row_outcome", "outcome", "outcome IN ('duplicate', 'conflict', 'rejected')"),
        **STRICT,
    )
    op.create_table(
        "finding",
        _text("account"),
        _text("upload_id"),
        _whole("finding_no"),
        _text("code"),
        _text("verdict"),
        _whole("row", null=True),
        _whole("line", null=True),
        _text("column_name", null=True),
        _text("value", null=True),
        _text("message"),
        _key("finding", "account", "upload_id", "finding_no"),
        _check("finding", "verdict", "verdict IN ('file', 'row', 'warning')"),
        **STRICT,
    )
