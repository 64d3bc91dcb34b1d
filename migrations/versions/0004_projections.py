"""What is left to pay in the order in which it is paid, balances, and sums of each batch.

Rules: never change a migration that was released; add columns with a default; rename by
adding and keeping; every constraint has a name; both databases, and the way back, are tested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingestd.database.types import STRICT, TEXT, WHOLE

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("open_charge", "batch_total", "party_balance")


def upgrade() -> None:
    """Make the projections, and fill them from the facts that are stored."""
    _create_open_charges()
    _create_totals()
    for statement in (_OPEN_CHARGES, _BATCH_TOTALS, _PARTY_BALANCES):
        op.execute(statement)
    # Open charges are found by their party there; paid ones are history.
    op.drop_index("ix_charge_party_no", "charge")


def downgrade() -> None:
    """Forget the projections; every one of them can be had again from the facts."""
    op.create_index("ix_charge_party_no", "charge", ["account", "party_no"])
    for table in reversed(TABLES):
        op.drop_table(table)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, WHOLE, nullable=False, autoincrement=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=sa.schema.conv(f"ck_{table}_{name}"))


def _create_open_charges() -> None:
    # A party's rows lie in the order in which money pays them.
    op.create_table(
        "open_charge",
        _text("account"),
        _whole("party_no"),
        _whole("credit_account"),
        _whole("occurred_at"),
        _whole("sort"),
        _whole("batch_no"),
        _whole("row"),
        _whole("charge_no"),
        _whole("amount"),
        _key(
            "open_charge",
            *("account", "party_no", "credit_account", "occurred_at", "sort", "batch_no", "row"),
        ),
        _check("open_charge", "amount", "amount > 0"),
        **STRICT,
    )


def _create_totals() -> None:
    op.create_table(
        "batch_total",
        _text("account"),
        _whole("batch_no"),
        _text("effective_on"),
        _whole("debit_account"),
        _whole("credit_account"),
        _text("billing_code"),
        _whole("postings"),
        _whole("amount"),
        _key(
            "batch_total",
            *("account", "batch_no", "effective_on", "debit_account", "credit_account"),
            "billing_code",
        ),
        _check("batch_total", "amount", "amount > 0"),
        **STRICT,
    )
    op.create_table(
        "party_balance",
        _text("account"),
        _whole("party_no"),
        _whole("credit_account"),
        _whole("postings"),
        _whole("balance"),
        _key("party_balance", "account", "party_no", "credit_account"),
        **STRICT,
    )


_OPEN_CHARGES = """
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, batch_no, row,
  charge_no, amount)
SELECT c.account, c.party_no, CASE c.account_type WHEN 'LIABILITY' THEN 2010 ELSE 2000 END,
  c.occurred_at, COALESCE(r.sort, 0), c.batch_no, COALESCE(c.row, 0), c.charge_no,
  c.amount - COALESCE(t.allocated, 0) - COALESCE(t.voided, 0)
FROM charge c
  LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no
  LEFT JOIN product r ON r.account = c.account AND r.billing_code = c.billing_code
WHERE c.amount > COALESCE(t.allocated, 0) + COALESCE(t.voided, 0)
ORDER BY c.account, c.party_no
"""
_BATCH_TOTALS = """
INSERT INTO batch_total (account, batch_no, effective_on, debit_account, credit_account,
  billing_code, postings, amount)
SELECT p.account, p.batch_no, p.effective_on, p.debit_account, p.credit_account,
  COALESCE(p.billing_code, ''), COUNT(*), SUM(p.amount)
FROM posting p GROUP BY 1, 2, 3, 4, 5, 6
"""
# Each posting counts on both sides; on a balance the credit side adds and the debit side takes.
_PARTY_BALANCES = """
INSERT INTO party_balance (account, party_no, credit_account, postings, balance)
SELECT m.account, m.party_no, m.credit_account, COUNT(*), SUM(m.amount)
FROM (
  SELECT p.account, p.credit_party_no AS party_no, p.amount,
    CASE WHEN p.credit_account IN (1110, 2000) THEN 2000 ELSE 2010 END AS credit_account
  FROM posting p
  WHERE p.credit_party_no IS NOT NULL AND p.credit_account IN (1100, 1110, 2000, 2010)
  UNION ALL
  SELECT p.account, p.debit_party_no, -p.amount,
    CASE WHEN p.debit_account IN (1110, 2000) THEN 2000 ELSE 2010 END
  FROM posting p
  WHERE p.debit_party_no IS NOT NULL AND p.debit_account IN (1100, 1110, 2000, 2010)
) m GROUP BY 1, 2, 3
"""
