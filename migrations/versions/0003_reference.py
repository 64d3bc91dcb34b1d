"""Reference data of payments: merchants, accounts of the general ledger, tax codes, donors.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import STRICT, TEXT, WHOLE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("merchant", "gl_account", "tax_code", "donor", "donor_pledge", "donor_appeal")


def upgrade() -> None:
    """Make room for what payment files refer to."""
    op.create_table(
        "merchant",
        _text("account"),
        _text("merchant_id"),
        _text("description"),
        _text("settle", default="on_confirm"),
        _text("other_gl_account", null=True),
        _key("merchant", "account", "merchant_id"),
        _check("merchant", "settle", "settle IN ('on_confirm', 'on_import')"),
        **STRICT,
    )
    op.create_table(
        "gl_account",
        _text("account"),
        _text("gl_account"),
        _text("name"),
        _text("status", default="open"),
        _whole("requires_donor"),
        _whole("requires_appeal"),
        _key("gl_account", "account", "gl_account"),
        _check("gl_account", "status", "status IN ('open', 'closed')"),
        _check("gl_account", "requires_donor", "requires_donor IN (0, 1)"),
        _check("gl_account", "requires_appeal", "requires_appeal IN (0, 1)"),
        **STRICT,
    )
    op.create_table(
        "tax_code",
        _text("account"),
        _text("tax_code"),
        _text("name"),
        _key("tax_code", "account", "tax_code"),
        **STRICT,
    )
    op.create_table(
        "donor",
        _text("account"),
        _text("donor_number"),
        _text("name"),
        _key("donor", "account", "donor_number"),
        **STRICT,
    )
    for table, column in (("donor_pledge", "pledge_number"), ("donor_appeal", "appeal_code")):
        op.create_table(
            table,
            _text("account"),
            _text("donor_number"),
            _text(column),
            _key(table, "account", "donor_number", column),
            **STRICT,
        )


def downgrade() -> None:
    """Forget the reference data of payments."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, server_default=default)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, WHOLE, nullable=False, server_default=sa.text("0"), autoincrement=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=sa.schema.conv(f"ck_{table}_{name}"))
